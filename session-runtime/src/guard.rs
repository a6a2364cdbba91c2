//! What a handler requires of its session.

use std::any::type_name;
use std::fmt;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::rejection::SessionRejection;
use crate::session::{FromSession, Session};
use crate::sessions::Sessions;

/// The condition of one handler: what `#[require_session(..)]` with arguments implements.
pub trait Guard {
    /// What the handler is given.
    type Session: FromSession;

    /// The claims were read from the user's row at most this long ago.
    const FRESH: Option<Duration> = None;

    /// The user logged in at most this long ago.
    const MAX_AGE: Option<Duration> = None;

    /// Whether the handler may run.
    fn allows(_session: &Self::Session) -> bool {
        true
    }
}

/// The extractor of a guarded handler: the session, once the guard let it pass.
pub struct Require<G: Guard>(pub G::Session);

impl<G: Guard> Require<G> {
    /// Applies the guard to a session where no extractor runs, such as in a GraphQL resolver.
    ///
    /// `fresh` and `max_age` count as of the moment when the session was verified, and so does the end of its token.
    /// Where a session is kept for longer than a request, as beside a WebSocket, verify its token again with
    /// [`Sessions::verify`] before a check.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::stateless_session;
    /// use stateless_session::{Guard, Require, Session, SessionRejection};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64, admin: bool }
    ///
    /// enum AdminGuard {}
    ///
    /// impl Guard for AdminGuard {
    ///     type Session = Session<Claims>;
    ///
    ///     fn allows(session: &Session<Claims>) -> bool {
    ///         session.admin
    ///     }
    /// }
    ///
    /// fn delete_user(session: Session<Claims>) -> Result<(), SessionRejection> {
    ///     let Require(admin) = Require::<AdminGuard>::check(session)?;
    ///     // ..
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionRejection::StaleToken`], [`SessionRejection::Forbidden`] or [`SessionRejection::LoginRequired`], in this
    /// order.
    pub fn check(
        session: Session<<G::Session as FromSession>::Claims>,
    ) -> Result<Self, SessionRejection> {
        let older_than = |limit: Option<Duration>, age| limit.is_some_and(|limit| age > limit);
        // Stale claims come first, so that the guard decides on claims that are fresh enough; a login last, so that
        // nobody logs in again only to be refused.
        if older_than(G::FRESH, session.claims_age()) {
            return Err(SessionRejection::StaleToken);
        }
        let login_age = session.login_age();
        let session = G::Session::from_session(session);
        if !G::allows(&session) {
            return Err(SessionRejection::Forbidden);
        }
        match G::MAX_AGE {
            Some(max_age) if login_age > max_age => {
                Err(SessionRejection::LoginRequired { max_age })
            }
            _ => Ok(Self(session)),
        }
    }
}

impl<G: Guard> fmt::Debug for Require<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Require<{}>", type_name::<G>())
    }
}

impl<G, S> FromRequestParts<S> for Require<G>
where
    G: Guard,
    S: Sync,
    Sessions<<G::Session as FromSession>::Claims>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let session = Session::verify(&Sessions::from_ref(state), &parts.headers)?;
        let sid = session.sid;
        Self::check(session).inspect_err(|rejection| {
            tracing::debug!(sid = sid.short(), guard = type_name::<G>(), %rejection, "refused by the guard");
        })
    }
}
