//! The application without a socket, for thousands of cases.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Method, Request};
use tower::ServiceExt;

pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The first pair of each `Set-Cookie`.
    pub cookies: Vec<String>,
}

/// What an HTTP server refuses by itself, because no header may hold these bytes.
const NO_HEADER: u16 = 400;

pub async fn bearer(router: &Router, method: Method, target: &str, token: &[u8]) -> Answer {
    let credentials = [b"Bearer ", token].concat();
    send(router, method, target, AUTHORIZATION, &credentials).await
}

pub async fn refresh(router: &Router, cookies: &[u8]) -> Answer {
    send(router, Method::POST, "/auth/refresh", COOKIE, cookies).await
}

pub async fn send(
    router: &Router,
    method: Method,
    target: &str,
    name: HeaderName,
    value: &[u8],
) -> Answer {
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return Answer {
            status: NO_HEADER,
            body: String::new(),
            cookies: Vec::new(),
        };
    };
    let request = Request::builder().method(method).uri(target);
    let request = request.header(name, value).body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let cookies = parts.headers.get_all(SET_COOKIE).iter();
    let pair = |line: &HeaderValue| line.to_str().unwrap().split(';').next().unwrap().to_owned();
    Answer {
        status: parts.status.as_u16(),
        body: String::from_utf8(body.to_vec()).unwrap(),
        cookies: cookies.map(pair).collect(),
    }
}

impl Answer {
    pub fn access_token(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["access_token"].as_str().unwrap().to_owned()
    }
}
