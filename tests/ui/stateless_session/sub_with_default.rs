use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: u64,
}

fn main() {}
