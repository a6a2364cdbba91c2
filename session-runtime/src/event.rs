//! What happens to sessions: one table, for the application's hook and for the log.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracing::Level;

use crate::claims::SessionClaims;
use crate::cookies::marker::Sid;
use crate::rejection::SessionRejection;

/// What happened to a session or to a request for one: what [`Sessions::on_event`](crate::Sessions::on_event) hears.
///
/// The log says the same, at the level beside each [`EventKind`]. It holds the first eight characters of
/// [`sid`](Self::sid) and no subject; so does this type's `Debug`. No event holds a token, a marker or a claim.
pub struct SessionEvent<'a, C: SessionClaims> {
    /// What happened.
    pub kind: EventKind<'a>,
    sid: Option<&'a Sid>,
    subject: Option<&'a C::Subject>,
}

impl<'a, C: SessionClaims> SessionEvent<'a, C> {
    /// The name of the session, whole, for the application's own table; `None` where no session is known.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{EventKind, Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (devices, rows) = std::sync::mpsc::channel();
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?).on_event(move |event| {
    ///     if let (EventKind::Login, Some(sid), Some(user)) = (event.kind, event.sid(), event.subject()) {
    ///         let _ = devices.send((*user, sid.to_owned())); // written by whoever receives it
    ///     }
    /// });
    /// sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let (user, sid) = rows.recv()?;
    /// assert_eq!((user, sid.len()), (7, 22));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sid(&self) -> Option<&'a str> {
        self.sid.map(Sid::as_str)
    }

    /// Whose session it is, where that is known.
    pub fn subject(&self) -> Option<&'a C::Subject> {
        self.subject
    }
}

impl<C: SessionClaims> fmt::Debug for SessionEvent<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvent")
            .field("kind", &self.kind)
            .field("sid", &self.sid)
            .finish_non_exhaustive()
    }
}

/// What happened. The first line of each says at which level the log has it, and with which fields.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// INFO `login`, with `sid`: a session began.
    Login,
    /// DEBUG `refresh`, with `sid` and `reissued`: claims were read anew.
    Refreshed {
        /// Whether the refresh cookie was written anew.
        reissued: bool,
        /// How long `Renew` took.
        renew_took: Duration,
    },
    /// `refused`, with `code`, `cause` and, where it is known, `sid`: WARN for requests of other origins, callbacks of logins that
    /// began elsewhere, proofs that do not count and refresh cookies that are not known here, ERROR for mistakes of the
    /// application, otherwise DEBUG.
    Refused {
        /// The answer's `code`, as [`SessionRejection::code`] has it.
        code: &'static str,
        /// Why, for people: the words may change.
        cause: &'a dyn fmt::Display,
    },
    /// INFO `the session is over`, with `sid`, `why` and, where the refresh cookie is gone, its `path`: a refresh found it so.
    Ended {
        /// What ended it.
        why: EndCause,
    },
    /// INFO `logout`, with `sid` where it is known.
    LoggedOut,
    /// ERROR `unavailable`, with `cause` and, where it is known, `sid`: an outage, which ends no session.
    Unavailable {
        /// What is out, for people.
        cause: &'a dyn fmt::Display,
    },
}

impl fmt::Debug for EventKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login => f.write_str("Login"),
            Self::Refreshed {
                reissued,
                renew_took,
            } => f
                .debug_struct("Refreshed")
                .field("reissued", reissued)
                .field("renew_took", renew_took)
                .finish(),
            Self::Refused { code, .. } => f
                .debug_struct("Refused")
                .field("code", code)
                .finish_non_exhaustive(),
            Self::Ended { why } => f.debug_struct("Ended").field("why", why).finish(),
            Self::LoggedOut => f.write_str("LoggedOut"),
            Self::Unavailable { .. } => f.debug_struct("Unavailable").finish_non_exhaustive(),
        }
    }
}

/// What ended a session, as a refresh found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndCause {
    /// Its refresh token is past its end: nobody refreshed it for the idle lifetime.
    Idle,
    /// It reached its absolute lifetime.
    Absolute,
    /// The browser has the session marker, and no refresh cookie any more.
    CookieGone,
    /// `Renew` gave `Ok(None)`: the user is gone or disabled.
    UserGone,
    /// The user's `generation` moved.
    Generation,
    /// The session registry says so: a logout, [`end`](crate::Sessions#method.end) or
    /// [`end_all`](crate::Sessions#method.end_all), on whichever node.
    #[cfg(feature = "registry")]
    EndedElsewhere,
    /// A refresh token came back that its successor had displaced: somebody has a copy, so the session ends for both.
    #[cfg(feature = "registry")]
    Reused,
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "nobody refreshed it for its idle lifetime",
            Self::Absolute => "it reached its absolute end",
            Self::CookieGone => {
                "a session marker without its refresh cookie: it expired, or its Path is not where the browser sees the \
                 session routes"
            }
            Self::UserGone => "the user is gone or disabled",
            Self::Generation => "the user's generation moved",
            #[cfg(feature = "registry")]
            Self::EndedElsewhere => "it was ended",
            #[cfg(feature = "registry")]
            Self::Reused => "its refresh token was reused",
        })
    }
}

