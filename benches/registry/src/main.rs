//! What a session registry costs.
//!
//! - `registry-bench check`: a check of an access token beside a set of so many entries, of one without a registry.
//! - `registry-bench instructions (without|ENTRIES) CALLS`: the same, for callgrind to count.
//! - `registry-bench engine (postgres|redis) URL`: refreshes and endings over loopback.

mod check;
#[cfg(feature = "engines")]
mod engine;
mod sessions;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["check"] => check::ratios(),
        ["instructions", entries, calls] => {
            check::calls(entries, calls.parse().expect("a number of calls"))
        }
        #[cfg(feature = "engines")]
        ["engine", "postgres", url] => engine::figures("Postgres", engine::postgres(url)),
        #[cfg(feature = "engines")]
        ["engine", "redis", url] => engine::figures("Redis", engine::redis(url)),
        _ => panic!(
            "registry-bench check | instructions (without|ENTRIES) CALLS | engine (postgres|redis) URL"
        ),
    }
}
