use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort", rotation = "30s")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: u64,
}

fn main() {}
