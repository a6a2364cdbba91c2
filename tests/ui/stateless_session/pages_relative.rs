use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", pages = "login")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
