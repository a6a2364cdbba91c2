use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use stateless_session::{Sessions, require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

#[require_session(level = 9)]
async fn handler(claims: &Claims) -> String {
    claims.level.to_string()
}

fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Sessions<Claims>: FromRef<S>,
{
    Router::new().route("/", get(handler))
}

fn main() {}
