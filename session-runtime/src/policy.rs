//! What an attribute declared, as one constant.

use std::fmt;
use std::time::Duration;

/// No browser keeps a cookie for longer (RFC 6265bis, section 5.5).
#[cfg(feature = "server")]
pub(crate) const LONGEST_COOKIE: Duration = Duration::from_secs(400 * DAY);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What `#[stateless_session(..)]` declared: lifetimes, path, cookie names, issuer and audience, and which capabilities are on.
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
    /// Where the browser sees the login page, for an application that renders its pages on the server; `None` where pages
    /// send the access token themselves.
    pub pages: Option<&'static str>,
    /// The base of all cookie names.
    pub cookie: &'static str,
    /// `iss` of all tokens.
    pub issuer: &'static str,
    /// `aud` of the access token, and with `#refresh` behind it of the refresh token, or `#native` of a program's.
    pub audience: &'static str,
    /// Clock difference between servers that is forgiven, for the end of a token and an `iat` ahead.
    pub leeway: Duration,
    /// Whether programs that are no browsers get their refresh token in the body.
    pub native: bool,
    /// Whether browsers that can are asked to bind new sessions to a key of theirs.
    pub binding: bool,
    /// How access tokens are revoked before their end; `None` without a session registry.
    pub revocation: Option<Revocation>,
    /// The grace in which a refresh token counts beside its used successor; `None` where refreshes hand out none.
    pub rotation: Option<Duration>,
}

/// What a request and a refresh do while the session registry does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// They go on by the tokens alone, so that an access token counts to its end at most, as it does without a registry.
    BestEffort,
    /// Requests are answered 503 once nothing was heard of the registry for this long; a refresh needs the registry.
    Within(Duration),
}

impl Policy {
    /// The policy of an attribute that names the two required lifetimes and nothing else.
    ///
    /// `name` is the issuer and the base of all cookie names. The absolute lifetime is 30 days, or `refresh` where
    /// that is longer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// const POLICY: Policy = Policy::new(
    ///     "shop",
    ///     "shop::Claims",
    ///     Duration::from_secs(15 * 60),
    ///     Duration::from_secs(7 * 24 * 60 * 60),
    /// );
    /// assert_eq!(POLICY.cookie, "shop");
    /// ```
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
            pages: None,
            cookie: name,
            issuer: name,
            audience,
            leeway: Duration::from_secs(5),
            revocation: None,
            rotation: None,
            native: false,
            binding: false,
        }
    }

    /// The same policy with another absolute lifetime.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// assert_eq!(POLICY.with_absolute(day).absolute, Some(day));
    /// ```
    #[must_use]
    pub const fn with_absolute(self, absolute: Duration) -> Self {
        Self {
            absolute: Some(absolute),
            ..self
        }
    }

    /// The same policy without an absolute lifetime; browsers still forget the session marker after 400 days.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.without_absolute().absolute, None);
    /// ```
    #[must_use]
    pub const fn without_absolute(self) -> Self {
        Self {
            absolute: None,
            ..self
        }
    }

    /// The same policy with the session routes at another path.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.with_path("/admin/auth").path, "/admin/auth");
    /// ```
    #[must_use]
    pub const fn with_path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// The same policy for an application that renders its pages on the server, with its login page at this path: the
    /// access token also rides in a cookie, and requests without a session are led to that page.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.pages, None);
    /// assert_eq!(POLICY.with_pages("/login").pages, Some("/login"));
    /// ```
    #[must_use]
    pub const fn with_pages(self, login_page: &'static str) -> Self {
        Self {
            pages: Some(login_page),
            ..self
        }
    }

    /// The same policy with another base of the cookie names.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.with_cookie("till").cookie, "till");
    /// ```
    #[must_use]
    pub const fn with_cookie(self, cookie: &'static str) -> Self {
        Self { cookie, ..self }
    }

    /// The same policy with another issuer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.with_issuer("auth").issuer, "auth");
    /// ```
    #[must_use]
    pub const fn with_issuer(self, issuer: &'static str) -> Self {
        Self { issuer, ..self }
    }

    /// The same policy with another leeway.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert_eq!(POLICY.with_leeway(Duration::ZERO).leeway, Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn with_leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// The same policy for programs that are no browsers as well: they get their refresh token in the answer's body, and send it
    /// in a form (RFC 6749, section 6).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert!(!POLICY.native);
    /// assert!(POLICY.with_native().native);
    /// ```
    #[must_use]
    pub const fn with_native(self) -> Self {
        Self {
            native: true,
            ..self
        }
    }

    /// The same policy where new sessions are bound to a key of the browser, where that has one: their refresh token counts only
    /// beside a proof by the key.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// assert!(!POLICY.binding);
    /// assert!(POLICY.with_binding().binding);
    /// ```
    #[must_use]
    pub const fn with_binding(self) -> Self {
        Self {
            binding: true,
            ..self
        }
    }

    /// The same policy with a session registry, from which every node hears which sessions have ended.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{Policy, Revocation};
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// let strict = Revocation::Within(Duration::from_secs(10));
    /// assert_eq!(POLICY.with_revocation(strict).revocation, Some(strict));
    /// ```
    #[must_use]
    pub const fn with_revocation(self, revocation: Revocation) -> Self {
        Self {
            revocation: Some(revocation),
            ..self
        }
    }

    /// The same policy with a successor of the refresh token at every refresh.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// let grace = Duration::from_secs(30);
    /// assert_eq!(POLICY.with_rotation(grace).rotation, Some(grace));
    /// ```
    #[must_use]
    pub const fn with_rotation(self, grace: Duration) -> Self {
        Self {
            rotation: Some(grace),
            ..self
        }
    }
}

