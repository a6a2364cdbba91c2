//! Which refresh token of a session counts, where every refresh hands out a successor.

use crate::registry::seen::Seen;

/// Four moments beside each session, in seconds since 1970, by which its newest refresh token is told from copies of older ones.
///
/// A refresh token is told by its `iat`. It is replaced only when its successor is *used*, and only after a grace of silence, so
/// that whatever was under way has landed; everybody who asks in between gets the same successor, and a lost answer leaves the
/// old one valid. A token that was displaced and comes back is a copy, or what was copied (RFC 9700, section 4.14.2).
///
/// An implementation of [`SessionRegistry`](crate::SessionRegistry) keeps the four as they are, and calls
/// [`first`](Self::first) and [`after`](Self::after) on a row that it has locked.
///
/// ```
/// use stateless_session::{Rotation, Seen};
///
/// let seen = |iat, at| Seen { audience: "shop", subject: "7", sid: "ilvbTMFRZBJsbvJmjendJA", auth_time: 100, at,
///     ends_at: 700_000, user_agent: None, iat, grace: 30 };
/// let login = Rotation::first(&seen(100, 100));
/// let refresh = login.after(&seen(100, 1_000));
/// assert_eq!(refresh.successor(&seen(100, 1_000)), Some(1_000)); // the next token's `iat`
/// let used = refresh.after(&seen(1_000, 2_000));
/// assert_eq!(used.successor(&seen(1_000, 2_000)), Some(2_000));
/// let copy = seen(100, 2_100);
/// assert_eq!(used.after(&copy).successor(&copy), None); // the first token was displaced
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// `iat` of the token that the newest one displaced.
    pub previous: u64,
    /// `iat` of the newest token that was presented.
    pub current: u64,
    /// `iat` of the successor that was handed out last.
    pub issued: u64,
    /// When it was.
    pub issued_at: u64,
}

impl Rotation {
    /// Of a session that the registry does not know yet: its token is the newest, and older ones may still be under way.
    pub const fn first(seen: &Seen<'_>) -> Self {
        Self {
            previous: 0,
            current: seen.iat,
            issued: seen.iat,
            issued_at: seen.at,
        }
    }

    /// Of a session whose token was presented: what is to be kept, and what [`successor`](Self::successor) is asked of.
    ///
    /// Without rotation, that is with a grace of 0, it stays as it was.
    #[must_use]
    pub const fn after(self, seen: &Seen<'_>) -> Self {
        let (iat, at) = (seen.iat, seen.at);
        if seen.grace == 0 {
            return self;
        }
        if self.is_quiet(seen) {
            if iat == self.current {
                // The answer was lost, or nobody used it.
                return Self {
                    issued: at,
                    issued_at: at,
                    ..self
                };
            }
            if iat >= self.issued {
                return Self {
                    previous: self.current,
                    current: iat,
                    issued: at,
                    issued_at: at,
                };
            }
        } else if iat >= self.previous {
            return Self {
                issued: max(self.issued, iat),
                issued_at: max(self.issued_at, at),
                ..self
            };
        }
        self
    }

    /// Asked of what [`after`](Self::after) gave: `iat` of the token that the answer carries, or `None` where the token that was
    /// presented had been displaced.
    pub const fn successor(&self, seen: &Seen<'_>) -> Option<u64> {
        let counts =
            seen.iat == self.current || (seen.iat >= self.previous && !self.is_quiet(seen));
        if counts { Some(self.issued) } else { None }
    }

    /// Whether nothing of the session was heard for longer than the grace.
    const fn is_quiet(&self, seen: &Seen<'_>) -> bool {
        seen.at.saturating_sub(self.issued_at) > seen.grace
    }
}

const fn max(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}
