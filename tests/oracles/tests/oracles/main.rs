//! The same tokens, given to other libraries under the same policy.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "nobody uses a test binary, and its tables are long"
)]

#[path = "../../../http/app.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod app;
#[path = "../../../attacks/door.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod door;
#[path = "../../../http/forgeries.rs"]
mod forgeries;
#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;
#[path = "../../../attacks/victim.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod victim;

mod differential;
mod jsonwebtoken;
