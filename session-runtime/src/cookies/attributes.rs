//! What a cookie is set with, beside its name and value, and how it is deleted.

use std::time::Duration;

use cookie::time::{self, OffsetDateTime};
use cookie::{Cookie, SameSite};

use crate::clock::Timestamp;
use crate::policy::{LONGEST_COOKIE, Policy};

pub(crate) fn marker_cookie(name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .secure(true)
        .same_site(SameSite::Strict)
        .path("/")
        .build()
}

pub(crate) fn refresh_cookie(policy: &Policy, name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Strict)
        .path(policy.path)
        .build()
}

/// Where the bound cookie goes: to the refresh alone, because a browser holds back what the cookie would go with.
#[cfg(feature = "binding")]
pub(crate) fn bound_path(policy: &Policy) -> String {
    format!("{}/refresh", policy.path)
}

#[cfg(feature = "binding")]
pub(crate) fn bound_cookie(policy: &Policy, name: String, value: String) -> Cookie<'static> {
    let mut cookie = refresh_cookie(policy, name, value);
    cookie.set_path(bound_path(policy));
    cookie
}

/// Lax, because it has to come with navigations from other sites: the access cookie with a link on any page, the login state with the
/// provider's redirect.
pub(crate) fn lax_cookie(name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Lax)
        .path("/")
        .build()
}

/// How long a browser keeps the cookies of a session (RFC 6265bis, section 5.7: the persistent-flag).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Until they end.
    #[default]
    Persistent,
    /// Until it is closed, at most.
    UntilTheBrowserEnds,
}

impl Persistence {
    pub(crate) fn kept(self, now: Timestamp, lifetime: Duration) -> Kept {
        Kept((self == Self::Persistent).then_some((now, lifetime)))
    }
}

/// From when on, and for how long; `None` without attributes for it.
#[derive(Clone, Copy)]
pub(crate) struct Kept(Option<(Timestamp, Duration)>);

/// A cookie with both attributes for its end: some jars know `Expires` only, and some take a cookie without it for one of
/// RFC 2965 and send it back in quotes.
pub(crate) fn kept(mut cookie: Cookie<'static>, Kept(kept): Kept) -> Cookie<'static> {
    let Some((now, lifetime)) = kept else {
        return cookie;
    };
    let lifetime = lifetime.min(LONGEST_COOKIE);
    let seconds = |seconds: u64| seconds.try_into().unwrap_or(i64::MAX);
    cookie.set_max_age(time::Duration::seconds(seconds(lifetime.as_secs())));
    let end = seconds(now.plus(lifetime).as_secs());
    // A clock behind the year 9999 leaves the other attribute.
    if let Ok(end) = OffsetDateTime::from_unix_timestamp(end) {
        cookie.set_expires(end);
    }
    cookie
}

pub(crate) fn deleted(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_max_age(time::Duration::ZERO);
    cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
    cookie
}
