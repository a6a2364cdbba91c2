//! A verified session, on its way to a handler.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::bearer;
use crate::claims::{FromWire, SessionClaims};
use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::TokenKind;
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;
use crate::token;
use crate::token::error::TokenError;

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
    /// Reads and verifies the access token of a request.
    pub(crate) fn verify(
        sessions: &Sessions<C>,
        headers: &HeaderMap,
    ) -> Result<Self, SessionRejection> {
        Self::verify_optional(sessions, headers)?.ok_or_else(|| {
            let realm = C::POLICY.issuer;
            let rejection = SessionRejection::MissingToken { realm };
            tracing::debug!(%rejection, "no session");
            rejection
        })
    }

    /// The same, with `None` where the request carries no token at all. A bad token is still refused.
    pub(crate) fn verify_optional(
        sessions: &Sessions<C>,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, SessionRejection> {
        let token = bearer::access_token(headers)
            .inspect_err(|rejection| tracing::debug!(%rejection, "no session"))?;
        token
            .map(|token| Self::verify_token(sessions, token))
            .transpose()
    }

    /// Verifies an access token, from wherever it came.
    pub(crate) fn verify_token(
        sessions: &Sessions<C>,
        token: &[u8],
    ) -> Result<Self, SessionRejection> {
        #[cfg(feature = "remote-jwks")]
        if let Some(remote) = sessions.remote()
            && !remote.are_confirmed(sessions.now())
        {
            tracing::error!("no answer has confirmed the public keys for too long");
            return Err(SessionRejection::TemporarilyUnavailable);
        }
        Self::open(sessions, token).map_err(|cause| {
            #[cfg(feature = "remote-jwks")]
            if let (TokenError::Header, Some(remote)) = (cause, sessions.remote()) {
                remote.report_unknown_key();
            }
            tracing::debug!(%cause, "refused an access token");
            SessionRejection::InvalidToken
        })
    }

    fn open(sessions: &Sessions<C>, token: &[u8]) -> Result<Self, TokenError> {
        let (kind, policy) = (TokenKind::Access, &C::POLICY);
        let keys = sessions.keys();
        let opened = token::open::<FromWire<C>>(token, kind, &keys.access, sessions.parties())?;
        let (FromWire(claims), registered) = (opened.claims, opened.registered);
        let now = sessions.now();
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

impl<C, S> FromRequestParts<S> for Session<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        Self::verify(&Sessions::from_ref(state), &parts.headers)
    }
}

impl<C, S> OptionalFromRequestParts<S> for Session<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        Self::verify_optional(&Sessions::from_ref(state), &parts.headers)
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
