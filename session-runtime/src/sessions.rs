//! What the application's state holds.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
#[cfg(feature = "asymmetric")]
use arc_swap::Guard;
use axum::extract::FromRef;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use tracing::Level;

use crate::bearer;
#[cfg(feature = "binding")]
use crate::binding::offer::offer;
use crate::claims::SessionClaims;
use crate::clock::{Clock, TellTime, Timestamp};
use crate::cookies::SessionCookies;
use crate::cookies::attributes::Persistence;
use crate::cookies::marker::Marker;
#[cfg(feature = "live")]
use crate::cookies::marker::Sid;
use crate::cookies::names::Short;
use crate::event::{Events, SessionEvent};
use crate::issue_error::IssueError;
use crate::keys::Keys;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKeys;
#[cfg(feature = "remote-jwks")]
use crate::keys::remote_keys::RemoteKeys;
#[cfg(all(feature = "live", feature = "registry"))]
use crate::live::IsOver;
#[cfg(feature = "live")]
use crate::live::Live;
use crate::origin::{ForeignRequest, OriginError, Origins};
use crate::pages::onward::Onward;
#[cfg(feature = "registry")]
use crate::registry::access;
#[cfg(all(feature = "live", feature = "registry"))]
use crate::registry::ended::Owner;
#[cfg(feature = "registry")]
use crate::registry::node::{Node, OwnedSeen};
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::snapshot::{OfSession, Snapshot};
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::refresh_token::Lasting;
#[cfg(feature = "registry")]
use crate::token::subject;
use crate::token_response::{NativeToken, TokenResponse};

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
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    /// Replaced as a whole while requests are served, without a lock.
    keys: Arc<ArcSwap<Keys>>,
    clock: Clock,
    origins: Origins,
    parties: Parties,
    events: Events<C>,
    #[cfg(feature = "live")]
    live: Live,
    #[cfg(feature = "remote-jwks")]
    remote: Option<RemoteKeys>,
    #[cfg(feature = "registry")]
    registry: Option<Arc<Node>>,
}

impl<C: SessionClaims> Shared<C> {
    fn of(keys: Arc<ArcSwap<Keys>>) -> Self {
        Self {
            keys,
            clock: Clock::default(),
            origins: Origins::default(),
            parties: Parties::of(&C::POLICY),
            events: Events::default(),
            #[cfg(feature = "live")]
            live: Live::default(),
            #[cfg(feature = "remote-jwks")]
            remote: None,
            #[cfg(feature = "registry")]
            registry: None,
        }
    }
}

/// How a session begins, beside its claims.
#[derive(Clone, Default)]
pub(crate) struct Beginning {
    /// Deletes what the new session replaces.
    pub(crate) earlier: SessionCookies,
    pub(crate) persistence: Persistence,
    /// By a program that is no browser, which gets its refresh token in the body.
    pub(crate) is_native: bool,
    /// The login state that the session uses up, by the end of its cookie's name.
    pub(crate) used_state: Option<Short>,
    /// When the user was authenticated elsewhere.
    pub(crate) authenticated_at: Option<Timestamp>,
    /// Where a browser goes on that sent a form.
    pub(crate) form: Option<Onward>,
    /// For the registry.
    #[cfg(feature = "registry")]
    pub(crate) user_agent: Option<Arc<str>>,
}

impl<C: SessionClaims> Sessions<C> {
    /// Sessions with these keys, the system's clock, and pages of the server's own origin.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A struct with the key `revocation` has a registry, and does not compile without:
    ///
    #[cfg_attr(feature = "registry", doc = "```compile_fail,E0080")]
    #[cfg_attr(not(feature = "registry"), doc = "```ignore")]
    /// # use serde::{Deserialize, Serialize};
    /// use stateless_session::{Keys, Sessions, stateless_session};
    ///
    /// #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?); // error: write `Sessions::with_registry(..)`
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(keys: Keys) -> Self {
        const { assert_no_registry::<C>() };
        Self::of_keys(keys)
    }

