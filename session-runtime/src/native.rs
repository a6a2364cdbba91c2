//! Clients that are no browsers, and how they are told.

use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};

use crate::cookies::request::RequestCookies;
use crate::policy::Policy;

const SESSION_TRANSPORT: HeaderName = HeaderName::from_static("session-transport");

/// Whether a login's answer has the refresh token in its body. No page can ask for that: browsers put `Origin` on every POST of
/// a page, and no page can take it off (Fetch, section 3.2).
pub(crate) fn asks_for_body(parts: &Parts, policy: &Policy) -> bool {
    if !policy.native || parts.method != Method::POST {
        return false;
    }
    let mut transports = parts.headers.get_all(SESSION_TRANSPORT).iter();
    let asks =
        transports.next().is_some_and(|value| value == "body") && transports.next().is_none();
    asks && is_of_no_browser(&parts.headers)
        && !RequestCookies::read(&parts.headers, policy).are_any()
}

pub(crate) fn is_of_no_browser(headers: &HeaderMap) -> bool {
    let is_of_fetch = |name: &HeaderName| name.as_str().starts_with("sec-fetch-");
    !headers.contains_key(ORIGIN) && !headers.keys().any(is_of_fetch)
}
