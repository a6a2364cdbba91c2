//! What a request says of itself.

use axum::extract::OriginalUri;
use axum::http::header::{ACCEPT, HOST, REFERER, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::pages::local_path::LocalPath;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// Whether it only reads, and a browser says that it shows what comes (Fetch Metadata, section 2.2): a page of another
/// origin sees nothing of it.
pub(crate) fn is_navigation(parts: &Parts) -> bool {
    reads(parts) && navigates(&parts.headers)
}

/// Whether a browser says that it shows what comes, whatever the method is.
pub(crate) fn navigates(headers: &HeaderMap) -> bool {
    let mut modes = headers.get_all(SEC_FETCH_MODE).iter();
    let navigates = modes.next().is_some_and(|mode| mode == "navigate");
    navigates && modes.next().is_none()
}

/// The same of browsers without Fetch Metadata, as far as they tell.
pub(crate) fn may_be_navigation(parts: &Parts) -> bool {
    if parts.headers.contains_key(SEC_FETCH_MODE) {
        is_navigation(parts)
    } else {
        reads(parts) && accepts_html(&parts.headers)
    }
}

pub(crate) fn reads(parts: &Parts) -> bool {
    parts.method == Method::GET || parts.method == Method::HEAD
}

/// Whether a page is what is asked for.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    let mut ranges = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    ranges.any(|range| {
        let media_type = range.split(|byte| *byte == b';').next().unwrap_or_default();
        media_type.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

pub(crate) fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key(HX_REQUEST)
}

/// Whether it is a handshake, which follows no redirect.
pub(crate) fn is_handshake(parts: &Parts) -> bool {
    parts.method == Method::CONNECT || parts.headers.contains_key(UPGRADE)
}

/// The request's URL as the browser sees it.
pub(crate) fn uri(parts: &Parts) -> &Uri {
    match parts.extensions.get() {
        Some(OriginalUri(uri)) => uri,
        None => &parts.uri,
    }
}

/// The path and query of a request.
pub(crate) fn here(parts: &Parts) -> Option<LocalPath> {
    local(uri(parts))
}

/// The path and query of the page of this host that a request comes from.
pub(crate) fn referer(parts: &Parts) -> Option<LocalPath> {
    let referer: Uri = parts.headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    let host = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => parts.headers.get(HOST).map(HeaderValue::to_str)?.ok()?,
    };
    let from = referer.authority()?.as_str();
    from.eq_ignore_ascii_case(host).then(|| local(&referer))?
}

fn local(uri: &Uri) -> Option<LocalPath> {
    LocalPath::new(uri.path_and_query()?.as_str())
}
