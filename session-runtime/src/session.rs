//! A verified session, on its way to a handler.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use crate::claims::{FromWire, SessionClaims};
use crate::clock::{Clock, Timestamp};
use crate::cookies::marker::Sid;
use crate::keys::key::{KeyRing, TokenKind};
use crate::token;
use crate::token::error::TokenError;
use crate::token::parties::Parties;

/// The session of a request: the claims, and when it began and ends.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Session, require_session, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64, name: String }
/// #[require_session]
/// async fn greet(session: Session<Claims>) -> String {
///     format!("{} logged in at {:?}", session.name, session.authenticated_at())
/// }
/// ```
#[derive(Clone)]
pub struct Session<C> {
    claims: C,
    pub(crate) sid: Sid,
    auth_time: Timestamp,
    iat: Timestamp,
    end: Timestamp,
    /// The clock, read once a request.
    now: Timestamp,
}

impl<C> Session<C> {
    /// The name of the session: the same in all its tokens, another after each login.
    pub fn sid(&self) -> &str {
        self.sid.as_str()
    }

    /// When the user logged in, to the second.
    pub fn authenticated_at(&self) -> SystemTime {
        self.auth_time.to_system_time()
    }

    /// When the claims were read, to the second: at login or at the last refresh.
    pub fn issued_at(&self) -> SystemTime {
        self.iat.to_system_time()
    }

    /// When the access token ends, to the second.
    pub fn expires_at(&self) -> SystemTime {
        self.end.to_system_time()
    }

    /// The claims alone.
    pub fn into_claims(self) -> C {
        self.claims
    }

    pub(crate) fn claims_age(&self) -> Duration {
        self.now.since(self.iat)
    }

    pub(crate) fn login_age(&self) -> Duration {
        self.now.since(self.auth_time)
    }
}

impl<C: SessionClaims> Session<C> {
    /// Opens an access token that counts now.
    pub(crate) fn open(
        token: &[u8],
        keys: &KeyRing,
        parties: &Parties,
        clock: &Clock,
    ) -> Result<Self, TokenError> {
        let (kind, policy) = (TokenKind::Access, &C::POLICY);
        let opened = token::open::<FromWire<C>>(token, kind, keys, parties)?;
        let (FromWire(claims), registered) = (opened.claims, opened.registered);
        let now = clock.now();
        registered.check_times(kind, policy, now)?;
        Ok(Self {
            claims,
            sid: registered.sid,
            auth_time: registered.auth_time,
            iat: registered.iat,
            end: registered.end(kind, policy),
            now,
        })
    }
}

impl<C> Deref for Session<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.claims
    }
}

impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sid", &self.sid)
            .field("authenticated_at", &self.authenticated_at())
            .field("issued_at", &self.issued_at())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// What the first parameter of a handler can be: a claims struct, or [`Session`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session",
    label = "expected a struct with `#[stateless_session(..)]`, or `Session<..>` of one",
    note = "the first parameter of a handler with `#[require_session]` is the session"
)]
pub trait FromSession: Sized {
    /// The claims struct.
    type Claims: SessionClaims;

    /// Keeps what the handler asks for.
    fn from_session(session: Session<Self::Claims>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<C: SessionClaims> FromSession for C {
    type Claims = C;

    fn from_session(session: Session<C>) -> Self {
        session.into_claims()
    }
}

impl<C: SessionClaims> FromSession for Session<C> {
    type Claims = C;

    fn from_session(session: Self) -> Self {
        session
    }
}
