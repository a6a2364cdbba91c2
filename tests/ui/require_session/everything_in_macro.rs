use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

macro_rules! handler {
    ($name:ident) => {
        #[require_session(level = _)]
        async fn $name(claims: Claims) {
            drop(claims);
        }
    };
}

handler!(handler);

fn main() {}
