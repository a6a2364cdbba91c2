use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    #[cfg_attr(unix, serde(rename = "sub"))]
    user: u64,
}

fn main() {}
