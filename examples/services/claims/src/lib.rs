//! Who is calling: the one struct that all services share.

use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

/// Issuer, audience and cookie are written out, because their defaults follow from the names of this crate and struct, and
/// to rename one would end all sessions.
// So short that a rotation can be watched; "15m" is a usual access lifetime.
#[stateless_session(
    access = "5s",
    refresh = "7d",
    leeway = "1s",
    issuer = "https://auth.example.com",
    audience = "https://api.example.com",
    cookie = "services"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserId(pub u32);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    User,
}
