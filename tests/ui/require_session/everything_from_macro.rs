use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

macro_rules! handler {
    ($level:pat) => {
        #[require_session(level = $level)]
        async fn handler(claims: Claims) {
            drop(claims);
        }
    };
}

handler!(0..=9 | 10..);

fn main() {}
