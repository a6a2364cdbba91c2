use serde::{Deserialize, Serialize};
use stateless_session::{SessionClaims, require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    ro
}

#[require_session]
async fn handler(claims: Claims) {
    drop(claims.subject().to_string());
}

fn main() {
    axum::Router::<stateless_session::Sessions<Claims>>::new()
        .route("/", axum::routing::get(handler));
}
