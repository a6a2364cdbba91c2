//! What a refused caller is told.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A refusal: a status, a `WWW-Authenticate` challenge (RFC 6750) and problem details (RFC 9457) with a stable `code`.
///
/// Every refusal puts itself into the extensions of its response, so that one layer can give all of them another body:
///
/// ```
/// use axum::{Router, middleware::map_response, response::{IntoResponse, Response}};
/// use stateless_session::SessionRejection;
///
/// async fn in_our_words(response: Response) -> Response {
///     match response.extensions().get::<SessionRejection>() {
///         Some(SessionRejection::Forbidden) => (response.status(), "ask an administrator").into_response(),
///         _ => response,
///     }
/// }
///
/// let app: Router = Router::new().layer(map_response(in_our_words));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionRejection {
    /// No credentials, or of another scheme: 401.
    MissingToken,
    /// An `Authorization` header that is none of RFC 6750: 400.
    InvalidRequest,
    /// An access token that does not verify, whatever the reason: 401.
    InvalidToken,
    /// Claims older than the guard's `fresh`: 401; a refresh mends it.
    StaleToken,
    /// A login longer ago than the guard's `max_age`: 401; a new login mends it (RFC 9470).
    LoginRequired {
        /// What the guard asks for.
        max_age: Duration,
    },
    /// The guard said no: 403.
    Forbidden,
    /// At refresh: the session is over: 401.
    SessionEnded,
    /// At refresh: the cookies belong to no session known here: 401, and not final.
    SessionUnknown,
    /// A login, refresh or logout that a page of another origin sent: 403.
    CrossOrigin,
    /// A session route takes POST only: 405.
    MethodNotAllowed,
    /// At refresh: the user could not be looked up, or the clocks disagree: 503; the session lives on.
    TemporarilyUnavailable,
    /// A mistake of the application, which the log explains: 500.
    InternalError,
}

impl SessionRejection {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::MissingToken
            | Self::InvalidToken
            | Self::StaleToken
            | Self::LoginRequired { .. }
            | Self::SessionEnded
            | Self::SessionUnknown => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `code` of the problem details, which programs rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::StaleToken => "stale_token",
            Self::LoginRequired { .. } => "login_required",
            Self::Forbidden => "forbidden",
            Self::SessionEnded => "session_ended",
            Self::SessionUnknown => "session_unknown",
            Self::CrossOrigin => "cross_origin",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InternalError => "internal_error",
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::MissingToken => "send the access token as `Authorization: Bearer`",
            Self::InvalidRequest => "send one `Authorization` header with one Bearer token",
            Self::InvalidToken => "the access token does not count; refresh and repeat",
            Self::StaleToken => "this needs newer claims; refresh and repeat",
            Self::LoginRequired { .. } => "this needs a more recent login",
            Self::Forbidden => "this session may not do that",
            Self::SessionEnded => "the session is over; log in",
            Self::SessionUnknown => "this session is not known here; log in",
            Self::CrossOrigin => "the request came from a page of another origin",
            Self::MethodNotAllowed => "the session routes take POST",
            Self::TemporarilyUnavailable => "the session lives on; repeat in a few seconds",
            Self::InternalError => "the server made a mistake; its log says which",
        }
    }

    /// `None` where a token would not help.
    fn challenge(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::MissingToken | Self::SessionEnded | Self::SessionUnknown => Some("Bearer".into()),
            Self::InvalidRequest => Some(r#"Bearer error="invalid_request""#.into()),
            Self::InvalidToken | Self::StaleToken => Some(r#"Bearer error="invalid_token""#.into()),
            Self::LoginRequired { max_age } => {
                let error = "insufficient_user_authentication";
                let max_age = max_age.as_secs();
                Some(format!(r#"Bearer error="{error}", max_age="{max_age}""#).into())
            }
            Self::Forbidden => Some(r#"Bearer error="insufficient_scope""#.into()),
            _ => None,
        }
    }
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.detail())
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = format!(
            r#"{{"title":"{}","status":{},"code":"{}","detail":"{}"}}"#,
            status.canonical_reason().unwrap_or_default(),
            status.as_u16(),
            self.code(),
            self.detail(),
        );
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self
            .challenge()
            .and_then(|text| HeaderValue::try_from(&*text).ok())
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match self {
            Self::TemporarilyUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
