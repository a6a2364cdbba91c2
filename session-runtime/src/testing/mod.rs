//! For an application's own tests: a clock that is held, a browser with a cookie jar, requests with a session, tokens of an age,
//! and the races that the field loses. Without sockets.
//!
//! It panics where a test is wrong, with what is wrong, as `assert!` does.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that is wrong should say so"
)]

mod browser;
mod held_clock;
mod lifetime;
mod races;
#[cfg(feature = "registry")]
mod registry;
mod request;
mod tokens;

pub use browser::Browser;
pub use held_clock::HeldClock;
pub use races::Races;
#[cfg(feature = "registry")]
pub use registry::registry;
pub use request::{Answer, Request, delete, get, patch, post, put};
pub use tokens::AgedToken;
