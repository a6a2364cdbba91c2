use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", binding = "offered")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: u64,
}

fn main() {}
