//! What users rely on, over real sockets.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "nobody uses a test binary, and its tables are long"
)]

mod app;
mod support;

mod answers;
#[cfg(feature = "client")]
mod client;
mod cookies;
mod cross_origin;
mod deployments;
mod guards;
mod keys_in_flight;
mod leaks;
mod login;
mod mounts;
mod panics;
mod quickstart;
mod read_back;
mod refresh;
mod tokens;
