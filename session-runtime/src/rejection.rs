//! What a refused caller is told.

use std::fmt::{self, Write as _};
use std::time::Duration;

use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A refusal: a status, a `WWW-Authenticate` challenge (RFC 6750) and problem details (RFC 9457) with a stable `code`.
///
/// Every refusal puts itself into the extensions of its response, so that one layer can give all of them a body of the
/// application's, with [`with_body`](Self::with_body).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionRejection {
    /// No credentials, or of another scheme: 401.
    MissingToken {
        /// The policy's issuer, which the challenge names.
        realm: &'static str,
    },
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
    SessionEnded {
        /// The policy's issuer, which the challenge names.
        realm: &'static str,
    },
    /// At refresh: no session marker came, or the cookies belong to no session known here: 401, and not final.
    SessionUnknown {
        /// The policy's issuer, which the challenge names.
        realm: &'static str,
    },
    /// A login, refresh or logout that a page of another origin sent: 403.
    CrossOrigin,
    /// A session route takes POST only, and so does a login: 405.
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
            Self::MissingToken { .. }
            | Self::InvalidToken
            | Self::StaleToken
            | Self::LoginRequired { .. }
            | Self::SessionEnded { .. }
            | Self::SessionUnknown { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `code` of the problem details, which programs rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingToken { .. } => "missing_token",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::StaleToken => "stale_token",
            Self::LoginRequired { .. } => "login_required",
            Self::Forbidden => "forbidden",
            Self::SessionEnded { .. } => "session_ended",
            Self::SessionUnknown { .. } => "session_unknown",
            Self::CrossOrigin => "cross_origin",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InternalError => "internal_error",
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::MissingToken { .. } => "send the access token as `Authorization: Bearer`",
            Self::InvalidRequest => "send one `Authorization` header with one Bearer token",
            Self::InvalidToken => "the access token does not count; refresh and repeat",
            Self::StaleToken => "this needs newer claims; refresh and repeat",
            Self::LoginRequired { .. } => "this needs a more recent login",
            Self::Forbidden => "this session may not do that",
            Self::SessionEnded { .. } => "the session is over; log in",
            Self::SessionUnknown { .. } => "this session is not known here; log in",
            Self::CrossOrigin => "the request came from a page of another origin",
            Self::MethodNotAllowed => "this takes POST",
            Self::TemporarilyUnavailable => "the session lives on; repeat in a few seconds",
            Self::InternalError => "the server made a mistake; its log says which",
        }
    }

    /// `None` where a token would not help. RFC 6750, section 3, wants a parameter behind the scheme in any case.
    fn challenge(&self) -> Option<HeaderValue> {
        let error = |value| Some(HeaderValue::from_static(value));
        match self {
            Self::MissingToken { realm }
            | Self::SessionEnded { realm }
            | Self::SessionUnknown { realm } => {
                HeaderValue::try_from(format!("Bearer realm={}", Quoted(realm)).into_bytes()).ok()
            }
            Self::InvalidRequest => error(r#"Bearer error="invalid_request""#),
            Self::InvalidToken | Self::StaleToken => error(r#"Bearer error="invalid_token""#),
            Self::LoginRequired { max_age } => {
                let error = "insufficient_user_authentication";
                let max_age = max_age.as_secs();
                let challenge = format!(r#"Bearer error="{error}", max_age="{max_age}""#);
                HeaderValue::try_from(challenge).ok()
            }
            Self::Forbidden => error(r#"Bearer error="insufficient_scope""#),
            _ => None,
        }
    }

    /// The same answer with a body of the application's: its bytes and its `Content-Type`, under this refusal's status and
    /// headers, which programs rely on.
    ///
    /// ```
    /// use axum::{Json, Router, middleware::map_response, response::{Html, IntoResponse, Response}};
    /// use stateless_session::SessionRejection;
    ///
    /// async fn in_our_words(response: Response) -> Response {
    ///     match response.extensions().get::<SessionRejection>().copied() {
    ///         Some(rejection) => rejection.with_body(Html(format!("<h1>{}</h1>", rejection.code()))),
    ///         None => response,
    ///     }
    /// }
    ///
    /// let app: Router = Router::new().layer(map_response(in_our_words));
    /// ```
    pub fn with_body(self, body: impl IntoResponse) -> Response {
        let mut response = body.into_response();
        self.apply(&mut response);
        response
    }

    /// Status and headers of this refusal.
    fn apply(self, response: &mut Response) {
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(challenge) = self.challenge() {
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
    }
}

/// A quoted string (RFC 9110, section 5.6.4). What no header may hold becomes a question mark.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                _ if character.is_control() => f.write_char('?')?,
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
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
        let problem = HeaderValue::from_static("application/problem+json");
        self.with_body(([(CONTENT_TYPE, problem)], body))
    }
}
