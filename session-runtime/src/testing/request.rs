//! Requests in a line, and their answers.

use std::fmt::{self, Display};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_service::Service as _;

use crate::claims::SessionClaims;
use crate::sessions::Sessions;

/// A request in the making: `get("/me").session(&sessions, claims)`. It becomes the one that a `Router` takes by `into()`.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing before it is sent"]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

/// A GET.
///
/// ```
/// # use axum::Router;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Sessions, stateless_session};
/// use stateless_session::testing::get;
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
///
/// async fn who_is_signed_in_sees_himself(app: Router, sessions: &Sessions<Claims>) {
///     let answer = get("/me").session(sessions, Claims { sub: 7 }).send(&app).await;
///     assert_eq!(answer.status, 200);
///     assert_eq!(get("/me").send(&app).await.code(), Some("missing_token".to_owned()));
/// }
/// ```
pub fn get(path: &str) -> Request {
    Request::new(Method::GET, path)
}

/// A POST.
pub fn post(path: &str) -> Request {
    Request::new(Method::POST, path)
}

/// A PUT.
pub fn put(path: &str) -> Request {
    Request::new(Method::PUT, path)
}

/// A PATCH.
pub fn patch(path: &str) -> Request {
    Request::new(Method::PATCH, path)
}

/// A DELETE.
pub fn delete(path: &str) -> Request {
    Request::new(Method::DELETE, path)
}

impl Request {
    fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// The same with the access token of a session that begins now, for these claims.
    ///
    /// # Panics
    ///
    /// Where no token can carry the claims.
    pub fn session<C: SessionClaims>(self, sessions: &Sessions<C>, claims: C) -> Self {
        self.bearer(sessions.issue(claims))
    }

    /// The same with an access token, such as [`Sessions::issue`] makes of an age.
    ///
    /// # Panics
    ///
    /// Where no header can carry it.
    #[track_caller]
    pub fn bearer(mut self, token: impl Display) -> Self {
        let credentials = HeaderValue::try_from(format!("Bearer {token}"));
        let mut credentials = credentials.expect("a header can carry the token");
        credentials.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, credentials);
        self
    }

    /// The same with a header, in place of others of its name.
    ///
    /// # Panics
    ///
    /// Where no header can carry the value.
    #[track_caller]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header can carry the value");
        self.headers.insert(name, value);
        self
    }

    /// The same with a body of JSON.
    ///
    /// # Panics
    ///
    /// Where it does not serialize.
    #[track_caller]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).expect("the body serializes");
        self.header(CONTENT_TYPE, "application/json")
    }

    /// What a router answers.
    ///
    /// # Panics
    ///
    /// Where the body of the answer breaks off.
    pub async fn send(self, app: &Router) -> Answer {
        // A router is always ready.
        let request = axum::http::Request::<Body>::from(self);
        let Ok(response) = app.clone().call(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await;
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.expect("the body comes to its end").to_vec(),
        }
    }
}

impl From<Request> for axum::http::Request<Body> {
    fn from(request: Request) -> Self {
        let mut made = Self::new(Body::from(request.body));
        *made.method_mut() = request.method;
        *made.uri_mut() = request.path.parse().expect("the path is one");
        *made.headers_mut() = request.headers;
        made
    }
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// The status; it compares with numbers.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, to its end.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("code", &self.code())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The body as text, with a mark for what is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body read from JSON.
    ///
    /// # Panics
    ///
    /// Where it does not read, with the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the answer {}: {}", self.status, self.text()),
        }
    }

    /// The `code` of problem details, such as `stale_token`.
    pub fn code(&self) -> Option<String> {
        self.member("code")
    }

    pub(crate) fn member(&self, name: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get(name)?.as_str()?.to_owned())
    }
}
