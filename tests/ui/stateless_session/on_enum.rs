use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
enum Claims {
    User { sub: u64 },
}

fn main() {}
