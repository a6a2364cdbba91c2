//! Sessions beside a registry: their constructor, and what can be done to sessions from elsewhere.

use std::fmt;
use std::time::Duration;

use crate::claims::SessionClaims;
use crate::cookies::marker::Sid;
use crate::keys::Keys;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKeys;
#[cfg(feature = "remote-jwks")]
use crate::keys::remote_keys::RemoteKeys;
use crate::registry::SessionRegistry;
use crate::registry::error::RegistryError;
use crate::registry::node::Node;
use crate::registry::record::{Ending, SessionRecord};
use crate::sessions::Sessions;
use crate::token::subject;

/// Keys of any kind, for [`Sessions::with_registry`]: [`Keys`], or public keys where a service only verifies.
pub struct SessionKeys(Source);

#[cfg_attr(
    feature = "remote-jwks",
    expect(clippy::large_enum_variant, reason = "one at the start of a program")
)]
enum Source {
    Keys(Keys),
    #[cfg(feature = "remote-jwks")]
    Remote(RemoteKeys),
}

impl From<Keys> for SessionKeys {
    fn from(keys: Keys) -> Self {
        Self(Source::Keys(keys))
    }
}

#[cfg(feature = "asymmetric")]
impl From<PublicKeys> for SessionKeys {
    fn from(keys: PublicKeys) -> Self {
        Self(Source::Keys(keys.into()))
    }
}

#[cfg(feature = "remote-jwks")]
impl From<RemoteKeys> for SessionKeys {
    fn from(keys: RemoteKeys) -> Self {
        Self(Source::Remote(keys))
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKeys")
    }
}

impl<C: SessionClaims> Sessions<C> {
    /// Sessions that a registry knows: listed by [`list`](Self::list), ended from anywhere by [`end`](Self::end) and
    /// [`end_all`](Self::end_all). A request still asks nobody: every node follows the registry, and looks into a set in its memory.
    ///
    /// It comes back once this node knows what has ended, so that a program that serves then refuses what others ended before.
    /// From there on it follows in a task of the runtime that it was called in.
    ///
    /// ```no_run
    /// # #[cfg(feature = "postgres")] mod only {
    /// # use serde::{Deserialize, Serialize};
    /// use stateless_session::{Keys, PostgresRegistry, Sessions, stateless_session};
    ///
    /// #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    ///
    /// # async fn start(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = PostgresRegistry::connect(url).await?;
    /// let sessions: Sessions<Claims> = Sessions::with_registry(Keys::from_env()?, registry).await?;
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    ///
    /// A struct without the key `revocation` needs none, and does not compile:
    ///
    /// ```compile_fail,E0080
    /// # use serde::{Deserialize, Serialize};
    /// use stateless_session::{Keys, MemoryRegistry, Sessions, stateless_session};
    ///
    /// #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::with_registry(Keys::generate()?, MemoryRegistry::new()).await?;
    /// # Ok(())
    /// # }
    /// # fn main() { drop(start()) }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RegistryError`] where the registry does not answer now: whether to start all the same is the program's decision.
    pub async fn with_registry(
        keys: impl Into<SessionKeys>,
        registry: impl SessionRegistry,
    ) -> Result<Self, RegistryError> {
        const {
            assert!(
                C::POLICY.revocation.is_some(),
                "a registry needs `revocation = \"best-effort\"` in `#[stateless_session(..)]`, or a lifetime there",
            );
        }
        let policy = &C::POLICY;
        let node = Node::start(registry, policy.access + 2 * policy.leeway).await?;
        let sessions = match keys.into().0 {
            Source::Keys(keys) => Self::of_keys(keys),
            #[cfg(feature = "remote-jwks")]
            Source::Remote(keys) => Self::of_remote_keys(keys),
        };
        Ok(sessions.following(node))
    }

    /// The sessions of a subject that have not ended, the one that was last refreshed first. The session of a request is the one whose `sid` is
    /// [`Session::sid`](crate::Session::sid); what a browser calls itself is its own affair, so escape it.
    ///
    /// A login is written down behind its answer, so it may be missing for a moment.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, MemoryRegistry, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sessions = Sessions::<Claims>::with_registry(Keys::generate()?, MemoryRegistry::new()).await?;
    /// for session in sessions.list(&7).await? {
    ///     println!("{:?}, last seen at {}", session.user_agent, session.seen_at);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RegistryError`] where the registry does not answer, and for a subject that no token can have. Sessions without a
    /// registry have none to list.
    pub async fn list(&self, subject: &C::Subject) -> Result<Vec<SessionRecord>, RegistryError> {
        let subject = subject::to_wire(subject)?;
        match self.node() {
            Some(node) => {
                node.list(self.snapshot().parties.audience(), &subject)
                    .await
            }
            None => Ok(Vec::new()),
        }
    }

