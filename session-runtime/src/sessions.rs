//! What the application's state holds.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
#[cfg(feature = "asymmetric")]
use arc_swap::Guard;
use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::bearer;
use crate::claims::SessionClaims;
use crate::clock::Clock;
use crate::cookies::SessionCookies;
use crate::cookies::marker::Marker;
use crate::issue_error::IssueError;
use crate::keys::Keys;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKeys;
#[cfg(feature = "remote-jwks")]
use crate::keys::remote_keys::RemoteKeys;
use crate::origin::{OriginError, Origins};
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::snapshot::Snapshot;
#[cfg(feature = "remote-jwks")]
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token_response::TokenResponse;

/// Keys, clock and allowed origins for the sessions of one claims struct. Cheap to clone; a part of the state.
///
/// ```
/// use axum::extract::FromRef;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Keys, Sessions, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
///
/// #[derive(Clone)]
/// struct App {
///     sessions: Sessions<Claims>,
/// }
///
/// impl FromRef<App> for Sessions<Claims> {
///     fn from_ref(app: &App) -> Self {
///         app.sessions.clone()
///     }
/// }
///
/// # fn app() -> Result<App, Box<dyn std::error::Error>> {
/// let sessions = Sessions::new(Keys::from_env()?).allow_origin("https://app.example.com")?;
/// # Ok(App { sessions })
/// # }
/// ```
pub struct Sessions<C> {
    shared: Arc<Shared>,
    claims: PhantomData<fn() -> C>,
}

#[derive(Clone)]
struct Shared {
    /// Replaced as a whole while requests are served, without a lock.
    keys: Arc<ArcSwap<Keys>>,
    clock: Clock,
    origins: Origins,
    parties: Parties,
    #[cfg(feature = "remote-jwks")]
    remote: Option<RemoteKeys>,
}

impl<C: SessionClaims> Sessions<C> {
    /// Sessions with these keys, the system's clock, and pages of the server's own origin.
    pub fn new(keys: Keys) -> Self {
        Self {
            shared: Arc::new(Shared {
                keys: Arc::new(ArcSwap::from_pointee(keys)),
                clock: Clock::default(),
                origins: Origins::default(),
                parties: Parties::of(&C::POLICY),
                #[cfg(feature = "remote-jwks")]
                remote: None,
            }),
            claims: PhantomData,
        }
    }

    /// Sessions that verify the access tokens of another service with its public keys, and ask nobody. Extractors and
    /// guards work as they do there; a login is refused with [`IssueError::VerifyOnly`].
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, PrivateKey, PublicKeys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// # let key = PrivateKey::from_jwk(jwk)?;
    /// # let auth = Sessions::new(Keys::from_private_key(key, "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ")?);
    /// # let published = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    /// let todos: Sessions<Claims> = Sessions::verifying(PublicKeys::from_jwks(published)?);
    ///
    /// let login = auth.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert_eq!(todos.verify(login.access_token())?.sub, 7);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "asymmetric")]
    pub fn verifying(keys: PublicKeys) -> Self {
        Self::new(keys.into())
    }

    /// The same with keys that another service publishes, and that stay fresh.
    #[cfg(feature = "remote-jwks")]
    pub fn verifying_remote(keys: RemoteKeys) -> Self {
        let shared = Shared {
            keys: keys.keys(),
            clock: Clock::default(),
            origins: Origins::default(),
            parties: Parties::of(&C::POLICY),
            remote: Some(keys),
        };
        Self {
            shared: Arc::new(shared),
            claims: PhantomData,
        }
    }

