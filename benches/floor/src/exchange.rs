//! One request through a router, without sockets: what an extractor adds to a handler that asks for nothing.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use futures_util::FutureExt;
use tower::Service;

/// A router, and the request that it is sent again and again.
pub struct Exchange {
    router: Router,
    method: Method,
    path: &'static str,
    headers: HeaderMap,
}

impl Exchange {
    /// # Panics
    ///
    /// Where the answer is not a success: what is refused is not worth measuring here.
    pub fn new(
        router: Router,
        method: Method,
        path: &'static str,
        headers: &[(HeaderName, &str)],
    ) -> Self {
        let mut exchange = Self::unanswered(router, method, path, headers);
        let status = exchange.answer();
        assert!(status.is_success(), "{path} answers {status}");
        exchange
    }

    /// The same of a request that is refused for want of a session.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn refused(router: Router, headers: &[(HeaderName, &str)]) -> Self {
        let mut exchange = Self::unanswered(router, Method::GET, "/", headers);
        assert_eq!(exchange.answer(), StatusCode::UNAUTHORIZED);
        exchange
    }

    fn unanswered(
        router: Router,
        method: Method,
        path: &'static str,
        headers: &[(HeaderName, &str)],
    ) -> Self {
        let header = |(name, value): &(HeaderName, &str)| {
            let value = HeaderValue::from_str(value).expect("a header");
            (name.clone(), value)
        };
        let headers = headers.iter().map(header).collect();
        Self {
            router,
            method,
            path,
            headers,
        }
    }

    pub fn answer(&mut self) -> StatusCode {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = axum::http::Uri::from_static(self.path);
        *request.headers_mut() = self.headers.clone();
        let answer = self.router.call(request).now_or_never();
        let Ok(response) = answer.expect("nothing here waits");
        response.status()
    }
}
