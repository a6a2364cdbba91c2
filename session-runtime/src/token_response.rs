//! The answer to a login and to a refresh.

use std::fmt::{self, Write as _};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::cookies::SessionCookies;
use crate::cookies::marker::Sid;
use crate::pages::onward::Onward;

/// For what stands around an access token in a body.
const ROOM: usize = 160;

/// A new access token, and the cookies that go with it.
///
/// As a response it is RFC 6749's token response, section 5.1, with `Cache-Control: no-store`:
/// `{"access_token": "..", "token_type": "Bearer", "expires_in": 900, "session_expires_in": 604800}`. The last is ours: how long
/// the session lasts if nobody refreshes it, so that a page can say until when somebody stays signed in.
///
/// With `pages`, whoever sent a form is led on instead, to the `to` of the form's URL, else to `/`: a browser by a document
/// that does it, other callers by 303.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{IssueError, Login, TokenResponse, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
///     login.start(Claims { sub: 7 }) // once the password was checked
/// }
/// ```
#[derive(Debug)]
#[must_use = "a session starts when the browser gets this response"]
pub struct TokenResponse {
    pub(crate) access_token: AccessToken,
    pub(crate) cookies: SessionCookies,
    pub(crate) sid: Sid,
    pub(crate) session_expires_in: Duration,
    /// For a program that is no browser.
    pub(crate) refresh_token: Option<NativeToken>,
    /// Where a browser goes on that sent a form.
    pub(crate) form: Option<Onward>,
}

impl TokenResponse {
    /// The access token, as it stands behind `Authorization: Bearer`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert_eq!(sessions.verify(answer.access_token())?.sub, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn access_token(&self) -> &str {
        self.access_token.as_str()
    }

    /// The name of the session, for an application's own table of devices: the same as [`Renewal::sid`](crate::Renewal::sid)
    /// at each refresh, and [`Session::sid`](crate::Session::sid) in each handler.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// assert_eq!(answer.sid(), sessions.verify(answer.access_token())?.sid());
    /// # Ok(())
    /// # }
    /// ```
    pub fn sid(&self) -> &str {
        self.sid.as_str()
    }

    /// How long the session lasts from now if nobody refreshes it, in whole seconds: the idle lifetime, or what is left of
    /// the absolute one.
    pub fn session_expires_in(&self) -> Duration {
        self.session_expires_in
    }

    /// The refresh token, where the attribute has `native` and the request was one of a program that is no browser: for an
    /// answer of another form, such as a GraphQL mutation. It stands in the JSON by itself.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", native)]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?; // as a browser gets it
    /// assert_eq!(answer.refresh_token(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_ref().map(|native| &*native.token)
    }

    /// The access token and the cookies apart, for an answer of another form: a redirect, or a GraphQL mutation.
    ///
    /// ```
    /// # use axum::response::{IntoResponse, Redirect};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{IssueError, Login, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// async fn login(login: Login<Claims>) -> Result<impl IntoResponse, IssueError> {
    ///     let (_, cookies) = login.start(Claims { sub: 7 })?.into_parts();
    ///     Ok((cookies, Redirect::to("/"))) // the page refreshes when it starts
    /// }
    /// ```
    pub fn into_parts(self) -> (AccessToken, SessionCookies) {
        (self.access_token, self.cookies)
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        if let Some(onward) = self.form {
            return onward.with(self.cookies);
        }
        let token = self.access_token.as_str();
        let expires_in = self.access_token.expires_in().as_secs();
        let session_expires_in = self.session_expires_in.as_secs();
        let mut body = String::with_capacity(token.len() + ROOM);
        body.extend([r#"{"access_token":""#, token]);
        // Never an error: a string takes all that is written.
        let _ = write!(
            body,
            r#"","token_type":"Bearer","expires_in":{expires_in},"session_expires_in":{session_expires_in}"#
        );
        if let Some(native) = self.refresh_token {
            body.push_str(&native.members());
        }
        body.push('}');
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (self.cookies, json, body).into_response()
    }
}

/// A refresh token that a program keeps which is no browser.
pub(crate) struct NativeToken {
    pub(crate) token: String,
    pub(crate) expires_in: Duration,
}

impl NativeToken {
    /// As they stand behind the other members.
    fn members(&self) -> String {
        let Self { token, expires_in } = self;
        let seconds = expires_in.as_secs();
        format!(r#","refresh_token":"{token}","refresh_token_expires_in":{seconds}"#)
    }
}

impl fmt::Debug for NativeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// An access token that was just issued. It belongs in the page's memory and nowhere else.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Keys, Sessions, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = Sessions::<Claims>::new(Keys::generate()?);
/// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
/// let (access_token, _cookies) = answer.into_parts();
/// assert!(!format!("{access_token:?}").contains(access_token.as_str())); // never printed
/// # Ok(())
/// # }
/// ```
pub struct AccessToken {
    pub(crate) token: String,
    pub(crate) expires_in: Duration,
}

impl AccessToken {
    /// The token, as it stands behind `Authorization: Bearer`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let (access_token, _cookies) = answer.into_parts();
    /// let credentials = format!("Bearer {}", access_token.as_str());
    /// assert!(credentials.starts_with("Bearer ey"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// How long it counts from now, in whole seconds.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let answer = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let (access_token, _cookies) = answer.into_parts();
    /// assert_eq!(access_token.expires_in().as_secs(), 15 * 60);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
