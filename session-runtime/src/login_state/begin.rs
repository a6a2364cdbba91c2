//! The beginning: a cookie of this browser, and a value for the URL.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::Level;

use crate::claims::SessionClaims;
use crate::cookies::attributes::Persistence;
use crate::cookies::names::{Short, short_state_of_name};
use crate::cookies::request::each_prefixed;
use crate::cookies::{InvalidCookie, SessionCookies};
use crate::issue_error::IssueError;
use crate::login_state::{LIFETIME, State, short, tokens};
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;

/// So many logins may be under way in one browser, one a tab.
const MOST: usize = 3;

/// A jar that somebody filled must not make an answer larger than proxies let pass.
const MOST_DELETED: usize = 10;

/// A request that begins a login which ends elsewhere: at a provider (OAuth 2.0, `OpenID` Connect), in a mail, at a passkey.
///
/// A `state` that the server knows is not enough: an attacker begins a login of their own and leads a victim to its callback,
/// who is then signed in as the attacker. So it counts only in the browser that began, by a cookie that no other has.
/// [`LoginCallback`](crate::LoginCallback) is the other end.
///
/// ```
/// use axum::extract::Query;
/// use axum::response::{IntoResponse, Redirect};
/// use serde::{Deserialize, Serialize};
/// # use stateless_session::{Sessions, stateless_session};
/// use stateless_session::{BeginLogin, IssueError, LocalPath, LoginCallback, SessionRejection};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
///
/// #[derive(Serialize, Deserialize)]
/// struct Kept {
///     to: LocalPath, // where somebody wanted to go
/// }
///
/// async fn begin(begin: BeginLogin<Claims>, Query(kept): Query<Kept>) -> Result<impl IntoResponse, IssueError> {
///     let begun = begin.at("/sign-in/callback", &kept)?;
///     let url = format!(
///         "https://provider.example/authorize?response_type=code&client_id=app&scope=openid\
///          &state={}&nonce={}&code_challenge={}&code_challenge_method=S256",
///         begun.state(), begun.nonce(), begun.pkce_challenge(),
///     );
///     Ok((begun, Redirect::to(&url)))
/// }
/// # #[derive(Deserialize)] struct Answer { code: String }
/// # async fn exchange(code: &str, pkce_verifier: &str, nonce: &str) -> Result<u64, SessionRejection> { Ok(7) }
///
/// async fn callback(
///     LoginCallback { login, kept, pkce_verifier, nonce, .. }: LoginCallback<Claims, Kept>,
///     Query(answer): Query<Answer>,
/// ) -> Result<impl IntoResponse, SessionRejection> {
///     let user = exchange(&answer.code, &pkce_verifier, &nonce).await?; // the state was checked before this ran
///     let started = login.start(Claims { sub: user }).map_err(|_| SessionRejection::InternalError)?;
///     Ok((started.into_parts().1, Redirect::to(&kept.to)))
/// }
/// ```
pub struct BeginLogin<C> {
    sessions: Sessions<C>,
    /// The logins under way in this browser, the oldest first, as browsers send cookies (RFC 6265, section 5.4).
    under_way: Vec<Short>,
}

impl<C: SessionClaims> BeginLogin<C> {
    /// Begins a login that comes back to `path` within ten minutes, as the outermost router sees that path, and counts
    /// nowhere else.
    ///
    /// What `kept` holds comes back there as well. The browser can read it and cannot change it, and it has room for about
    /// 500 bytes of JSON.
    ///
    /// # Errors
    ///
    /// [`IssueError::KeptTooLong`], or another [`IssueError`] when `kept` does not serialize or these sessions only verify.
    pub fn at(self, path: &str, kept: &impl Serialize) -> Result<LoginBegun, IssueError> {
        self.begin(path, kept).inspect_err(|cause| {
            let rejection = SessionRejection::InternalError;
            let events = self.sessions.events();
            events.refused(Level::ERROR, None, rejection, cause);
        })
    }

    fn begin(&self, path: &str, kept: &impl Serialize) -> Result<LoginBegun, IssueError> {
        let policy = &C::POLICY;
        let snapshot = self.sessions.snapshot();
        let tokens = tokens(&snapshot, path);
        let key = tokens.signing_key()?;
        let state = State::generate().map_err(|_| IssueError::Random)?;
        let digest = state.digest();
        let (token, _) = tokens.sign(kept, &digest, PhantomData::<Value>)?;
        let mut cookies = SessionCookies::none();
        let superfluous = (self.under_way.len() + 1).saturating_sub(MOST);
        for short in self.under_way.iter().take(superfluous.min(MOST_DELETED)) {
            cookies.delete_login_state(policy, *short);
        }
        let end = Persistence::Persistent.end(snapshot.now, LIFETIME);
        cookies.set_login_state(policy, short(&digest), token, end)?;
        Ok(LoginBegun {
            pkce_verifier: state.pkce_verifier(key).ok_or(IssueError::VerifyOnly)?,
            nonce: state.nonce(key).ok_or(IssueError::VerifyOnly)?,
            state,
            cookies,
        })
    }
}

impl<C> fmt::Debug for BeginLogin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeginLogin").finish_non_exhaustive()
    }
}

impl<C, S> FromRequestParts<S> for BeginLogin<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let mut under_way = Vec::new();
        each_prefixed(&parts.headers, |name, _| {
            under_way.extend(short_state_of_name(name, &C::POLICY));
        });
        Ok(Self {
            sessions: Sessions::from_ref(state),
            under_way,
        })
    }
}

/// A login that was begun: response parts that set its cookie, and what goes into the provider's URL.
#[must_use = "a login that no response carries cannot come back"]
pub struct LoginBegun {
    state: State,
    pkce_verifier: String,
    nonce: String,
    cookies: SessionCookies,
}

impl LoginBegun {
    /// The `state` of the authorization request (RFC 6749, section 4.1.1): 128 random bits in base64url.
    pub fn state(&self) -> &str {
        &self.state.0
    }

    /// The `code_challenge` of the authorization request, by the method `S256` (RFC 7636, section 4.2).
    pub fn pkce_challenge(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.pkce_verifier).into();
        URL_SAFE_NO_PAD.encode_to_string(digest)
    }

    /// The `code_verifier` that the callback gets as well, for libraries that make the challenge themselves. It is no part of
    /// a URL.
    pub fn pkce_verifier(&self) -> &str {
        &self.pkce_verifier
    }

    /// The `nonce` of `OpenID` Connect, which the ID token must repeat.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}

impl IntoResponseParts for LoginBegun {
    type Error = InvalidCookie;

    fn into_response_parts(self, parts: ResponseParts) -> Result<ResponseParts, InvalidCookie> {
        self.cookies.into_response_parts(parts)
    }
}

impl IntoResponse for LoginBegun {
    fn into_response(self) -> Response {
        self.cookies.into_response()
    }
}

impl fmt::Debug for LoginBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginBegun").finish_non_exhaustive()
    }
}