    /// The same with another clock, so that tests need not wait.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?).with_clock(move || tomorrow);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).clock = Clock::new(clock);
        self
    }

    /// Lets pages of another origin of the same site log in, refresh and log out. Such a page also needs the
    /// application's own CORS layer.
    ///
    /// # Errors
    ///
    /// An [`OriginError`] for anything that no browser sends as an origin: a default port, upper case, a path.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, OriginError> {
        let shared = Arc::make_mut(&mut self.shared);
        shared.origins = shared.origins.clone().and(origin)?;
        Ok(self)
    }

    /// Issues and accepts tokens of this issuer instead of the attribute's, where one build serves several deployments.
    ///
    /// Changing it ends all sessions.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.parties = shared.parties.clone().with_issuer(issuer.into());
        self
    }

    /// Issues and accepts tokens for this audience instead of the attribute's; the refresh token's has `#refresh` behind
    /// it.
    ///
    /// Changing it ends all sessions.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.parties = shared.parties.clone().with_audience(audience.into());
        self
    }

    /// Accepts access tokens for another audience as well, and never issues them. Call it again for more of them.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::generate()?;
    /// let shop = Sessions::<Claims>::new(keys.clone()).with_audience("shop");
    /// let billing = Sessions::<Claims>::new(keys).with_audience("billing").accept_audience("shop");
    ///
    /// let token = shop.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert!(billing.verify(token.access_token()).is_ok());
    /// let token = billing.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert!(shop.verify(token.access_token()).is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn accept_audience(mut self, audience: impl Into<String>) -> Self {
        let parties = &mut Arc::make_mut(&mut self.shared).parties;
        parties.accept_audience(audience.into());
        self
    }

    /// Takes other keys while requests are served; every clone takes them at once. Requests wait for nothing, and those
    /// under way go on with the keys that they began with. Keys of `Sessions::verifying_remote` stay fresh
    /// by themselves, and the next answer replaces these. Public keys are keys, too, for sessions that only verify.
    ///
    /// A program calls it when it is told that files have changed, by SIGHUP, say, and keeps what it has where they are
    /// wrong:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// use tokio::signal::unix::{SignalKind, signal};
    ///
    /// async fn reload_keys(sessions: Sessions<Claims>) -> std::io::Result<()> {
    ///     let mut hangup = signal(SignalKind::hangup())?;
    ///     while hangup.recv().await.is_some() {
    ///         match Keys::from_env() {
    ///             Ok(keys) => sessions.set_keys(keys),
    ///             Err(error) => tracing::error!(%error, "the keys stay as they were"),
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn set_keys(&self, keys: Keys) {
        self.shared.keys.store(Arc::new(keys));
        tracing::info!("the keys were replaced");
    }

    /// Starts a session for a request that something else has checked: a one-time state bound to the browser, where a
    /// login arrives by GET (an OAuth callback, a magic link), or a test. Everything else goes through
    /// [`Login`](crate::Login).
    ///
    /// A test goes through the router, so that the guard is tested too:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::{Request, StatusCode}};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// use tower::ServiceExt as _;
    ///
    /// async fn ada_may_enter(app: Router, sessions: &Sessions<Claims>) -> Result<(), Box<dyn std::error::Error>> {
    ///     let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    ///     let bearer = format!("Bearer {}", login.access_token());
    ///     let request = Request::get("/me").header("Authorization", bearer).body(Body::empty())?;
    ///     assert_eq!(app.oneshot(request).await?.status(), StatusCode::OK);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// An [`IssueError`] when the tokens would not verify.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "claims are made for this call"
    )]
    pub fn login_checked_elsewhere(&self, claims: C) -> Result<TokenResponse, IssueError> {
        self.start(&claims, &[])
    }

    /// Verifies an access token that no `Authorization` header carries, such as the one in a WebSocket's first message.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, SessionRejection, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Debug, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert_eq!(sessions.verify(login.access_token())?.sub, 7);
    /// assert_eq!(sessions.verify("no token").unwrap_err(), SessionRejection::InvalidToken);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionRejection::InvalidToken`], whatever the reason; the log tells which.
    pub fn verify(&self, access_token: &str) -> Result<Session<C>, SessionRejection> {
        self.verify_token(access_token.as_bytes())
    }

    /// Reads and verifies the access token of a request.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Session<C>, SessionRejection> {
        self.authenticate_optional(headers)?.ok_or_else(|| {
            let realm = C::POLICY.issuer;
            let rejection = SessionRejection::MissingToken { realm };
            tracing::debug!(%rejection, "no session");
            rejection
        })
    }

    /// The same, with `None` where the request carries no token at all. A bad token is still refused.
    pub(crate) fn authenticate_optional(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Session<C>>, SessionRejection> {
        let token = bearer::access_token(headers)
            .inspect_err(|rejection| tracing::debug!(%rejection, "no session"))?;
        token.map(|token| self.verify_token(token)).transpose()
    }

    /// Verifies an access token, from wherever it came.
    fn verify_token(&self, token: &[u8]) -> Result<Session<C>, SessionRejection> {
        let shared = &*self.shared;
        #[cfg(feature = "remote-jwks")]
        if let Some(remote) = &shared.remote
            && !remote.are_confirmed(shared.clock.now())
        {
            tracing::error!("no answer has confirmed the public keys for too long");
            return Err(SessionRejection::TemporarilyUnavailable);
        }
        let keys = shared.keys.load();
        Session::open(token, &keys.access, &shared.parties, &shared.clock).map_err(|cause| {
            #[cfg(feature = "remote-jwks")]
            if let (TokenError::Header, Some(remote)) = (cause, &shared.remote) {
                remote.report_unknown_key();
            }
            tracing::debug!(%cause, "refused an access token");
            SessionRejection::InvalidToken
        })
    }

    /// The cookies that end the session in this browser, for a logout in a handler of the application: the session
    /// marker goes, and the refresh token counts only beside it. It stays in the browser until the next session's
    /// refresh; the logout route deletes it as well.
    ///
    /// Nothing here knows where the request came from, so the handler checks that, by requiring the session, say.
    pub fn logout(&self) -> SessionCookies {
        tracing::info!("logout");
        let mut cookies = SessionCookies::none();
        cookies.delete_marker(&C::POLICY);
        cookies
    }

    /// Starts a session and deletes the refresh cookies of earlier ones.
    pub(crate) fn start(
        &self,
        claims: &C,
        earlier: &[String],
    ) -> Result<TokenResponse, IssueError> {
        // The application's code runs in between, and a panic of its own is no reason to drop a connection.
        let started = catch_unwind(AssertUnwindSafe(|| self.start_with(claims, earlier)));
        started
            .unwrap_or(Err(IssueError::Panic))
            .inspect_err(|cause| tracing::error!(%cause, "no session was started"))
    }

    fn start_with(&self, claims: &C, earlier: &[String]) -> Result<TokenResponse, IssueError> {
        let policy = &C::POLICY;
        let marker = Marker::generate().map_err(|_| IssueError::Random)?;
        let sid = marker.sid();
        let snapshot = self.snapshot();
        let now = snapshot.now;
        let access_token = snapshot.access_token(claims, sid, now)?;
        let mut cookies = SessionCookies::none();
        for short_sid in earlier {
            cookies.delete_refresh_token(policy, short_sid);
        }
        snapshot.set_refresh_token(&mut cookies, claims, sid, now)?;
        // Last, because a refresh between two of these cookies must not see a marker without its refresh token.
        cookies.set_marker(policy, marker, now);
        tracing::info!(sid = sid.short(), "login");
        Ok(TokenResponse {
            access_token,
            cookies,
        })
    }

    /// Keys and time as they are now, for one login or one refresh.
    pub(crate) fn snapshot(&self) -> Snapshot<'_, C> {
        let shared = &*self.shared;
        Snapshot {
            keys: shared.keys.load_full(),
            parties: &shared.parties,
            clock: &shared.clock,
            now: shared.clock.now(),
            claims: PhantomData,
        }
    }

    #[cfg(feature = "asymmetric")]
    pub(crate) fn keys(&self) -> Guard<Arc<Keys>> {
        self.shared.keys.load()
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.shared.origins
    }
}