/// The application's hook. The bound stands at the method, so that `Sessions<C>` needs none in an application's generic code.
trait Hook<C>: Send + Sync {
    fn hear(&self, event: &SessionEvent<'_, C>)
    where
        C: SessionClaims;
}

impl<C, F> Hook<C> for F
where
    C: SessionClaims,
    F: Fn(&SessionEvent<'_, C>) + Send + Sync,
{
    fn hear(&self, event: &SessionEvent<'_, C>) {
        self(event);
    }
}

/// Who hears of events: the log, and the application's hook.
pub(crate) struct Events<C>(Option<Arc<dyn Hook<C>>>);

impl<C: SessionClaims> Events<C> {
    pub(crate) fn heard_by(hook: impl Fn(&SessionEvent<'_, C>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Whether anybody but the log listens.
    pub(crate) fn are_heard(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn login(&self, sid: &Sid, subject: &C::Subject) {
        tracing::info!(target: "stateless_session", sid = sid.short(), "login");
        self.tell(EventKind::Login, Some(sid), Some(subject));
    }

    pub(crate) fn refreshed(
        &self,
        sid: &Sid,
        subject: &C::Subject,
        reissued: Option<&'static str>,
        renew_took: Duration,
    ) {
        let reason = reissued.unwrap_or("no");
        tracing::debug!(target: "stateless_session", sid = sid.short(), reissued = reason, "refresh");
        let reissued = reissued.is_some();
        let kind = EventKind::Refreshed {
            reissued,
            renew_took,
        };
        self.tell(kind, Some(sid), Some(subject));
    }

    /// The refusal, once it was said.
    pub(crate) fn refused(
        &self,
        level: Level,
        sid: Option<&Sid>,
        rejection: SessionRejection,
        cause: &dyn fmt::Display,
    ) -> SessionRejection {
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "stateless_session",
                    sid = sid.map(Sid::short),
                    code = rejection.code(),
                    %cause,
                    "refused"
                )
            };
        }
        match level {
            Level::ERROR => log!(error),
            Level::WARN => log!(warn),
            _ => log!(debug),
        }
        if self.are_heard() {
            let code = rejection.code();
            self.tell(EventKind::Refused { code, cause }, sid, None);
        }
        rejection
    }

    /// The refusal of a refresh whose session is over.
    pub(crate) fn ended(
        &self,
        sid: &Sid,
        subject: Option<&C::Subject>,
        why: EndCause,
    ) -> SessionRejection {
        // The most likely mistake behind it is one of the path.
        let path = (why == EndCause::CookieGone).then_some(C::POLICY.path);
        #[cfg(feature = "registry")]
        if why == EndCause::Reused {
            tracing::warn!(target: "stateless_session", sid = sid.short(), "refresh token reused, session ended");
        }
        tracing::info!(target: "stateless_session", sid = sid.short(), path, %why, "the session is over");
        self.tell(EventKind::Ended { why }, Some(sid), subject);
        SessionRejection::SessionEnded {
            realm: C::POLICY.issuer,
        }
    }

    pub(crate) fn logged_out(&self, sid: Option<&Sid>, subject: Option<&C::Subject>) {
        tracing::info!(target: "stateless_session", sid = sid.map(Sid::short), "logout");
        self.tell(EventKind::LoggedOut, sid, subject);
    }

    /// The answer to an outage.
    pub(crate) fn unavailable(
        &self,
        sid: Option<&Sid>,
        subject: Option<&C::Subject>,
        cause: &dyn fmt::Display,
    ) -> SessionRejection {
        tracing::error!(target: "stateless_session", sid = sid.map(Sid::short), %cause, "unavailable");
        self.tell(EventKind::Unavailable { cause }, sid, subject);
        SessionRejection::TemporarilyUnavailable
    }

    fn tell(&self, kind: EventKind<'_>, sid: Option<&Sid>, subject: Option<&C::Subject>) {
        let Some(hook) = &self.0 else { return };
        let event = SessionEvent { kind, sid, subject };
        // Whoever listens changes no answer.
        if catch_unwind(AssertUnwindSafe(|| hook.hear(&event))).is_err() {
            tracing::error!(target: "stateless_session", "the hook of `Sessions::on_event` panicked");
        }
    }
}

impl<C> Clone for Events<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> Default for Events<C> {
    fn default() -> Self {
        Self(None)
    }
}

/// An error with what is behind it, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
