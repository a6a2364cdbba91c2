use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", revocation = "10s", rotation = "30s")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: u64,
}

#[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
#[derive(Clone, Serialize, Deserialize)]
pub struct OtherClaims {
    sub: u64,
}
