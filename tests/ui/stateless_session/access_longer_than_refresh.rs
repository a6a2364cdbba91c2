use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "7d", refresh = "24h")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
