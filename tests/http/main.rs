//! What users rely on, over real sockets.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "nobody uses a test binary, and its tables are long"
)]

mod app;
mod forgeries;
mod support;

mod answers;
mod authenticated_at;
#[cfg(feature = "client")]
mod client;
mod cookies;
mod cross_origin;
mod deployments;
mod events;
mod golden;
mod guards;
mod keys_in_flight;
mod leaks;
mod login;
mod login_state;
mod mounts;
mod native;
mod one_time;
mod pages;
mod panics;
mod persistence;
mod read_back;
mod refresh;
mod tokens;
