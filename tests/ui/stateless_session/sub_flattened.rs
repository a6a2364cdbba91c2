use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    sub: Subject,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    id: u64,
}

fn main() {}