    pub(crate) fn of_keys(keys: Keys) -> Self {
        let shared = Shared::of(Arc::new(ArcSwap::from_pointee(keys)));
        Self {
            shared: Arc::new(shared),
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
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{JwksUrl, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?.fetch().await?;
    /// let sessions = Sessions::<Claims>::verifying_remote(keys).with_issuer("auth");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "remote-jwks")]
    pub fn verifying_remote(keys: RemoteKeys) -> Self {
        const { assert_no_registry::<C>() };
        Self::of_remote_keys(keys)
    }

    #[cfg(feature = "remote-jwks")]
    pub(crate) fn of_remote_keys(keys: RemoteKeys) -> Self {
        let mut shared = Shared::of(keys.keys());
        shared.remote = Some(keys);
        Self {
            shared: Arc::new(shared),
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
    pub fn with_clock(mut self, clock: impl TellTime) -> Self {
        Arc::make_mut(&mut self.shared).clock = Clock::new(clock);
        self
    }

    /// Lets pages of another origin of the same site log in, refresh and log out. Such a page also needs the
    /// application's own CORS layer.
    ///
    /// # Errors
    ///
    /// An [`OriginError`] for anything that no browser sends as an origin: a default port, upper case, a path; and for `http`
    /// on another host than localhost.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let sessions = sessions.allow_origin("https://app.example.com")?;
    /// assert!(sessions.allow_origin("https://app.example.com:443").is_err()); // browsers leave the port out
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, OriginError> {
        let shared = Arc::make_mut(&mut self.shared);
        shared.origins = shared.origins.clone().and(origin)?;
        Ok(self)
    }

    /// Issues and accepts tokens of this issuer instead of the attribute's, where one build serves several deployments.
    ///
    /// Changing it ends all sessions.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = Keys::generate()?;
    /// let staging = Sessions::<Claims>::new(keys.clone()).with_issuer("staging");
    /// let production = Sessions::<Claims>::new(keys).with_issuer("production");
    ///
    /// let token = staging.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert!(production.verify(token.access_token()).is_err());
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?).with_audience("shop");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.parties = shared.parties.clone().with_audience(audience.into());
        self
    }

    /// Calls back at every login, refresh, refusal and logout, for an audit log, metrics, or the application's own table of
    /// devices.
    ///
    /// It is called where the event happens, so it should be quick: hand on to a channel what has to be written elsewhere. A
    /// panic in it is logged and changes no answer. What a guard refuses by [`Require::check`](crate::Require::check) is
    /// not heard, since no state is there; nor is a one-time token that [`Redeemed::unchanged`](crate::Redeemed::unchanged)
    /// refuses, or with `native` a form that is refused before its token is read.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{EventKind, Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?).on_event(|event| match event.kind {
    ///     EventKind::Login => println!("login of {:?}", event.subject()),
    ///     EventKind::Ended { why } => println!("over: {why}"),
    ///     _ => {}
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&SessionEvent<'_, C>) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.shared).events = Events::heard_by(hook);
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
        tracing::info!(target: "stateless_session", "the keys were replaced");
    }

    /// Starts a session for a request that something else has checked. Nothing here does: what a browser sends by POST
    /// goes through [`Login`](crate::Login), and a login that comes back from a provider or out of a mail through
    /// [`LoginCallback`](crate::LoginCallback), which counts only in the browser that began it. This is for what neither door
    /// fits, and for tests.
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
        self.start(&claims, &Beginning::default())
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
    /// [`SessionRejection::InvalidToken`], whatever the reason; the log tells which. And
    /// [`SessionRejection::TemporarilyUnavailable`], where nothing was heard for too long of the issuer's public keys, or of a
    /// session registry with a lifetime as `revocation`.
    pub fn verify(&self, access_token: &str) -> Result<Session<C>, SessionRejection> {
        self.verify_token(access_token.as_bytes())
    }

    /// Reads and verifies the access token of a request where no extractor of axum's runs, such as in an interceptor of
    /// tonic: the `Authorization` header as the extractors read it, and never a cookie, which counts only where method and
    /// origin are known.
    ///
    /// ```
    /// # use axum::http::HeaderMap;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("authorization", format!("Bearer {}", login.access_token()).parse()?);
    /// assert_eq!(sessions.authenticate(&headers)?.sub, 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionRejection::MissingToken`] and [`SessionRejection::InvalidRequest`], and those of [`verify`](Self::verify).
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Session<C>, SessionRejection> {
        self.authenticate_optional(headers)?.ok_or_else(|| {
            let realm = C::POLICY.issuer;
            let rejection = SessionRejection::MissingToken { realm };
            let cause = "no access token";
            self.events().refused(Level::DEBUG, None, rejection, &cause)
        })
    }

    /// The same, with `None` where the request carries no token at all. A bad token is still refused.
    pub(crate) fn authenticate_optional(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Session<C>>, SessionRejection> {
        let token = bearer::access_token(headers).map_err(|rejection| {
            let cause = "no `Authorization` header of RFC 6750";
            self.events().refused(Level::DEBUG, None, rejection, &cause)
        })?;
        token.map(|token| self.verify_token(token)).transpose()
    }

    /// Verifies an access token, from wherever it came.
    fn verify_token(&self, token: &[u8]) -> Result<Session<C>, SessionRejection> {
        self.open(token, |cause| {
            let rejection = SessionRejection::InvalidToken;
            self.events().refused(Level::DEBUG, None, rejection, &cause)
        })
    }

    /// The same, and what is said of a token that does not count.
    #[inline]
    pub(crate) fn open(
        &self,
        token: &[u8],
        refused: impl FnOnce(TokenError) -> SessionRejection,
    ) -> Result<Session<C>, SessionRejection> {
        let shared = &*self.shared;
        #[cfg(feature = "remote-jwks")]
        if let Some(remote) = &shared.remote
            && !remote.are_confirmed()
        {
            let cause = "no answer has confirmed the public keys for too long";
            return Err(shared.events.unavailable(None, None, &cause));
        }
        let keys = shared.keys.load();
        let opened = Session::open(token, &keys.access, &shared.parties, &shared.clock);
        #[cfg_attr(
            not(feature = "registry"),
            expect(unused_mut, reason = "a registry notes")
        )]
        let mut session = opened.map_err(|cause| {
            #[cfg(feature = "remote-jwks")]
            if let (TokenError::Header, Some(remote)) = (cause, &shared.remote) {
                remote.report_unknown_key();
            }
            refused(cause)
        })?;
        #[cfg(feature = "registry")]
        if C::POLICY.revocation.is_some()
            && let Some(node) = &shared.registry
        {
            access::check(node, &shared.parties, &shared.events, token, &mut session)?;
        }
        Ok(session)
    }

    /// Resolves when the session ends: when its access token no longer counts, or at once where this server serves its
    /// logout or, with a registry, hears that it was ended. For whatever stays open behind a request that was let in, a
    /// WebSocket, a stream of events: a handler selects on it. A renewed token of the same [`sid`](Session::sid) goes on with a call of its own.
    ///
    /// One timer serves all who wait, and looks at the clock each second, so that a test's clock counts. Dropping the future
    /// leaves nothing behind. Outside of a tokio runtime with its time switched on, it resolves at once, and the log says so.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Session, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// use tokio::sync::mpsc::{Receiver, Sender};
    ///
    /// /// Hands events on for as long as the session lasts.
    /// async fn hand_on(sessions: Sessions<Claims>, session: Session<Claims>, mut news: Receiver<String>, to: Sender<String>) {
    ///     let mut ended = sessions.ended(&session);
    ///     loop {
    ///         tokio::select! {
    ///             () = &mut ended => return,
    ///             Some(event) = news.recv() => if to.send(event).await.is_err() { return },
    ///             else => return,
    ///         }
    ///     }
    /// }
    /// ```
    #[cfg(feature = "live")]
    pub fn ended(&self, session: &Session<C>) -> impl Future<Output = ()> + Send + Unpin + use<C> {
        let clock = self.shared.clock.clone();
        self.shared.live.ended(
            session.sid,
            session.over_at(),
            clock,
            #[cfg(feature = "registry")]
            self.is_over(session),
        )
    }

    /// Whether the registry says that a session has ended, for whoever asks that later.
    #[cfg(all(feature = "live", feature = "registry"))]
    fn is_over(&self, session: &Session<C>) -> Option<IsOver> {
        let node = Arc::clone(self.shared.registry.as_ref()?);
        let subject = subject::to_wire(session.subject()).ok()?;
        // Which of them its token was for is not known any more; a session has one name under all of them.
        let audiences = self.shared.parties.audiences();
        let owners: Vec<_> = audiences
            .map(|audience| node.ended.owner(audience, &subject))
            .collect();
        let (sid, auth_time) = (session.sid, session.auth_time().as_secs());
        Some(Box::new(move || {
            let is_of = |owner: &Owner| node.ended.contains(&sid, auth_time, || Some(*owner));
            owners.iter().any(is_of)
        }))
    }

    /// Ends a session for whoever waits for that on this server.
    #[cfg(feature = "live")]
    pub(crate) fn end_live(&self, sid: &Sid) {
        self.shared.live.end(sid);
    }

    /// The cookies that end the session in this browser, for a logout in a handler of the application: the session
    /// marker goes, and the refresh token counts only beside it. It stays in the browser until the next session's
    /// refresh; the logout route deletes it as well.
    ///
    /// Nothing here sees the session's name, so a registry is not told: a handler whose copies have to end as well calls
    /// `Sessions::end`; the logout route does that by itself.
    ///
    /// Nothing here knows where the request came from, so the handler checks that, by requiring the session, say.
    ///
    /// ```
    /// # use axum::{extract::State, response::{IntoResponse, Redirect}};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Sessions, require_session, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// #[require_session]
    /// async fn close_account(claims: Claims, State(sessions): State<Sessions<Claims>>) -> impl IntoResponse {
    ///     (sessions.logout(), Redirect::to("/goodbye"))
    /// }
    /// ```
    pub fn logout(&self) -> SessionCookies {
        self.events().logged_out(None, None);
        let mut cookies = SessionCookies::none();
        cookies.delete_marker(&C::POLICY);
        cookies
    }

    /// Starts a session, with the cookies that delete earlier ones.
    pub(crate) fn start(
        &self,
        claims: &C,
        beginning: &Beginning,
    ) -> Result<TokenResponse, IssueError> {
        // The application's code runs in between, and a panic of its own is no reason to drop a connection.
        let started = catch_unwind(AssertUnwindSafe(|| self.start_with(claims, beginning)));
        started
            .unwrap_or(Err(IssueError::Panic))
            .inspect_err(|cause| {
                let rejection = SessionRejection::InternalError;
                self.events().refused(Level::ERROR, None, rejection, cause);
            })
    }

    fn start_with(&self, claims: &C, beginning: &Beginning) -> Result<TokenResponse, IssueError> {
        let policy = &C::POLICY;
        let persistence = beginning.persistence;
        let marker = Marker::generate().map_err(|_| IssueError::Random)?;
        let sid = marker.sid();
        let snapshot = self.snapshot();
        let now = snapshot.now;
        #[cfg(not(feature = "registry"))]
        let auth_time = now;
        #[cfg(feature = "registry")]
        let auth_time = snapshot.login_time(claims.subject())?;
        let of = OfSession {
            sid,
            auth_time,
            auth_age: (beginning.authenticated_at).map_or(Duration::ZERO, |at| now.since(at)),
        };
        let access_token = snapshot.access_token(claims, of)?;
        let mut cookies = beginning.earlier.clone();
        if let Some(short) = beginning.used_state {
            cookies.delete_login_state(policy, short);
        }
        let of_session = (of, now);
        let lasting = Lasting::unbound(persistence);
        let (end, refresh_token) = if beginning.is_native {
            // Nothing has to be beside its refresh token, so its `sid` is random and no more.
            let (token, end) = snapshot.native_token(claims, of_session, lasting)?;
            let expires_in = end.since(now);
            (end, Some(NativeToken { token, expires_in }))
        } else {
            let end = snapshot.set_refresh_token(&mut cookies, claims, of_session, lasting)?;
            #[cfg(feature = "binding")]
            if const { C::POLICY.binding } {
                cookies.offer(offer(policy, &snapshot.stamps(sid))?);
            }
            if const { C::POLICY.pages.is_some() } {
                let token = access_token.as_str();
                cookies.set_access_token(policy, sid, token, now, persistence)?;
            }
            // Last, because a refresh between two of these cookies must not see a marker without its refresh token.
            cookies.set_marker(policy, marker, now, persistence);
            (end, None)
        };
        #[cfg(feature = "registry")]
        if let Some(node) = snapshot.registry {
            let subject = subject::to_wire(claims.subject())?;
            node.write_down(OwnedSeen {
                audience: snapshot.parties.audience().to_owned(),
                subject,
                sid,
                auth_time: auth_time.as_secs(),
                at: now.as_secs(),
                ends_at: end.plus(policy.leeway).as_secs(),
                user_agent: beginning.user_agent.as_deref().map(str::to_owned),
                grace: policy.rotation.map_or(0, |grace| grace.as_secs()),
            });
        }
        self.events().login(&sid, claims.subject());
        Ok(TokenResponse {
            access_token,
            cookies,
            sid,
            session_expires_in: end.since(now),
            refresh_token,
            form: beginning.form.clone(),
        })
    }

    /// Keys and time as they are now, for one login or one refresh.
    pub(crate) fn snapshot(&self) -> Snapshot<'_, C> {
        let shared = &*self.shared;
        Snapshot {
            keys: shared.keys.load_full(),
            parties: &shared.parties,
            clock: &shared.clock,
            events: &shared.events,
            now: shared.clock.now(),
            #[cfg(feature = "registry")]
            registry: shared.registry.as_ref(),
        }
    }