    /// Ends one session of a subject, wherever it is: its refreshes are refused from now on, its access tokens here at once and on every
    /// other node as soon as that hears of it. Whether the subject has such a session: somebody else's is never ended by
    /// its name.
    ///
    /// ```
    /// # use axum::{extract::{Path, State}, http::StatusCode};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Sessions, require_session, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// #[require_session]
    /// async fn sign_out_device(
    ///     claims: Claims,
    ///     State(sessions): State<Sessions<Claims>>,
    ///     Path(sid): Path<String>,
    /// ) -> Result<StatusCode, StatusCode> {
    ///     let is_own = sessions.end(&claims.sub, &sid).await?; // an outage of the registry is 503
    ///     Ok(if is_own { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RegistryError`] where the registry does not answer in time: the session has ended on this node, which goes on telling
    /// the registry until that answers or the process ends. Where 1,000 such endings wait already, this one is forgotten, and
    /// the log says so. A subject that no token can carry is an error, too.
    pub async fn end(&self, subject: &C::Subject, sid: &str) -> Result<bool, RegistryError> {
        let subject = subject::to_wire(subject)?;
        match (self.node(), Sid::read(sid.as_bytes())) {
            (Some(node), Some(sid)) => node.end_own(self.ending(subject, Some(sid)), sid).await,
            _ => Ok(false),
        }
    }

    /// Ends all sessions of a subject that began until now; one that begins after it on this node counts, in the same second,
    /// too, and one on another node as soon as that has heard of it, or a second later:
    ///
    /// ```
    /// # use axum::{extract::State, http::StatusCode};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Login, Sessions, TokenResponse, require_session, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # async fn store_new_password(_: u64) {}
    /// #[require_session(max_age = "5m")]
    /// async fn change_password(
    ///     claims: Claims,
    ///     login: Login<Claims>,
    ///     State(sessions): State<Sessions<Claims>>,
    /// ) -> Result<TokenResponse, StatusCode> {
    ///     store_new_password(claims.sub).await;
    ///     sessions.end_all(&claims.sub).await?;
    ///     Ok(login.start(claims)?)
    /// }
    /// ```
    ///
    /// It does what a moved `generation` does, and an access lifetime sooner; `generation` stands in the user's row, needs no
    /// registry, and outlives the loss of one.
    ///
    /// # Errors
    ///
    /// As with [`end`](Self::end); 10,000 may wait, logouts among them.
    pub async fn end_all(&self, subject: &C::Subject) -> Result<(), RegistryError> {
        self.end_known(subject, None).await
    }

    /// How long ago the registry last answered this node, for health checks and metrics: about a second at most while it is up.
    /// `None` without a registry.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, MemoryRegistry, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sessions = Sessions::<Claims>::with_registry(Keys::generate()?, MemoryRegistry::new()).await?;
    /// let is_healthy = sessions.revocation_lag().is_none_or(|lag| lag < Duration::from_secs(10));
    /// assert!(is_healthy);
    /// # Ok(())
    /// # }
    /// ```
    pub fn revocation_lag(&self) -> Option<Duration> {
        self.node().map(|node| node.lag())
    }

    /// Ends all sessions of a subject, or one whose refresh token is there, so that nobody has to be asked whose it is.
    pub(crate) async fn end_known(
        &self,
        subject: &C::Subject,
        sid: Option<Sid>,
    ) -> Result<(), RegistryError> {
        let subject = subject::to_wire(subject)?;
        match self.node() {
            Some(node) => node.end(self.ending(subject, sid)).await,
            None => Ok(()),
        }
    }

    fn ending(&self, subject: String, sid: Option<Sid>) -> Ending {
        let (policy, snapshot) = (&C::POLICY, self.snapshot());
        let now = snapshot.now;
        Ending {
            audience: snapshot.parties.audience().to_owned(),
            subject,
            sid: sid.map(|sid| sid.as_str().to_owned()),
            at: now.as_secs(),
            ends_at: now.plus(policy.refresh + 2 * policy.leeway).as_secs(),
        }
    }
}
