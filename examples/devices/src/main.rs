//! One of several nodes that share a session registry; `./run` starts three.

mod devices;
mod page;
mod users;

use std::{convert::Infallible, env, error::Error, io, process::ExitCode};

use axum::extract::{FromRef, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    Keys, PostgresRegistry, RedisRegistry, Renew, Renewal, SessionRoutes, Sessions,
};
use stateless_session::{require_session, stateless_session};
use tokio::net::TcpListener;
use tokio::signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::users::{Role, User, UserId};

// An access lifetime so short that the page can be watched refreshing; "15m" is a usual one.
#[stateless_session(
    access = "1m",
    refresh = "7d",
    revocation = "best-effort",
    rotation = "30s"
)]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    name: String,
    role: Role,
}

/// An administrator, looked up at most 30 seconds ago.
#[require_session(role = Role::Admin, fresh = "30s")]
struct Admin(Claims);

#[derive(Clone, FromRef)]
struct App {
    sessions: Sessions<Claims>,
    /// Of several, which this is.
    node: HeaderValue,
}

impl Renew<Claims> for App {
    type Error = Infallible; // a database has its error here: an outage ends no session

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(User::find(*session.subject()).map(User::claims))
    }
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

/// For health checks and metrics. Where the internet reaches it, ask for a session.
async fn lag(State(app): State<App>) -> Json<Value> {
    let lag = app.sessions.revocation_lag();
    Json(json!({ "lag_ms": lag.map(|lag| lag.as_millis()) }))
}

fn router(app: App) -> Router {
    let node = app.node.clone();
    let name_node = move |mut response: Response| {
        let name = HeaderName::from_static("x-node");
        response.headers_mut().insert(name, node.clone());
        async { response }
    };
    Router::new()
        .route("/login", post(users::login))
        .route("/api/me", get(me))
        .route("/api/lag", get(lag))
        .route("/api/devices", get(devices::list))
        .route("/api/devices", delete(devices::end_others))
        .route("/api/devices/{sid}", delete(devices::end))
        .route("/api/users", get(devices::users))
        .route("/api/users/{user}/devices", get(devices::list_of))
        .route("/api/users/{user}/devices", delete(devices::end_all_of))
        .route("/api/users/{user}/devices/{sid}", delete(devices::end_of))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
        .merge(page::files())
        .layer(map_response(name_node))
        .with_state(app)
}

/// The registry's address says which engine it is on.
async fn sessions(keys: Keys, registry: &str) -> Result<Sessions<Claims>, Box<dyn Error>> {
    if registry.starts_with("redis") {
        let registry = RedisRegistry::connect(registry).await?;
        return Ok(Sessions::with_registry(keys, registry).await?);
    }
    let registry = PostgresRegistry::connect(registry).await?;
    Ok(Sessions::with_registry(keys, registry).await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("schema") {
        print!("{}", PostgresRegistry::SCHEMA); // for the migrations of an application
        return ExitCode::SUCCESS;
    }
    let log = tracing_subscriber::fmt().with_writer(io::stderr);
    log.with_ansi(false).init();
    let Err(error) = serve().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

async fn serve() -> Result<(), Box<dyn Error>> {
    // Nothing to fall back on: with keys of its own, a node would know nobody who logged in elsewhere.
    let keys = Keys::from_env()?;
    let registry = env::var("REGISTRY_URL").map_err(|_| "REGISTRY_URL is not set; see `./run`")?;
    let node = env::var("NODE").unwrap_or_default().parse()?;
    let sessions = sessions(keys, &registry).await?; // it knows what has ended before it serves
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router(App { sessions, node }))
        .with_graceful_shutdown(interrupted())
        .await?;
    Ok(())
}

async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return signal::ctrl_c().await.unwrap_or_default();
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
