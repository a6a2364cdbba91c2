use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    sub: &'a str,
}

fn main() {}
