//! The application that foreign clients and proxies log in to, twice: at the root of its origin, and at `/app/` of one, behind
//! a proxy that takes the prefix away. It speaks HTTP/1.1, and HTTP/2 to whoever begins with it.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::io;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use axum::extract::{FromRef, Path, State};
use axum::http::header::{CACHE_CONTROL, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, Session, SessionClaims, SessionRoutes, Sessions,
    TokenResponse, stateless_session,
};
use tokio::net::TcpListener;

#[stateless_session(access = "15m", refresh = "7d", cookie = "jars")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

#[stateless_session(access = "15m", refresh = "7d", cookie = "jars", path = "/app/auth")]
#[derive(Clone, Serialize, Deserialize)]
struct ClaimsBelowApp {
    sub: String,
}

impl From<String> for Claims {
    fn from(sub: String) -> Self {
        Self { sub }
    }
}

impl From<String> for ClaimsBelowApp {
    fn from(sub: String) -> Self {
        Self { sub }
    }
}

trait User: SessionClaims<Subject = String> + From<String> {}

impl<C: SessionClaims<Subject = String> + From<String>> User for C {}

/// Seconds that the server's clock is ahead.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicU64>);

struct App<C: SessionClaims> {
    sessions: Sessions<C>,
    ahead: Ahead,
}

impl<C: SessionClaims> Clone for App<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            ahead: self.ahead.clone(),
        }
    }
}

impl<C: SessionClaims> FromRef<App<C>> for Sessions<C> {
    fn from_ref(app: &App<C>) -> Self {
        app.sessions.clone()
    }
}

impl<C: User> Renew<C> for App<C> {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<C>) -> Result<Option<C>, Infallible> {
        Ok(Some(session.subject().clone().into()))
    }
}

#[derive(Deserialize)]
struct Credentials {
    sub: String,
}

async fn login<C: User>(
    login: Login<C>,
    Json(credentials): Json<Credentials>,
) -> Result<TokenResponse, IssueError> {
    login.start(credentials.sub.into())
}

/// Who is asking, and the names of the cookies that came along, as they were sent.
async fn me<C: User>(session: Session<C>, headers: HeaderMap) -> Response {
    let lines = headers.get_all(COOKIE).iter();
    let cookies: Vec<_> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(|pair| pair.split(|byte| *byte == b'=').next().unwrap_or_default())
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect();
    Json(json!({ "sub": session.subject(), "cookies": cookies })).into_response()
}

/// The same as an application answers that has a cache in front of it.
async fn private<C: User>(session: Session<C>) -> Response {
    ([(CACHE_CONTROL, "no-store")], session.subject().clone()).into_response()
}

async fn clock(State(ahead): State<Ahead>, Path(seconds): Path<u64>) -> StatusCode {
    ahead.0.store(seconds, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

fn router<C: User>(app: App<C>) -> Router {
    let clock = post(clock).with_state(app.ahead.clone());
    Router::new()
        .route("/login", post(login::<C>))
        .route("/me", get(me::<C>))
        .route("/private", get(private::<C>))
        .merge(C::routes_at("/auth"))
        .route("/clock/{ahead}", clock)
        .with_state(app)
}

fn app<C: User>() -> Result<Router, Box<dyn Error>> {
    let ahead = Ahead::default();
    let Ahead(seconds) = ahead.clone();
    let now = move || SystemTime::now() + Duration::from_secs(seconds.load(Ordering::Relaxed));
    let mut sessions = Sessions::new(Keys::from_env()?).with_clock(now);
    if let Ok(origin) = env::var("ALLOWED_ORIGIN") {
        sessions = sessions.allow_origin(&origin)?;
    }
    Ok(router(App::<C> { sessions, ahead }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let Err(error) = serve().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let root = TcpListener::bind(("127.0.0.1", 0)).await?;
    let below_app = TcpListener::bind(("127.0.0.1", 0)).await?;
    // However the test process ends, the server ends with it.
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0)
    });
    let ports = [root.local_addr()?.port(), below_app.local_addr()?.port()];
    println!("{}", json!(ports));
    tokio::try_join!(
        axum::serve(root, app::<Claims>()?).into_future(),
        axum::serve(below_app, app::<ClaimsBelowApp>()?).into_future(),
    )?;
    Ok(())
}
