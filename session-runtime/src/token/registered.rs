//! The registered claims of both tokens.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;

/// The names that tokens set themselves, `sub` beside them; `act` (RFC 8693) and `cnf` (RFC 7800) limit a token, so no claim
/// may pass for them.
pub(crate) const RESERVED: [&str; 11] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "auth_age",
    "act",
    "cnf",
];

/// What both tokens say of their session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) sid: Sid,
    pub(crate) auth_time: Timestamp,
    /// How long before the login the user was authenticated elsewhere.
    pub(crate) auth_age: Duration,
    pub(crate) iat: Timestamp,
    pub(crate) exp: Timestamp,
    /// Never issued, and heeded all the same (RFC 7519, section 4.1.5).
    pub(crate) nbf: Option<Timestamp>,
}
