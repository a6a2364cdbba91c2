use stateless_session::stateless_session;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Copy)]
union Claims {
    sub: u64,
}

fn main() {}
