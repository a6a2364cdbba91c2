//! What a refused caller is told.

mod challenge;
mod problem;

use std::fmt;
use std::time::Duration;

use axum::body::Body;
#[cfg(feature = "binding")]
use axum::http::header::SET_COOKIE;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::pages::redirect::Redirect;

/// A refusal: a status, a `WWW-Authenticate` challenge (RFC 6750) and problem details (RFC 9457) with a stable `code`.
///
/// It puts itself into the extensions of its response, so that one layer can give all of them a body of the
/// application's, with [`with_body`](Self::with_body). Forms of programs that are no browsers, and registrations of keys, are refused
/// with a 400 that is no `SessionRejection`, because nobody but these reads it.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{SessionRejection, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// /// A handler that answers a refusal itself.
/// async fn greet(claims: Result<Claims, SessionRejection>) -> Result<String, SessionRejection> {
///     match claims {
///         Ok(claims) => Ok(format!("Hello, {}!", claims.sub)),
///         Err(SessionRejection::MissingToken { .. }) => Ok("Hello, stranger!".to_owned()),
///         Err(refused) => Err(refused),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A login, refresh or logout that a page of another origin sent, a route with [`SameOrigin`](crate::SameOrigin), or, with
    /// `pages`, any request with a cookie of the session: 403.
    CrossOrigin,
    /// A callback of a login that this browser did not begin, not for this path, or too long ago: 403.
    LoginUnknown,
    /// A one-time token that does not verify, or was used, whatever the reason: 400.
    InvalidLink,
    /// A session route takes POST only, and [`Login`](crate::Login) and [`SameOrigin`](crate::SameOrigin) anything but GET, HEAD
    /// and OPTIONS: 405.
    MethodNotAllowed,
    /// The user could not be looked up, the clocks disagree, or nothing was heard for too long of the session registry or of
    /// whoever publishes the public keys: 503; the session lives on.
    TemporarilyUnavailable,
    /// A mistake of the application, which the log explains: 500.
    InternalError,
    /// With `pages`, nobody's request, or one whose session a refresh or a login mends: it is led there, by 307, 303, a
    /// document that does it (200), or, for htmx, by a header of a 401. With the feature `binding`, a refresh whose browser is
    /// to prove its key first: 307 to itself.
    Redirect(Redirect),
}

impl SessionRejection {
    /// The status of the response.
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use stateless_session::SessionRejection;
    /// assert_eq!(SessionRejection::StaleToken.status(), StatusCode::UNAUTHORIZED);
    /// assert_eq!(SessionRejection::Forbidden.status(), StatusCode::FORBIDDEN);
    /// ```
    pub fn status(&self) -> StatusCode {
        self.problem().status
    }

    /// The `code` of the problem details, which programs rely on.
    ///
    /// ```
    /// # use stateless_session::SessionRejection;
    /// assert_eq!(SessionRejection::StaleToken.code(), "stale_token");
    /// ```
    pub fn code(&self) -> &'static str {
        self.problem().code
    }

    pub(crate) fn detail(&self) -> &'static str {
        self.problem().detail
    }

    /// The same answer with a body of the application's: its bytes and its `Content-Type`, under this refusal's status and
    /// headers, which programs rely on.
    ///
    /// ```
    /// use axum::{Json, Router, middleware::map_response, response::{Html, IntoResponse, Response}};
    /// use stateless_session::SessionRejection;
    ///
    /// async fn in_our_words(response: Response) -> Response {
    ///     match response.extensions().get::<SessionRejection>() {
    ///         Some(rejection) => rejection.with_body(Html(format!("<h1>{}</h1>", rejection.code()))),
    ///         None => response,
    ///     }
    /// }
    ///
    /// let app: Router = Router::new().layer(map_response(in_our_words));
    /// ```
    pub fn with_body(&self, body: impl IntoResponse) -> Response {
        let mut response = body.into_response();
        self.apply(&mut response);
        response
    }

    /// Status and headers of this refusal.
    fn apply(&self, response: &mut Response) {
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
            Self::Redirect(redirect) => {
                headers.extend(redirect.header());
                #[cfg(feature = "binding")]
                if let Some(cookie) = redirect.cookie() {
                    headers.append(SET_COOKIE, cookie);
                }
            }
            _ => {}
        }
        response.extensions_mut().insert(self.clone());
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
        let problem = self.problem();
        if let Self::Redirect(_) = self
            && !problem.status.is_client_error()
        {
            return self.with_body(());
        }
        let mut response = Response::new(Body::from(problem.body));
        let details = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, details);
        self.apply(&mut response);
        response
    }
}
