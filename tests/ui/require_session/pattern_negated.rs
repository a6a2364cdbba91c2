use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Role {
    Admin,
    Owner,
}

#[require_session(role = !Role::Admin)]
async fn handler(claims: Claims) {
    drop(claims);
}

fn main() {}
