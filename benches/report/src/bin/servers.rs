//! One server on one thread: `servers bare|ours|jsonwebtoken|memory|redis [REDIS_PORT]`. Prints its address, and the
//! header that a request to `/` needs.

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use floor::{Claims, app, samples};
use report::peers;
use stateless_session::{IssueError, Login, Sessions, TokenResponse};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sessions = samples::sessions();
    let bearer = format!(
        "Authorization: Bearer {}",
        samples::token(&sessions, samples::claims())
    );
    let (router, header) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare"] => (app::bare(), bearer),
        ["ours"] => (ours(sessions), bearer),
        ["jsonwebtoken"] => (peers::jsonwebtoken_extractor(), bearer),
        ["memory"] => stored(MemoryStore::default()).await?,
        ["redis", port] => redis(port.parse()?).await?,
        _ => return Err("servers bare|ours|jsonwebtoken|memory|redis [REDIS_PORT]".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\n{header}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// Logins beside what `end-to-end` asks for.
fn ours(sessions: Sessions<Claims>) -> Router {
    async fn log_in(
        login: Login<Claims>,
        Json(claims): Json<Claims>,
    ) -> Result<TokenResponse, IssueError> {
        login.start(claims)
    }
    let logins = Router::new()
        .route("/login", post(log_in))
        .with_state(sessions.clone());
    app::router(sessions).merge(logins)
}

async fn redis(port: u16) -> Result<(Router, String), Box<dyn Error>> {
    let config = Config::from_url(&format!("redis://127.0.0.1:{port}"))?;
    let pool = Pool::new(config, None, None, None, 4)?;
    let _connection = pool.connect();
    pool.wait_for_connect().await?;
    stored(RedisStore::new(pool)).await
}

/// tower-sessions with the claims under one key.
async fn stored(store: impl SessionStore + Clone) -> Result<(Router, String), Box<dyn Error>> {
    async fn handler(session: Session) -> StatusCode {
        match session.get::<Claims>("claims").await {
            Ok(Some(claims)) => {
                std::hint::black_box(claims);
                StatusCode::OK
            }
            _ => StatusCode::UNAUTHORIZED,
        }
    }
    async fn log_in(session: Session, Json(claims): Json<Claims>) -> StatusCode {
        match session.insert("claims", claims).await {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    let session = Session::new(None, Arc::new(store.clone()), None);
    session.insert("claims", samples::claims()).await?;
    session.save().await?;
    let id = session.id().ok_or("a session without an id")?;
    let router = Router::new()
        .route("/", get(handler))
        .route("/login", post(log_in))
        .layer(SessionManagerLayer::new(store));
    Ok((router, format!("Cookie: id={id}")))
}
