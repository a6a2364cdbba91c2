//! What comes from a registry. All moments are seconds since 1970, by the servers' clocks.

use std::fmt;

use crate::registry::rotation::Rotation;

/// What a registry knows of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The name of the session, as [`Session::sid`](crate::Session::sid) has it.
    pub sid: String,
    /// When the user logged in, in seconds since 1970.
    pub auth_time: u64,
    /// When it was last refreshed, in seconds since 1970.
    pub seen_at: u64,
    /// The browser's `User-Agent` at the last refresh, at most 64 bytes of it. It says what it likes.
    pub user_agent: Option<String>,
    /// When it was ended, by itself or with all of its subject's, in seconds since 1970; `None` while it lives.
    pub ended_at: Option<u64>,
    /// Which refresh token counts.
    pub rotation: Rotation,
}

/// The end of one session or of all of a subject's: the feed's content.
#[derive(Clone, PartialEq, Eq)]
pub struct Ending {
    /// `aud` of the access token.
    pub audience: String,
    /// `sub`, as it stands in the tokens.
    pub subject: String,
    /// The session; `None` is every session of the subject whose `auth_time` is not after `at`.
    pub sid: Option<String>,
    /// When it was ended.
    pub at: u64,
    /// From when on no token of it can count, so that the record of it may go.
    pub ends_at: u64,
}

// Neither prints whom it is about.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("sid", &short(&self.sid))
            .field("auth_time", &self.auth_time)
            .field("seen_at", &self.seen_at)
            .field("ended_at", &self.ended_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending")
            .field("sid", &self.sid.as_deref().map(short))
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

fn short(sid: &str) -> &str {
    sid.get(..8).unwrap_or_default()
}
