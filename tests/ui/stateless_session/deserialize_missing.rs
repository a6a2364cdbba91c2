use serde::Serialize;
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize)]
struct Claims {
    sub: u64,
}

fn main() {}
