//! The registered claims of both tokens, and when a token ends.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::TokenKind;
use crate::policy::Policy;
use crate::token::error::TokenError;

/// The names that tokens set themselves, `sub` beside them; `act` (RFC 8693) and `cnf` (RFC 7800) limit a token, so no claim
/// may pass for them.
pub(crate) const RESERVED: [&str; 10] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "act",
    "cnf",
];

/// What both tokens say of their session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    pub(crate) sid: Sid,
    pub(crate) auth_time: Timestamp,
    pub(crate) iat: Timestamp,
    pub(crate) exp: Timestamp,
    /// Never issued, and heeded all the same (RFC 7519, section 4.1.5).
    pub(crate) nbf: Option<Timestamp>,
}

impl Registered {
    /// The claims of a token issued at `iat`: its `exp` is the least of its own lifetime and the session's.
    pub(crate) fn issued(
        kind: TokenKind,
        policy: &Policy,
        sid: Sid,
        auth_time: Timestamp,
        iat: Timestamp,
    ) -> Self {
        let exp = latest_end(kind, policy, auth_time, iat);
        Self {
            sid,
            auth_time,
            iat,
            exp,
            nbf: None,
        }
    }

    /// When the token ends: a longer `exp` than today's policy allows is cut.
    pub(crate) fn end(&self, kind: TokenKind, policy: &Policy) -> Timestamp {
        self.exp
            .min(latest_end(kind, policy, self.auth_time, self.iat))
    }

    /// Whether the token counts now.
    pub(crate) fn check_times(
        &self,
        kind: TokenKind,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let not_before = self
            .iat
            .max(self.auth_time)
            .max(self.nbf.unwrap_or(self.iat));
        let ahead = not_before.since(now);
        if ahead > policy.leeway {
            return Err(TokenError::Ahead(ahead));
        }
        let end = self.end(kind, policy).plus(policy.leeway);
        if now >= end {
            return Err(TokenError::Expired(now.since(end)));
        }
        Ok(())
    }
}

fn latest_end(kind: TokenKind, policy: &Policy, auth_time: Timestamp, iat: Timestamp) -> Timestamp {
    let absolute = policy
        .absolute
        .map_or(Timestamp::MAX, |absolute| auth_time.plus(absolute));
    iat.plus(lifetime(kind, policy)).min(absolute)
}

fn lifetime(kind: TokenKind, policy: &Policy) -> Duration {
    match kind {
        TokenKind::Access => policy.access,
        TokenKind::Refresh => policy.refresh,
    }
}
