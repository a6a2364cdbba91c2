//! What an attribute declared, as one constant.

use std::fmt;
use std::time::Duration;

/// No browser keeps a cookie for longer (RFC 6265bis, section 5.5).
pub(crate) const LONGEST_COOKIE: Duration = Duration::from_secs(400 * DAY);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What `#[stateless_session(..)]` declared: lifetimes, path, cookie names, issuer and audience.
///
/// All lifetimes count in whole seconds.
///
/// It stands in [`SessionClaims::POLICY`](crate::SessionClaims::POLICY) and prints as a table, so that an application
/// can log what it enforces:
///
/// ```
/// # use std::time::Duration;
/// # use stateless_session::Policy;
/// const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
/// assert_eq!(POLICY.to_string(), "\
/// access     15m
/// refresh    7d, the idle lifetime
/// absolute   30d after login
/// path       /auth
/// cookies    __Host-shop, __Secure-shop-refresh-*
/// issuer     shop
/// audience   shop::Claims
/// leeway     5s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Lifetime of the access token.
    pub access: Duration,
    /// Idle lifetime: the session ends when it is not refreshed for this long.
    pub refresh: Duration,
    /// Absolute lifetime: the session ends this long after login, whatever happens; `None` is never.
    pub absolute: Option<Duration>,
    /// Where the browser sees the session routes, and the refresh cookie's `Path`.
    pub path: &'static str,
    /// The base of both cookie names.
    pub cookie: &'static str,
    /// `iss` of both tokens.
    pub issuer: &'static str,
    /// `aud` of the access token, and with `#refresh` behind it of the refresh token.
    pub audience: &'static str,
    /// Clock difference between servers that is forgiven, for the end of a token and an `iat` ahead.
    pub leeway: Duration,
}

impl Policy {
    /// The policy of an attribute that names the two required lifetimes and nothing else.
    ///
    /// `name` is the issuer and the base of both cookie names. The absolute lifetime is 30 days, or `refresh` where
    /// that is longer.
    pub const fn new(
        name: &'static str,
        audience: &'static str,
        access: Duration,
        refresh: Duration,
    ) -> Self {
        let absolute = if refresh.as_secs() > 30 * DAY {
            refresh
        } else {
            Duration::from_secs(30 * DAY)
        };
        Self {
            access,
            refresh,
            absolute: Some(absolute),
            path: "/auth",
            cookie: name,
            issuer: name,
            audience,
            leeway: Duration::from_secs(5),
        }
    }

    /// The same policy with another absolute lifetime.
    #[must_use]
    pub const fn with_absolute(self, absolute: Duration) -> Self {
        Self {
            absolute: Some(absolute),
            ..self
        }
    }

    /// The same policy without an absolute lifetime; browsers still forget the session marker after 400 days.
    #[must_use]
    pub const fn without_absolute(self) -> Self {
        Self {
            absolute: None,
            ..self
        }
    }

    /// The same policy with the session routes at another path.
    #[must_use]
    pub const fn with_path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// The same policy with another base of the cookie names.
    #[must_use]
    pub const fn with_cookie(self, cookie: &'static str) -> Self {
        Self { cookie, ..self }
    }

    /// The same policy with another issuer.
    #[must_use]
    pub const fn with_issuer(self, issuer: &'static str) -> Self {
        Self { issuer, ..self }
    }

    /// The same policy with another leeway.
    #[must_use]
    pub const fn with_leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "access     {}", Lifetime(self.access))?;
        writeln!(
            f,
            "refresh    {}, the idle lifetime",
            Lifetime(self.refresh)
        )?;
        match self.absolute {
            Some(absolute) => writeln!(f, "absolute   {} after login", Lifetime(absolute))?,
            None => writeln!(f, "absolute   never")?,
        }
        writeln!(f, "path       {}", self.path)?;
        writeln!(
            f,
            "cookies    __Host-{0}, __Secure-{0}-refresh-*",
            self.cookie
        )?;
        writeln!(f, "issuer     {}", self.issuer)?;
        writeln!(f, "audience   {}", self.audience)?;
        write!(f, "leeway     {}", Lifetime(self.leeway))
    }
}

/// A lifetime in the attribute's own notation.
struct Lifetime(Duration);

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')];
        let (unit, letter) = units
            .into_iter()
            .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
            .unwrap_or((1, 's'));
        write!(f, "{}{letter}", seconds / unit)
    }
}
