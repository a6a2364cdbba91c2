use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: u64,
}
