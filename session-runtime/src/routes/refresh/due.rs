//! When a refresh token is due to be issued anew.

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::keys::key::TokenKind;
use crate::token::refresh_token::RefreshToken;
use crate::token::registered::Registered;

/// What decides over the refresh cookie.
pub(crate) enum Cookie {
    /// Its age and its key.
    WhenDue,
    /// It stays as it is, since the registry that knows its successor does not answer.
    #[cfg(feature = "registry")]
    Untouched,
    /// The registry: the one that counts was issued then.
    #[cfg(feature = "registry")]
    IssuedAt(Timestamp),
}

/// A refresh cookie to write.
pub(crate) struct Due {
    /// For the log.
    pub(crate) reason: &'static str,
    pub(crate) iat: Timestamp,
}

pub(crate) fn due<C: SessionClaims>(
    cookie: &Cookie,
    token: &RefreshToken<C>,
    now: Timestamp,
) -> Option<Due> {
    match cookie {
        Cookie::WhenDue => reason_to_reissue(token, now).map(|reason| Due { reason, iat: now }),
        #[cfg(feature = "registry")]
        Cookie::Untouched => None,
        #[cfg(feature = "registry")]
        Cookie::IssuedAt(iat) if *iat != token.registered.iat => Some(Due {
            reason: "rotation",
            iat: *iat,
        }),
        #[cfg(feature = "registry")]
        Cookie::IssuedAt(iat) if !token.signed_by_signing_key => Some(Due {
            reason: "other key",
            iat: *iat,
        }),
        #[cfg(feature = "registry")]
        Cookie::IssuedAt(_) => None,
    }
}

/// Why the refresh cookie is written anew: a seventh of its life is gone, and the new one would live longer; or another
/// key signed it, so that the key can be retired.
fn reason_to_reissue<C: SessionClaims>(
    token: &RefreshToken<C>,
    now: Timestamp,
) -> Option<&'static str> {
    let (kind, policy) = (TokenKind::Refresh, &C::POLICY);
    let Registered {
        sid,
        auth_time,
        iat,
        ..
    } = token.registered;
    if !token.signed_by_signing_key {
        return Some("other key");
    }
    let end = token.registered.end(kind, policy);
    let later_end = Registered::issued(kind, policy, sid, auth_time, now).exp;
    let a_seventh_is_gone = now.since(iat) >= end.since(iat) / 7;
    (a_seventh_is_gone && later_end > end).then_some("due")
}
