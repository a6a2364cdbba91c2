use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
    generation: Generation,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Generation(u32);

fn main() {}
