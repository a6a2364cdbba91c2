//! Cross-origin requests: what a page elsewhere may not send.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

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
pub(crate) struct Origins {
    layer: CsrfLayer,
    /// Their hosts, for the browser.
    #[cfg(feature = "binding")]
    hosts: Vec<String>,
}

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
        match self.layer.add_trusted_origin(origin) {
            Ok(layer) => Ok(Self {
                layer,
                #[cfg(feature = "binding")]
                hosts: [self.hosts, vec![host_of(&canonical).to_owned()]].concat(),
            }),
            Err(_) => Err(OriginError::new(origin, Reason::None)),
        }
    }

    #[cfg(feature = "binding")]
    pub(crate) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Refuses a request that a page of an origin not listed sent, and one of a method that no check can tell.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), ForeignRequest> {
        // A link on any page sends the first two, and the layer lets all three pass.
        if let Method::GET | Method::HEAD | Method::OPTIONS = parts.method {
            return Err(ForeignRequest::Method {
                method: parts.method.to_string(),
                path: Excerpt(parts.uri.path().as_bytes()).to_string(),
            });
        }
        if has_one_host(parts) && passes_at_sight(parts) {
            return Ok(());
        }
        self.check_like(parts.method.clone(), parts)
    }

    /// Refuses a request that a page of an origin not listed sent, whatever its method is.
    pub(crate) fn check_any(&self, parts: &Parts) -> Result<(), ForeignRequest> {
        if passes_at_sight(parts) {
            return Ok(());
        }
        self.check_like(Method::POST, parts)
    }

    fn check_like(&self, method: Method, parts: &Parts) -> Result<(), ForeignRequest> {
        let mut request = Request::new(());
        *request.method_mut() = method;
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
        let answer = pin!(self.layer.layer(Pass).call(request));
        // Nothing in there waits.
        let passed = match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.status() != StatusCode::FORBIDDEN,
            Poll::Pending => false,
        };
        if !passed || no_browser_sends_it {
            let sent = |name| match parts.headers.get(name) {
                Some(value) => Excerpt(value.as_bytes()).to_string(),
                None => "none".to_owned(),
            };
            return Err(ForeignRequest::Origin {
                origin: sent(ORIGIN),
                host: sent(HOST),
                site: sent(SEC_FETCH_SITE),
            });
        }
        Ok(())
    }
}

/// A request whose origin is not allowed, with what it sent, cut short.
#[derive(Debug)]
pub(crate) enum ForeignRequest {
    Method {
        method: String,
        path: String,
    },
    Origin {
        origin: String,
        host: String,
        site: String,
    },
}

impl ForeignRequest {
    pub(crate) fn rejection(&self) -> SessionRejection {
        match self {
            Self::Method { .. } => SessionRejection::MethodNotAllowed,
            Self::Origin { .. } => SessionRejection::CrossOrigin,
        }
    }
}

impl fmt::Display for ForeignRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { method, path } => write!(
                f,
                "no check can tell the origin of {method} {path}: route it by POST, or where a provider or a link \
                 leads back, begin the login with `BeginLogin` and take `LoginCallback`",
            ),
            Self::Origin { origin, host, site } => write!(
                f,
                "a request of another origin (Origin: {origin}, Host: {host}, Sec-Fetch-Site: {site}): a proxy must pass \
                 `Host` and `Origin` unchanged, or the public origin be listed with `Sessions::allow_origin`",
            ),
        }
    }
}

/// What the layer lets pass by two headers, as browsers send them: no request has to be built for it.
fn passes_at_sight(parts: &Parts) -> bool {
    let one = |name| {
        let mut values = parts.headers.get_all(name).iter();
        (values.next().map(HeaderValue::as_bytes), values.next())
    };
    let site = one(SEC_FETCH_SITE);
    let origin = one(ORIGIN);
    let is_own = matches!(site, (Some(b"same-origin" | b"none"), None));
    let is_no_browser = site.0.is_none() && origin.0.is_none();
    is_no_browser || is_own && origin.1.is_none() && origin.0 != Some(b"")
}

fn has_one_host(parts: &Parts) -> bool {
    parts.headers.get_all(HOST).iter().nth(1).is_none()
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
    matches!(
        without_port(host_and_port),
        "localhost" | "127.0.0.1" | "[::1]"
    )
}

/// The host of an origin.
#[cfg(feature = "binding")]
fn host_of(origin: &str) -> &str {
    let host_and_port = origin.split_once("://").map_or(origin, |(_, host)| host);
    without_port(host_and_port)
}

fn without_port(host_and_port: &str) -> &str {
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_and_port,
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

    /// What is passed at sight, the layer lets pass as well.
    #[test]
    fn no_request_passes_at_sight_that_the_layer_refuses() {
        let values = [
            None,
            Some(&["same-origin"][..]),
            Some(&["none"]),
            Some(&["same-site"]),
            Some(&["cross-site"]),
            Some(&["Same-Origin"]),
            Some(&[""]),
            Some(&["same-origin", "same-origin"]),
            Some(&["same-origin", "cross-site"]),
            Some(&["cross-site", "same-origin"]),
        ];
        let origins = [
            None,
            Some(&["https://app.example"][..]),
            Some(&["https://other.example"]),
            Some(&["null"]),
            Some(&[""]),
            Some(&["https://app.example", "https://app.example"]),
            Some(&["", "https://app.example"]),
        ];
        let hosts = [
            None,
            Some(&["app.example"][..]),
            Some(&["app.example", "app.example"]),
            Some(&["app.example", "other.example"]),
        ];
        let (sessions, mut at_sight) = (Origins::default(), 0);
        for site in values {
            for origin in origins {
                for host in hosts {
                    let mut request = Request::builder().method(Method::POST).uri("/");
                    for (name, values) in [(SEC_FETCH_SITE, site), (ORIGIN, origin), (HOST, host)] {
                        for value in values.unwrap_or_default() {
                            request = request.header(&name, *value);
                        }
                    }
                    let (parts, ()) = request.body(()).unwrap().into_parts();
                    let layer = sessions.check_like(Method::POST, &parts).is_ok();
                    assert_eq!(sessions.check(&parts).is_ok(), layer, "{:?}", parts.headers);
                    at_sight += usize::from(has_one_host(&parts) && passes_at_sight(&parts));
                }
            }
        }
        assert!(at_sight > 10);
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
