//! The server of the example: the routes of any application, for browsers as well, and the key `native`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, error::Error};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionClaims, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};
use tokio::{net::TcpListener, signal};

#[stateless_session(access = "1m", refresh = "7d", native)]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    generation: u32,
}

/// One user. The quickstart shows how passwords are kept.
#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    generation: Arc<AtomicU32>,
}

impl App {
    fn claims(&self) -> Claims {
        Claims {
            sub: "ada".to_owned(),
            generation: self.generation.load(Ordering::SeqCst),
        }
    }
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok((session.subject() == "ada").then(|| self.claims()))
    }
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// The same for a page and for a program: who asked decides where the refresh token goes.
async fn login(
    login: Login<Claims>,
    State(app): State<App>,
    Form(form): Form<Credentials>,
) -> Result<TokenResponse> {
    if form.name != "ada" || form.password != "wonderland" {
        return Err(StatusCode::UNAUTHORIZED.into());
    }
    Ok(login.start(app.claims())?)
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.sub
}

#[require_session]
async fn logout_everywhere(_claims: Claims, State(app): State<App>) -> StatusCode {
    app.generation.fetch_add(1, Ordering::SeqCst);
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let keys = match Keys::from_env() {
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let app = App {
        sessions: Sessions::new(keys),
        generation: Arc::default(),
    };
    let router = Router::new()
        .route("/login", post(login))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/me", get(me))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
        .with_state(app);
    let port: u16 = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("{}\n\nhttp://{address}", Claims::POLICY);
    axum::serve(listener, router)
        .with_graceful_shutdown(async { signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}
