use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct UserId(u64);

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
}

fn main() {}