    #[cfg(feature = "registry")]
    pub(crate) fn following(mut self, node: Arc<Node>) -> Self {
        #[cfg(feature = "live")]
        node.tells(self.shared.live.clone());
        Arc::make_mut(&mut self.shared).registry = Some(node);
        self
    }

    #[cfg(feature = "registry")]
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.shared.registry.as_ref()
    }

    #[cfg(feature = "asymmetric")]
    pub(crate) fn keys(&self) -> Guard<Arc<Keys>> {
        self.shared.keys.load()
    }

    pub(crate) fn events(&self) -> &Events<C> {
        &self.shared.events
    }

    /// Refuses a request that a page of an origin not listed sent.
    pub(crate) fn check_origin(&self, parts: &Parts) -> Result<(), SessionRejection> {
        self.origin_checked(self.shared.origins.check(parts))
    }

    /// The same whatever its method is.
    pub(crate) fn check_origin_of_any(&self, parts: &Parts) -> Result<(), SessionRejection> {
        self.origin_checked(self.shared.origins.check_any(parts))
    }

    /// The hosts of the origins that may refresh, beside the server's own.
    #[cfg(feature = "binding")]
    pub(crate) fn allowed_hosts(&self) -> &[String] {
        self.shared.origins.hosts()
    }

    fn origin_checked(&self, checked: Result<(), ForeignRequest>) -> Result<(), SessionRejection> {
        checked.map_err(|cause| {
            let rejection = cause.rejection();
            self.events().refused(Level::WARN, None, rejection, &cause)
        })
    }
}

