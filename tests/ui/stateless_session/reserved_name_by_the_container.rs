use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
struct Claims {
    sub: u64,
    auth_time: u64,
}

fn main() {}
