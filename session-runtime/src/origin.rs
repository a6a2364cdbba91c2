//! Cross-origin requests: what a page elsewhere may not send.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use tower_http::csrf::CsrfLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::excerpt::Excerpt;
use crate::rejection::SessionRejection;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may log in, refresh and log out, beside the server's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(CsrfLayer);

impl Origins {
    pub(crate) fn and(self, origin: &str) -> Result<Self, OriginError> {
        let canonical = canonical(origin).ok_or_else(|| OriginError::new(origin, Reason::None))?;
        if let Some(host) = canonical.strip_prefix("http://")
            && !is_loopback(host)
        {
            let https = format!("https://{host}");
            return Err(OriginError::new(origin, Reason::Insecure { https }));
        }
        if canonical != origin {
            return Err(OriginError::new(origin, Reason::Spelling { canonical }));
        }
        match self.0.add_trusted_origin(origin) {
            Ok(layer) => Ok(Self(layer)),
            Err(_) => Err(OriginError::new(origin, Reason::None)),
        }
    }

    /// Refuses a request that a page of an origin not listed sent, and one of a method that no check can tell.
    pub(crate) async fn check(&self, parts: &Parts) -> Result<(), SessionRejection> {
        // A link on any page sends the first two, and the layer lets all three pass.
        if let Method::GET | Method::HEAD | Method::OPTIONS = parts.method {
            tracing::warn!(
                method = %parts.method,
                path = %Excerpt(parts.uri.path().as_bytes()),
                "refused a request whose origin no check can tell; route it by POST, or where a link has to log in, bind it \
                 to the browser and call `Sessions::login_checked_elsewhere`",
            );
            return Err(SessionRejection::MethodNotAllowed);
        }
        let mut request = Request::new(());
        *request.method_mut() = parts.method.clone();
        let mut no_browser_sends_it = false;
        for name in [SEC_FETCH_SITE, ORIGIN, HOST] {
            for value in parts.headers.get_all(&name) {
                // The layer looks at the first of each, and takes an empty origin for none.
                no_browser_sends_it |= request.headers_mut().append(&name, value.clone())
                    || (name == ORIGIN && value.is_empty());
            }
        }
        if let Some(host) = canonical_host(parts) {
            request.headers_mut().insert(HOST, host);
        }
        let Ok(response) = self.0.layer(Pass).call(request).await;
        if response.status() == StatusCode::FORBIDDEN || no_browser_sends_it {
            let sent = |name| {
                parts
                    .headers
                    .get(name)
                    .map(|value| Excerpt(value.as_bytes()))
            };
            tracing::warn!(
                origin = ?sent(ORIGIN),
                host = ?sent(HOST),
                site = ?sent(SEC_FETCH_SITE),
                "refused a request of another origin; a proxy must pass `Host` and `Origin` unchanged, or the public \
                 origin be listed with `Sessions::allow_origin`",
            );
            return Err(SessionRejection::CrossOrigin);
        }
        Ok(())
    }
}

/// The host that a request is for, as a browser writes it into an origin of the request's scheme: in lower case and without
/// the default port (RFC 9110, section 4.2.3).
fn canonical_host(parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(ORIGIN)?.as_bytes();
    let host = match parts.uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => parts.headers.get(HOST)?.as_bytes(),
    };
    let host = host.to_ascii_lowercase();
    let default_port: &[u8] = if origin.starts_with(b"https:") {
        b":443"
    } else {
        b":80"
    };
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    HeaderValue::from_bytes(host).ok()
}

/// Where browsers keep Secure cookies without TLS, and nobody is on the way.
fn is_loopback(host_and_port: &str) -> bool {
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
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

/// An origin that can't be allowed: no browser would ever send it, or whoever is on the way could.
#[derive(Clone, PartialEq, Eq)]
pub struct OriginError {
    origin: String,
    reason: Reason,
}

#[derive(Clone, PartialEq, Eq)]
enum Reason {
    None,
    Spelling { canonical: String },
    Insecure { https: String },
}

impl OriginError {
    fn new(origin: &str, reason: Reason) -> Self {
        Self {
            origin: origin.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match &self.reason {
            Reason::None => write!(
                f,
                "`{origin}` is no origin; write it as in `https://app.example.com`"
            ),
            Reason::Spelling { canonical } => write!(
                f,
                "no browser sends the origin `{origin}`; write `{canonical}`"
            ),
            Reason::Insecure { https } => write!(
                f,
                "whoever is on the way could send pages of `{origin}`; write `{https}`, since http is for localhost, \
                 127.0.0.1 and [::1] only"
            ),
        }
    }
}

/// As it stands in the output of a `main` that returns it.
impl fmt::Debug for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    fn an_origin_without_tls_is_allowed_on_this_machine_only() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://[::1]",
        ] {
            assert_eq!(refusal(origin), None);
        }
        for (origin, https) in [
            ("http://app.example.com", "https://app.example.com"),
            ("http://app.example.com:80", "https://app.example.com"),
            ("http://192.168.1.7:3000", "https://192.168.1.7:3000"),
            (
                "http://localhost.example.com",
                "https://localhost.example.com",
            ),
        ] {
            let refusal = refusal(origin).unwrap();
            assert!(refusal.contains(&format!("write `{https}`")), "{refusal}");
        }
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
            ("http://localhost:80", "http://localhost"),
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
