//! One server on one thread: `servers bare|ours|jsonwebtoken|redis [REDIS_PORT]`. Prints its address, and the header
//! that a request to `/` needs.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use floor::{Claims, app, samples};
use report::peers;
use tower_sessions::{Session, SessionManagerLayer};
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
        ["ours"] => (app::router(sessions), bearer),
        ["jsonwebtoken"] => (peers::jsonwebtoken_extractor(), bearer),
        ["redis", port] => redis(port.parse()?).await?,
        _ => return Err("servers bare|ours|jsonwebtoken|redis [REDIS_PORT]".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\n{header}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn redis(port: u16) -> Result<(Router, String), Box<dyn Error>> {
    async fn handler(session: Session) -> StatusCode {
        match session.get::<Claims>("claims").await {
            Ok(Some(claims)) => {
                std::hint::black_box(claims);
                StatusCode::OK
            }
            _ => StatusCode::UNAUTHORIZED,
        }
    }
    let config = Config::from_url(&format!("redis://127.0.0.1:{port}"))?;
    let pool = Pool::new(config, None, None, None, 4)?;
    let _connection = pool.connect();
    pool.wait_for_connect().await?;
    let store = RedisStore::new(pool);
    let session = Session::new(None, Arc::new(store.clone()), None);
    session.insert("claims", samples::claims()).await?;
    session.save().await?;
    let id = session.id().ok_or("a session without an id")?;
    let router = Router::new()
        .route("/", get(handler))
        .layer(SessionManagerLayer::new(store));
    Ok((router, format!("Cookie: id={id}")))
}
