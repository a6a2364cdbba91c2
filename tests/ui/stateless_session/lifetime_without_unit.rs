use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