#[cfg(feature = "jsonwebtoken")]
impl Policy {
    /// With the feature `jsonwebtoken`: what that crate has to ask of an access token, for services that verify with it.
    /// `algorithm` is the one of the key: `EdDSA`, `ES256` or `RS256`, or `HS256` of a secret.
    ///
    /// It asks for the signature, this algorithm, `iss`, `aud`, `sub` and `exp`, and for `nbf` where there is one, with the
    /// policy's leeway. What a `Validation` cannot ask, and this crate does:
    ///
    /// - that `typ` is `at+jwt`, which is one comparison with the header; and that the header has nothing else, such as `crit`
    /// - that `iss` and `aud` are one string, and times are integers
    /// - that `iat`, `auth_time` and `sid` are there, and that none of the times is ahead
    /// - that the token is no older than `access`, nor the login than `absolute`, where its `exp` is later than today's policy
    ///   allows
    /// - that no name stands twice, and base64url is canonical
    /// - that the session has not ended, where there is a session registry
    ///
    /// But for ended sessions and lifetimes, only who has the signing key can make a token that differs there. The claims are
    /// read by serde alone, so a subject that is an integer is a `String` here. `decode` panics where the program enables none
    /// of its backends, or both.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use jsonwebtoken::Algorithm;
    /// # use stateless_session::Policy;
    /// # const POLICY: Policy = Policy::new("shop", "shop::Claims", Duration::from_secs(900), Duration::from_secs(604_800));
    /// let validation = POLICY.validation(Algorithm::EdDSA);
    /// assert_eq!(validation.leeway, 5);
    /// assert!(validation.required_spec_claims.contains("aud"));
    /// ```
    pub fn validation(&self, algorithm: jsonwebtoken::Algorithm) -> jsonwebtoken::Validation {
        let mut validation = jsonwebtoken::Validation::new(algorithm);
        validation.set_issuer(&[self.issuer]);
        validation.set_audience(&[self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = self.leeway.as_secs();
        validation.validate_nbf = true;
        validation
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
        if let Some(pages) = self.pages {
            writeln!(f, "pages      {pages}, __Host-{}-access-*", self.cookie)?;
        }
        writeln!(
            f,
            "cookies    __Host-{0}, __Secure-{0}-refresh-*",
            self.cookie
        )?;
        writeln!(f, "issuer     {}", self.issuer)?;
        writeln!(f, "audience   {}", self.audience)?;
        write!(f, "leeway     {}", Lifetime(self.leeway))?;
        if self.native {
            write!(f, "\nnative     `Session-Transport: body`")?;
        }
        match self.revocation {
            Some(Revocation::BestEffort) => write!(f, "\nrevocation best-effort")?,
            Some(Revocation::Within(lag)) => write!(f, "\nrevocation within {}", Lifetime(lag))?,
            None => {}
        }
        if let Some(grace) = self.rotation {
            write!(f, "\nrotation   with a grace of {}", Lifetime(grace))?;
        }
        if self.binding {
            write!(f, "\nbinding    offered, __Secure-{}-bound-*", self.cookie)?;
        }
        Ok(())
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
