//! What a handler requires of its session.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tracing::Level;

use crate::extract;
use crate::rejection::SessionRejection;
use crate::session::{FromSession, Session};
use crate::sessions::HoldsSessions;

/// A condition on sessions of type `S`, a claims struct or [`Session`] of one: what `#[require_session(..)]` with arguments
/// implements.
///
/// ```
/// # use std::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Guard, Require, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64, teams: Vec<u32> }
/// /// By hand, where no attribute says it.
/// enum TeamSeven {}
///
/// impl Guard<Claims> for TeamSeven {
///     const FRESH: Duration = Duration::from_secs(30);
///
///     fn allows(claims: &Claims) -> bool {
///         claims.teams.contains(&7)
///     }
/// }
///
/// async fn plans(Require { session: claims, .. }: Require<Claims, TeamSeven>) -> String {
///     claims.sub.to_string()
/// }
/// ```
pub trait Guard<S: FromSession> {
    /// The claims were read from the user's row at most this long ago, in whole seconds.
    const FRESH: Duration = Duration::MAX;

    /// The user logged in at most this long ago, in whole seconds.
    const MAX_AGE: Duration = Duration::MAX;

    /// What [`allows`](Self::allows) asks for, as the 403 of an API's document says it; empty where everybody may pass.
    #[cfg(feature = "utoipa")]
    const CONDITION: &'static str = "a condition of the application";

    /// Whether the handler may run.
    fn allows(_session: &S) -> bool {
        true
    }
}

/// The extractor of a guarded handler: the session, and the proof that the guard let it pass. Only the extractor and
/// [`check`](Self::check) make one; it is matched by its field:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Guard, Require, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # enum AdminGuard {}
/// # impl Guard<Claims> for AdminGuard {}
/// async fn purge(Require { session: claims, .. }: Require<Claims, AdminGuard>) -> String {
///     claims.sub.to_string()
/// }
/// ```
///
/// Nobody else can say that a guard was passed:
///
/// ```compile_fail,E0451
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Guard, Require, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # enum AdminGuard {}
/// # impl Guard<Claims> for AdminGuard {}
/// fn forged(claims: Claims) -> Require<Claims, AdminGuard> {
///     Require { session: claims, guard: std::marker::PhantomData } // error: field `guard` is private
/// }
/// ```
pub struct Require<S, G> {
    /// What the handler asked for.
    pub session: S,
    guard: PhantomData<fn() -> G>,
}

impl<S: FromSession, G: Guard<S>> Require<S, G> {
    /// Applies the guard to a session where no extractor runs, such as in a GraphQL resolver.
    ///
    /// `fresh` and `max_age` count as of the moment when the session was verified, and so does the end of its token.
    /// Where a session is kept for longer than a request, as beside a WebSocket, verify its token again with
    /// [`Sessions::verify`](crate::Sessions::verify) before a check.
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
    /// impl Guard<Session<Claims>> for AdminGuard {
    ///     fn allows(session: &Session<Claims>) -> bool {
    ///         session.admin
    ///     }
    /// }
    ///
    /// fn delete_user(session: Session<Claims>) -> Result<(), SessionRejection> {
    ///     let Require { session: admin, .. } = Require::<Session<Claims>, AdminGuard>::check(session)?;
    ///     // ..
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionRejection::StaleToken`], [`SessionRejection::Forbidden`] or [`SessionRejection::LoginRequired`], in this
    /// order.
    pub fn check(session: Session<S::Claims>) -> Result<Self, SessionRejection> {
        // Stale claims come first, so that the guard decides on claims that are fresh enough; a login last, so that
        // nobody logs in again only to be refused.
        if session.claims_age() > G::FRESH {
            return Err(SessionRejection::StaleToken);
        }
        #[cfg(feature = "registry")]
        if G::FRESH < Duration::MAX && session.is_from_before_the_silence() {
            return Err(SessionRejection::StaleToken);
        }
        let login_age = session.login_age();
        let session = S::from_session(session);
        if !G::allows(&session) {
            return Err(SessionRejection::Forbidden);
        }
        if login_age > G::MAX_AGE {
            return Err(SessionRejection::LoginRequired {
                max_age: G::MAX_AGE,
            });
        }
        Ok(Self {
            session,
            guard: PhantomData,
        })
    }

    pub(crate) fn of_request(
        parts: &Parts,
        state: &impl HoldsSessions<S::Claims>,
    ) -> Result<Self, SessionRejection> {
        let sessions = state.sessions();
        let session = extract::required(&sessions, parts)?;
        let sid = session.sid;
        Self::check(session).map_err(|rejection| {
            let cause = format_args!("the guard `{}`", type_name::<G>());
            let events = sessions.events();
            let rejection = events.refused(Level::DEBUG, Some(&sid), rejection, &cause);
            extract::mended::<S::Claims>(parts, rejection)
        })
    }
}

impl<S, G> fmt::Debug for Require<S, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Require<{}>", type_name::<G>())
    }
}

impl<S, G, App> FromRequestParts<App> for Require<S, G>
where
    S: FromSession,
    G: Guard<S>,
    App: HoldsSessions<S::Claims>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, SessionRejection> {
        Self::of_request(parts, state)
    }
}
