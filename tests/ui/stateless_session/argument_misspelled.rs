use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(acess = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
