use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    plan: Plan,
}

#[derive(Clone, Serialize, Deserialize)]
enum Plan {
    None,
}

use Plan::None;

#[require_session(plan = None)]
async fn handler(claims: Claims) {
    drop(claims);
}

fn main() {}
