use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

struct Handlers;

impl Handlers {
    #[require_session(level = 1)]
    async fn handler(claims: Claims) {
        Self::handle(claims);
    }

    fn handle(_: Claims) {}
}

fn main() {}
