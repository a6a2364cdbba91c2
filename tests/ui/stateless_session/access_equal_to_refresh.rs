use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "24h", refresh = "1d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
