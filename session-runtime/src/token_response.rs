//! The answer to a login and to a refresh.

use std::fmt;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::cookies::SessionCookies;

/// A new access token, and the cookies that go with it.
///
/// As a response it is RFC 6749's token response, section 5.1, with `Cache-Control: no-store`:
/// `{"access_token": "..", "token_type": "Bearer", "expires_in": 900}`.
#[derive(Debug)]
#[must_use = "a session starts when the browser gets this response"]
pub struct TokenResponse {
    pub(crate) access_token: AccessToken,
    pub(crate) cookies: SessionCookies,
}

impl TokenResponse {
    /// The access token, as it stands behind `Authorization: Bearer`.
    pub fn access_token(&self) -> &str {
        self.access_token.as_str()
    }

    /// The access token and the cookies apart, for an answer of another form: a redirect, or a GraphQL mutation.
    pub fn into_parts(self) -> (AccessToken, SessionCookies) {
        (self.access_token, self.cookies)
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        let body = format!(
            r#"{{"access_token":"{}","token_type":"Bearer","expires_in":{}}}"#,
            self.access_token.as_str(),
            self.access_token.expires_in().as_secs(),
        );
        let json = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (self.cookies, json, body).into_response()
    }
}

/// An access token that was just issued. It belongs in the page's memory and nowhere else.
pub struct AccessToken {
    pub(crate) token: String,
    pub(crate) expires_in: Duration,
}

impl AccessToken {
    /// The token, as it stands behind `Authorization: Bearer`.
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// How long it counts from now, in whole seconds.
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
