use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(
    acess = "15 minutes",
    refresh = 7,
    absolute = "0d",
    path = "auth",
    cookie = "__Secure-app",
    leeway = "61s",
    secure = "false",
    crate = renamed,
    path = "/auth"
)]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Option<u64>,
    exp: u64,
    generation: i32,
}

fn main() {}
