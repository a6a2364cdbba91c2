//! The way from a request to a session.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::cookies::RequestCookies;
use crate::issue_error::IssueError;
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;
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
    /// The refresh cookies that the new session replaces.
    earlier: Arc<[String]>,
}

impl<C: SessionClaims> Login<C> {
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
        self.sessions.start(&claims, &self.earlier)
    }
}

impl<C> Clone for Login<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            earlier: Arc::clone(&self.earlier),
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
        sessions.origins().check(parts).await?;
        let cookies = RequestCookies::read(&parts.headers, &C::POLICY);
        Ok(Self {
            earlier: cookies.short_sids().into(),
            sessions,
        })
    }
}
