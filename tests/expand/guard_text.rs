use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    plan: Box<str>,
}

#[require_session(sub = "root", plan = "team" | "enterprise")]
async fn _2fa(claims: Claims) {}
