//! The application that the browser tests log in to: its clock and its outages are the tests' to set, and it tells
//! which requests it has seen.

mod control;
mod pages;
mod seen;

use std::env;
use std::error::Error;
use std::io;
use std::process::{self, ExitCode};
use std::thread;

use axum::extract::{FromRef, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use crate::control::{Controls, Outage};
use crate::seen::Log;

// Longer than a test takes, so that a refresh is one that the test asked for. Tests set the clock to get past it.
// `native`, because no page may be given what programs are that are no browsers.
#[stateless_session(access = "60s", refresh = "1h", leeway = "1s", native)]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    role: Role,
    generation: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Admin,
    User,
}

#[derive(Clone, FromRef)]
struct App {
    controls: Controls,
    log: Log,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.controls.sessions()
    }
}

impl Renew<Claims> for App {
    type Error = Outage;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        Ok((self.controls.user_exists()?).then(|| self.controls.claims(session.subject())))
    }
}

#[derive(Deserialize)]
struct Credentials {
    sub: String,
    #[serde(default = "remembered")]
    remember: bool,
}

fn remembered() -> bool {
    true
}

/// Takes what a form can send as well as JSON, so that nothing but its origin stops a foreign page's form.
async fn login(
    mut login: Login<Claims>,
    State(controls): State<Controls>,
    body: String,
) -> axum::response::Result<TokenResponse> {
    let sub = match serde_json::from_str(&body) {
        Ok(Credentials { sub, remember }) => {
            if !remember {
                login = login.not_persistent();
            }
            sub
        }
        Err(_) => match body.trim().strip_prefix("sub=") {
            Some(sub) => sub.to_owned(),
            None => return Err(StatusCode::BAD_REQUEST.into()),
        },
    };
    Ok(login.start(controls.claims(&sub))?)
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session]
async fn echo(_: Claims, body: String) -> String {
    body
}

#[require_session(fresh = "5s")]
async fn fresh(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session(max_age = "20s")]
async fn recent(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn own_401() -> (StatusCode, &'static str) {
    (StatusCode::UNAUTHORIZED, "the application's own")
}

async fn graphql(claims: Claims) -> Json<Value> {
    Json(json!({ "data": { "me": claims.sub } }))
}

fn router(app: App) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/api/me", get(me))
        .route("/api/echo", post(echo))
        .route("/api/fresh", get(fresh))
        .route("/api/recent", get(recent))
        .route("/api/own-401", get(own_401))
        .route("/graphql", post(graphql))
        .merge(Claims::routes())
        .merge(pages::pages())
        .layer(middleware::from_fn_with_state(
            app.clone(),
            control::deliver,
        ))
        .layer(cross_origin())
        .layer(middleware::from_fn_with_state(app.clone(), seen::record))
        .route("/log", get(seen::log))
        .route("/control", post(control::control))
        .with_state(app)
}

fn allowed_origin() -> Option<String> {
    env::var("ALLOWED_ORIGIN").ok()
}

fn cross_origin() -> CorsLayer {
    let origin = allowed_origin().and_then(|origin| HeaderValue::from_str(&origin).ok());
    let Some(origin) = origin else {
        return CorsLayer::new();
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([WWW_AUTHENTICATE, RETRY_AFTER])
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
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let controls = Controls::new(Keys::from_env()?, allowed_origin())?;
    let log = Log::default();
    // However the test process ends, the server ends with it.
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0)
    });
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, router(App { controls, log })).await?;
    Ok(())
}
