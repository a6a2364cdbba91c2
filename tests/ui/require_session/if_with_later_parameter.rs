use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[require_session(if claims.sub == id)]
async fn handler(claims: Claims, axum::extract::Path(id): axum::extract::Path<u64>) {
    drop((claims, id));
}

fn main() {}
