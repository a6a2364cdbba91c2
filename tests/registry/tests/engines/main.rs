//! The session registry on real engines, which are stopped, killed and hung. Needs Postgres and Redis of the distribution;
//! `.ci/registry-tests` installs them.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

#[path = "../nodes/apps.rs"]
#[allow(dead_code, reason = "shared with the tests without engines")]
mod apps;
#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

mod engine;
mod proxy;

mod connecting;
mod faults;
mod leaks;
mod order;
mod races;
mod tls;
