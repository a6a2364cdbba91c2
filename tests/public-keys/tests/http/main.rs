//! What users of the features `asymmetric` and `remote-jwks` rely on, over real sockets.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

#[path = "../../../http/app.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod app;
#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

mod public_keys;
mod remote_keys;
mod verified;