/// Compiles where a struct has no session registry.
///
/// # Panics
///
/// Where it has; called in a constant, so the panic is a compile error.
const fn assert_no_registry<C: SessionClaims>() {
    assert!(
        C::POLICY.revocation.is_none(),
        "`#[stateless_session(.., revocation = ..)]` needs a registry: write `Sessions::with_registry(keys, registry).await?`",
    );
}

impl<C> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Self {
            keys: Arc::clone(&self.keys),
            clock: self.clock.clone(),
            origins: self.origins.clone(),
            parties: self.parties.clone(),
            events: self.events.clone(),
            #[cfg(feature = "live")]
            live: self.live.clone(),
            #[cfg(feature = "remote-jwks")]
            remote: self.remote.clone(),
            #[cfg(feature = "registry")]
            registry: self.registry.clone(),
        }
    }
}

impl<C> Clone for Sessions<C> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
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

#[cfg(all(test, feature = "remote-jwks"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};
    use std::time::SystemTime;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::keys::private_key::PrivateKey;
    use crate::keys::remote_keys::JwksUrl;
    use crate::policy::Policy;

    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const PUBLIC: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const OTHER: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    #[derive(Serialize, Deserialize)]
    struct Claims {
        sub: u64,
    }

    impl SessionClaims for Claims {
        type Subject = u64;
        const POLICY: Policy = Policy::new(
            "auth",
            "app",
            Duration::from_secs(900),
            Duration::from_secs(86_400),
        );

        fn subject(&self) -> &u64 {
            &self.sub
        }
    }

    fn keys() -> Keys {
        let secret = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";
        Keys::from_private_key(PrivateKey::from_jwk(PRIVATE).unwrap(), secret).unwrap()
    }

    fn token() -> String {
        let login = Sessions::new(keys()).login_checked_elsewhere(Claims { sub: 7 });
        login.unwrap().access_token().to_owned()
    }

    fn remembers(sessions: &Sessions<Claims>, token: &str) -> bool {
        sessions.keys().access.remembers(token)
    }

    /// Keys that are replaced between a signature and its verdict: the next ones hear nothing of it, although they would say the
    /// same.
    #[test]
    fn a_verdict_that_comes_late_is_kept_nowhere() {
        let (sessions, token) = (Sessions::<Claims>::new(keys()), token());
        let replaced = sessions.clone();
        // The clock is asked when the signature is known to be good.
        let slow = sessions.clone().with_clock(move || {
            replaced.set_keys(keys());
            SystemTime::now()
        });
        assert!(slow.verify(&token).is_ok());
        assert!(!remembers(&sessions, &token));
        assert!(sessions.verify(&token).is_ok() && remembers(&sessions, &token));
        assert!(slow.verify(&token).is_ok());
        assert!(
            !remembers(&sessions, &token),
            "what was known goes with its keys"
        );
    }

    /// Answers one request after the other with a set, and ends behind the last.
    fn publish(sets: Vec<Vec<&'static str>>) -> (JwksUrl, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let service = thread::spawn(move || {
            for keys in sets {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
                let head = format!("Connection: close\r\nContent-Length: {}", set.len());
                let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{set}");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (JwksUrl::new(&url).unwrap(), service)
    }

    /// Or every signature would be verified anew at every interval.
    #[tokio::test]
    async fn a_fetched_set_that_is_the_same_forgets_no_token_and_another_does() {
        let (both, the_same) = (vec![PUBLIC, OTHER], vec![OTHER, PUBLIC]);
        let (url, service) = publish(vec![both, the_same, vec![PUBLIC], vec![OTHER]]);
        // As often as a setting allows.
        let url = url
            .with_interval(Duration::ZERO)
            .with_least_interval(Duration::ZERO);
        let keys = url.fetch().await.unwrap();
        let (sessions, token) = (Sessions::<Claims>::verifying_remote(keys.clone()), token());
        let is_remembered = || remembers(&sessions, &token);

        assert!(sessions.verify(&token).is_ok() && is_remembered());
        keys.confirmed_again().await;
        assert!(is_remembered(), "the same keys in another order");
        keys.confirmed_again().await;
        assert!(!is_remembered(), "a key less");
        assert!(sessions.verify(&token).is_ok() && is_remembered());
        keys.confirmed_again().await;
        assert!(sessions.verify(&token).is_err(), "another key");
        service.join().unwrap();
    }
}
