use serde::Deserialize;
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Deserialize)]
struct Claims {
    sub: u64,
}

fn main() {}
