use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

const ADMIN: u8 = 9;

#[require_session(
    level = ADMIN,
    sub != 1,
    level = 9,
    if let 1 = claims.sub,
    fresh = "30",
    max_age = 5,
    fresh = "30s",
    crate = renamed,
    if
)]
fn handler(_: &Claims) {}

fn main() {}
