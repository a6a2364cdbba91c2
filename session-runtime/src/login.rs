//! The way from a request to a session.

use std::fmt;
use std::time::SystemTime;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::SessionCookies;
use crate::cookies::attributes::Persistence;
use crate::cookies::names::Short;
use crate::cookies::request::RequestCookies;
use crate::issue_error::IssueError;
use crate::native;
use crate::pages::local_path::LocalPath;
use crate::pages::onward::Onward;
use crate::pages::request::{accepts_html, navigates};
#[cfg(feature = "registry")]
use crate::registry::user_agent::user_agent;
use crate::rejection::SessionRejection;
use crate::sessions::{Beginning, Sessions};
use crate::token_response::TokenResponse;

/// A request that may start a session: an extractor that refuses one that a page of another origin sent, with 403 and
/// before the body is read. Otherwise a foreign page's form could log its visitors in as somebody else. On a route for GET it
/// refuses every request with 405, since any page can send those.
///
/// ```
/// # use axum::{Form, http::StatusCode};
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{IssueError, Login, TokenResponse, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # #[derive(Deserialize)] struct Credentials { name: String, password: String }
/// # async fn check_password(_: &Credentials) -> Result<u64, StatusCode> { Err(StatusCode::UNAUTHORIZED) }
/// async fn login(login: Login<Claims>, Form(form): Form<Credentials>) -> Result<TokenResponse, StatusCode> {
///     let user_id = check_password(&form).await?;
///     login.start(Claims { sub: user_id }).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
/// }
/// ```
pub struct Login<C> {
    sessions: Sessions<C>,
    beginning: Beginning,
}

impl<C: SessionClaims> Login<C> {
    fn of(sessions: Sessions<C>, headers: &HeaderMap) -> Self {
        let cookies = RequestCookies::read(headers, &C::POLICY);
        let mut earlier = SessionCookies::none();
        earlier.delete_tokens(&cookies, &C::POLICY);
        #[cfg(feature = "binding")]
        if const { C::POLICY.binding } {
            for short_sid in cookies.short_sids() {
                earlier.delete_bound(&C::POLICY, short_sid);
            }
        }
        let beginning = Beginning {
            earlier,
            #[cfg(feature = "registry")]
            user_agent: sessions
                .node()
                .and_then(|_| user_agent(headers))
                .map(Into::into),
            ..Beginning::default()
        };
        Self {
            sessions,
            beginning,
        }
    }

    /// A login that this browser began, as its login state says.
    pub(crate) fn begun_here(
        sessions: Sessions<C>,
        headers: &HeaderMap,
        short_state: Short,
    ) -> Self {
        let mut login = Self::of(sessions, headers);
        login.beginning.used_state = Some(short_state);
        login
    }

    /// The same for a session that ends with the browser, where somebody did not ask to be remembered: neither cookie has
    /// `Max-Age` or `Expires` (RFC 6265bis, section 5.7: not persistent), and every refresh keeps it so. The lifetimes of the
    /// attribute count all the same. Browsers that restore tabs restore such cookies, too.
    ///
    /// ```
    /// # use axum::Json;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{IssueError, Login, TokenResponse, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # #[derive(Deserialize)] struct Form { remember: bool }
    /// async fn login(mut login: Login<Claims>, Json(form): Json<Form>) -> Result<TokenResponse, IssueError> {
    ///     if !form.remember {
    ///         login = login.not_persistent();
    ///     }
    ///     login.start(Claims { sub: 7 })
    /// }
    /// ```
    #[must_use]
    pub fn not_persistent(mut self) -> Self {
        self.beginning.persistence = Persistence::UntilTheBrowserEnds;
        self
    }

    /// The same for a user whom somebody else authenticated longer ago, such as a provider that knew the browser: the `auth_time`
    /// of its ID token, to the second. Both tokens then hold `auth_age`, how long before this login that was, and the guard's
    /// `max_age` adds it. Everything else counts from the login. A time to come counts as now.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{IssueError, LoginCallback, TokenResponse, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct IdToken { auth_time: u64 }
    /// # async fn id_token() -> IdToken { IdToken { auth_time: 0 } }
    /// async fn callback(LoginCallback { login, .. }: LoginCallback<Claims, ()>) -> Result<TokenResponse, IssueError> {
    ///     let token = id_token().await; // once it was verified
    ///     let then = SystemTime::UNIX_EPOCH + Duration::from_secs(token.auth_time);
    ///     login.authenticated_at(then).start(Claims { sub: 7 })
    /// }
    /// ```
    #[must_use]
    pub fn authenticated_at(mut self, then: SystemTime) -> Self {
        self.beginning.authenticated_at = Some(Timestamp::of(then));
        self
    }

    /// Starts a session with these claims; whatever session the browser had before is replaced. Login and reading of
    /// the claims count from this call, which `fresh` and `max_age` go by.
    ///
    /// # Errors
    ///
    /// An [`IssueError`] when the tokens would not verify.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "claims are made for this call"
    )]
    pub fn start(&self, claims: C) -> Result<TokenResponse, IssueError> {
        self.sessions.start(&claims, &self.beginning)
    }
}

impl<C> Clone for Login<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            beginning: self.beginning.clone(),
        }
    }
}

impl<C> fmt::Debug for Login<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl<C, S> FromRequestParts<S> for Login<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let sessions = Sessions::<C>::from_ref(state);
        sessions.check_origin(parts)?;
        let mut login = Self::of(sessions, &parts.headers);
        login.beginning.is_native = native::asks_for_body(parts, &C::POLICY);
        let is_form = C::POLICY.pages.is_some() && accepts_html(&parts.headers);
        let onward = || Onward {
            to: LocalPath::of_query(parts.uri.query()).unwrap_or_else(LocalPath::root),
            by_document: navigates(&parts.headers),
        };
        login.beginning.form = (is_form && !login.beginning.is_native).then(onward);
        Ok(login)
    }
}