impl<C> Clone for Sessions<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            claims: PhantomData,
        }
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
        Sessions::from_ref(state).authenticate(&parts.headers)
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
        Sessions::from_ref(state).authenticate_optional(&parts.headers)
    }
}

/// States that hold the sessions of `C`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the state `{Self}` holds no `Sessions<{C}>`",
    label = "expected a state that holds them",
    note = "write `impl FromRef<{Self}> for Sessions<{C}>`, which returns a clone of those that the state holds"
)]
pub trait HoldsSessions<C>: Sync {
    /// What `FromRef` does.
    fn sessions(&self) -> Sessions<C>;
}

// Not the bound itself, because rustc would propose the implementation below instead of one for the state.
#[diagnostic::do_not_recommend]
impl<C, S> HoldsSessions<C> for S
where
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    fn sessions(&self) -> Sessions<C> {
        Sessions::from_ref(self)
    }
}

/// State behind an `Arc` holds what the state itself holds.
#[diagnostic::do_not_recommend]
impl<C, T> FromRef<Arc<T>> for Sessions<C>
where
    Sessions<C>: FromRef<T>,
{
    fn from_ref(state: &Arc<T>) -> Self {
        Self::from_ref(&**state)
    }
}

impl<C: SessionClaims> fmt::Debug for Sessions<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("policy", &C::POLICY)
            .field("parties", &self.shared.parties)
            .field("origins", &self.shared.origins)
            .finish_non_exhaustive()
    }
}
