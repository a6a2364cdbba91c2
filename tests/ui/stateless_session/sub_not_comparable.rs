use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Id,
}

#[derive(Clone, Serialize, Deserialize)]
struct Id(u64);

fn main() {}
