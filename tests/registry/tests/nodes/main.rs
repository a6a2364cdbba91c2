//! What users of a session registry rely on, over real sockets: several nodes beside one registry that answers, fails, hangs or
//! panics as a test wants.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

mod apps;
mod switched;

mod ending;
mod outages;
mod rotation;
