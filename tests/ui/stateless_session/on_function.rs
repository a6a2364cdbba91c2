use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
fn claims() {}

fn main() {}
