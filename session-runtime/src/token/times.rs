//! When a token counts: its lifetimes, and the leeway that is forgiven between two servers' clocks.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::TokenKind;
use crate::policy::Policy;
use crate::token::error::TokenError;
use crate::token::registered::Registered;

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
            auth_age: Duration::ZERO,
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

    /// Whether the session's absolute lifetime is what ends the token.
    pub(crate) fn ends_with_its_session(&self, kind: TokenKind, policy: &Policy) -> bool {
        let absolute = policy
            .absolute
            .map(|absolute| self.auth_time.plus(absolute));
        absolute.is_some_and(|absolute| absolute <= self.end(kind, policy))
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
        TokenKind::Refresh | TokenKind::Native => policy.refresh,
    }
}
