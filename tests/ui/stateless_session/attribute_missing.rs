use serde::{Deserialize, Serialize};
use stateless_session::Renewal;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

fn greet(_: &Renewal<Claims>) {}

fn main() {}
