//! Cross-origin requests: what a page elsewhere may not send.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderName, Request, Response, StatusCode, Uri, request::Parts};
use tower_http::csrf::CsrfLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::rejection::SessionRejection;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may log in, refresh and log out, beside the server's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(CsrfLayer);

impl Origins {
    pub(crate) fn and(self, origin: &str) -> Result<Self, OriginError> {
        let canonical = canonical(origin).ok_or_else(|| OriginError::not_an_origin(origin))?;
        if canonical != origin {
            return Err(OriginError {
                origin: origin.to_owned(),
                canonical: Some(canonical),
            });
        }
        match self.0.add_trusted_origin(origin) {
            Ok(layer) => Ok(Self(layer)),
            Err(_) => Err(OriginError::not_an_origin(origin)),
        }
    }

    /// Refuses a request that a page of an origin not listed sent. GET, HEAD and OPTIONS pass: they cannot be told.
    pub(crate) async fn check(&self, parts: &Parts) -> Result<(), SessionRejection> {
        let mut request = Request::new(());
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        let mut one_of_each = true;
        for name in [SEC_FETCH_SITE, ORIGIN, HOST] {
            for value in parts.headers.get_all(&name) {
                one_of_each &= !request.headers_mut().append(&name, value.clone());
            }
        }
        let Ok(response) = self.0.layer(Pass).call(request).await;
        // The layer looks at the first of each header, and no browser sends two.
        if response.status() == StatusCode::FORBIDDEN || !one_of_each {
            tracing::warn!(
                origin = ?parts.headers.get(ORIGIN),
                host = ?parts.headers.get(HOST),
                site = ?parts.headers.get(SEC_FETCH_SITE),
                "refused a request of another origin; a proxy must pass `Host` and `Origin` unchanged, or the public \
                 origin be listed with `Sessions::allow_origin`",
            );
            return Err(SessionRejection::CrossOrigin);
        }
        Ok(())
    }
}

/// Stands where the layer expects a service: what arrives here passed.
struct Pass;

impl Service<Request<()>> for Pass {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

/// An origin as a browser writes it (RFC 6454, section 6.2); `None` where it is none.
fn canonical(origin: &str) -> Option<String> {
    let uri: Uri = origin.trim_end_matches('/').parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default_port = match &*scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte);
    if !host.bytes().all(in_host) {
        return None;
    }
    Some(match uri.port_u16() {
        Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// An origin that no browser would ever send, so that allowing it would allow nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError {
    origin: String,
    canonical: Option<String>,
}

impl OriginError {
    fn not_an_origin(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            canonical: None,
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match &self.canonical {
            Some(canonical) => write!(
                f,
                "no browser sends the origin `{origin}`; write `{canonical}`"
            ),
            None => write!(
                f,
                "`{origin}` is no origin; write it as in `https://app.example.com`"
            ),
        }
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(origin: &str) -> Option<String> {
        Origins::default()
            .and(origin)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn an_origin_stands_as_a_browser_writes_it() {
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://[::1]:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(refusal(origin), None);
        }
        for (origin, canonical) in [
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80", "http://app.example.com"),
            ("https://App.Example.com", "https://app.example.com"),
            ("HTTPS://app.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("https://ada@app.example.com", "https://app.example.com"),
            ("https://app.example.com/login", "https://app.example.com"),
        ] {
            let refusal = refusal(origin).unwrap();
            assert!(
                refusal.ends_with(&format!("write `{canonical}`")),
                "{refusal}"
            );
        }
        for origin in [
            "",
            "null",
            "*",
            "app.example.com",
            "ftp://app.example.com",
            "https://*.example.com",
            "https://",
            "https://bücher.example",
        ] {
            assert!(
                refusal(origin).unwrap().contains("is no origin"),
                "{origin}"
            );
        }
    }
}
