//! What users of bound sessions rely on, over real sockets, with a browser that makes its proofs here.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

mod apps;
mod laptop;

mod answers;
mod clocks;
mod deployments;
mod pairs;
mod registration;
mod thieves;
