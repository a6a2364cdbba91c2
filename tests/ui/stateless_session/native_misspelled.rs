use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", nativ)]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
}

fn main() {}
