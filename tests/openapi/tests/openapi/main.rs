//! What documents say of sessions, compared with what the applications answer, over sockets.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

mod example;
mod guards;
mod policies;
mod reading;
