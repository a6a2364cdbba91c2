//! What goes to a registry at a login or a refresh.

use std::fmt;

/// A session at its login or at a refresh, for [`SessionRegistry::seen`](crate::SessionRegistry::seen).
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// `aud` of the access token: several structs may share a registry.
    pub audience: &'a str,
    /// `sub`, as it stands in the tokens.
    pub subject: &'a str,
    /// The name of the session.
    pub sid: &'a str,
    /// When the user logged in.
    pub auth_time: u64,
    /// Now.
    pub at: u64,
    /// From when on no token of the session can count, so that its row may go.
    pub ends_at: u64,
    /// The browser's `User-Agent`, at most 64 bytes of it.
    pub user_agent: Option<&'a str>,
    /// `iat` of the refresh token.
    pub iat: u64,
    /// The grace of the rotation in seconds, 0 without rotation.
    pub grace: u64,
}

// Without whom it is about.
impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("sid", &self.sid.get(..8))
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
