//! The two cookies: their names, how a request's are read, how an answer's are written.

pub(crate) mod marker;

use std::fmt;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, COOKIE, InvalidHeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use cookie::time::{self, OffsetDateTime};
use cookie::{Cookie, SameSite};
use memchr::{memchr, memchr_iter};

use crate::clock::Timestamp;
use crate::cookies::marker::{Marker, Sid};
use crate::issue_error::IssueError;
use crate::policy::{LONGEST_COOKIE, Policy};
use crate::rejection::SessionRejection;

/// Browsers drop a cookie whose name and value take more bytes (RFC 6265bis, section 5.6).
const LARGEST: usize = 4096;

const SHORT_SID: usize = 8;

/// Two are refused, and more are no worse.
const MOST_MARKERS: usize = 2;

/// So many refresh cookies of other sessions are looked at and deleted: a browser has one or two, and a jar that
/// somebody filled must not make an answer larger than proxies let pass.
const MOST_OTHERS: usize = 8;

/// What a request carries of our cookies: bytes as sent, exact names; cookies of other names are never looked into.
#[derive(Default)]
pub(crate) struct RequestCookies<'a> {
    carries_marker: bool,
    markers: Vec<&'a [u8]>,
    refresh: Vec<RefreshCookie<'a>>,
}

struct RefreshCookie<'a> {
    short_sid: &'a str,
    token: &'a [u8],
}

impl<'a> RequestCookies<'a> {
    pub(crate) fn read(headers: &'a HeaderMap, policy: &Policy) -> Self {
        let mut cookies = Self::default();
        for line in headers.get_all(COOKIE) {
            let line = line.as_bytes();
            let ends = memchr_iter(b';', line).chain([line.len()]);
            let mut start = 0;
            for end in ends {
                let pair = line.get(start..end).unwrap_or_default();
                // The one blank that RFC 6265, section 4.2.1, has behind a semicolon. Whatever else there is belongs to a
                // name or a value, and makes it another.
                let pair = match pair {
                    [b' ', pair @ ..] if start > 0 => pair,
                    pair => pair,
                };
                cookies.keep_pair(pair, policy);
                start = end + 1;
            }
        }
        cookies
    }

    fn keep_pair(&mut self, pair: &'a [u8], policy: &Policy) {
        // Both names begin so, and hardly any other does.
        if !pair.starts_with(b"__") {
            return;
        }
        if let Some((name, value)) =
            memchr(b'=', pair).and_then(|equals| pair.split_at_checked(equals))
        {
            self.keep(name, value.get(1..).unwrap_or_default(), policy);
        }
    }

    fn keep(&mut self, name: &'a [u8], value: &'a [u8], policy: &Policy) {
        if is_marker_name(name, policy) {
            self.carries_marker = true;
            let is_new = Marker::has_form(value) && !self.markers.contains(&value);
            if is_new && self.markers.len() < MOST_MARKERS {
                self.markers.push(value);
            }
        } else if let Some(short_sid) = short_sid_of_name(name, policy)
            && !value.is_empty()
        {
            self.refresh.push(RefreshCookie {
                short_sid,
                token: value,
            });
        }
    }

    /// Whether there is any session marker, of whichever form.
    pub(crate) fn carries_marker(&self) -> bool {
        self.carries_marker
    }

    /// Different values of the session marker; more than one is somebody's doing.
    pub(crate) fn markers(&self) -> &[&'a [u8]] {
        &self.markers
    }

    /// Whether there is any refresh cookie, of whichever session.
    pub(crate) fn has_refresh_token(&self) -> bool {
        !self.refresh.is_empty()
    }

    /// The values under the one name that belongs to a session.
    pub(crate) fn tokens_of(&self, sid: Sid) -> impl Iterator<Item = &'a [u8]> {
        self.refresh
            .iter()
            .filter(move |cookie| cookie.short_sid == sid.short())
            .map(|cookie| cookie.token)
    }

    /// Names, by their last eight characters, and values of some other sessions' refresh cookies.
    pub(crate) fn tokens_of_others(&self, sid: Sid) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.refresh
            .iter()
            .filter(move |cookie| cookie.short_sid != sid.short())
            .map(|cookie| (cookie.short_sid, cookie.token))
            .take(MOST_OTHERS)
    }

    /// The names, by their last eight characters, of the refresh cookies that belong to a marker that is here, and of
    /// some others.
    pub(crate) fn short_sids(&self) -> Vec<String> {
        let of_markers = self.markers.iter().map(|value| Sid::of_marker(value));
        let mut short_sids: Vec<String> = of_markers.map(|sid| sid.short().to_owned()).collect();
        for cookie in &self.refresh {
            if short_sids.len() >= MOST_MARKERS + MOST_OTHERS {
                break;
            }
            if !short_sids.iter().any(|known| known == cookie.short_sid) {
                short_sids.push(cookie.short_sid.to_owned());
            }
        }
        short_sids
    }
}

/// The cookies of an answer, as response parts that also set `Cache-Control: no-store`.
///
/// An application that wants to set them itself iterates over them; a [`Cookie`]'s `Debug` shows its value, so don't
/// log it.
///
/// ```
/// # use axum::response::{IntoResponse, Redirect};
/// # use stateless_session::TokenResponse;
/// # fn form_login(token: TokenResponse) -> impl IntoResponse {
/// let (_, cookies) = token.into_parts();
/// (cookies, Redirect::to("/"))
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "cookies that no response carries do nothing"]
pub struct SessionCookies(Vec<Cookie<'static>>);

impl SessionCookies {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn set_refresh_token(
        &mut self,
        policy: &Policy,
        sid: Sid,
        token: String,
        now: Timestamp,
        end: Timestamp,
    ) -> Result<(), IssueError> {
        let name = refresh_name(policy, sid.short());
        let bytes = name.len() + token.len();
        if bytes > LARGEST {
            return Err(IssueError::TooLong { bytes });
        }
        let cookie = refresh_cookie(policy, name, token);
        self.0.push(kept(cookie, now, end.since(now)));
        Ok(())
    }

    pub(crate) fn delete_refresh_token(&mut self, policy: &Policy, short_sid: &str) {
        let name = refresh_name(policy, short_sid);
        self.0
            .push(deleted(refresh_cookie(policy, name, String::new())));
    }

    pub(crate) fn set_marker(&mut self, policy: &Policy, marker: Marker, now: Timestamp) {
        let cookie = marker_cookie(policy, marker.into_string());
        let lifetime = policy.absolute.unwrap_or(LONGEST_COOKIE);
        self.0.push(kept(cookie, now, lifetime));
    }

    pub(crate) fn delete_marker(&mut self, policy: &Policy) {
        self.0.push(deleted(marker_cookie(policy, String::new())));
    }
}

impl IntoIterator for SessionCookies {
    type Item = Cookie<'static>;
    type IntoIter = std::vec::IntoIter<Cookie<'static>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl IntoResponseParts for SessionCookies {
    type Error = InvalidCookie;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, InvalidCookie> {
        let headers = parts.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for cookie in self {
            let mut value = HeaderValue::try_from(cookie.to_string())?;
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
        Ok(parts)
    }
}

impl IntoResponse for SessionCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl fmt::Debug for SessionCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(Cookie::name))
            .finish()
    }
}

/// A cookie that no header can carry. The names that the attribute accepts make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCookie(());

impl From<InvalidHeaderValue> for InvalidCookie {
    fn from(_: InvalidHeaderValue) -> Self {
        Self(())
    }
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cookie holds a character that no header may")
    }
}

impl std::error::Error for InvalidCookie {}

impl IntoResponse for InvalidCookie {
    fn into_response(self) -> Response {
        tracing::error!(cause = %self, "no cookies were set");
        SessionRejection::InternalError.into_response()
    }
}

pub(crate) fn marker_name(policy: &Policy) -> String {
    format!("__Host-{}", policy.cookie)
}

fn is_marker_name(name: &[u8], policy: &Policy) -> bool {
    name.strip_prefix(b"__Host-") == Some(policy.cookie.as_bytes())
}

fn refresh_name(policy: &Policy, short_sid: &str) -> String {
    format!("__Secure-{}-refresh-{short_sid}", policy.cookie)
}

fn short_sid_of_name<'a>(name: &'a [u8], policy: &Policy) -> Option<&'a str> {
    let short_sid = name
        .strip_prefix(b"__Secure-")?
        .strip_prefix(policy.cookie.as_bytes())?
        .strip_prefix(b"-refresh-")?;
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if short_sid.len() != SHORT_SID || !short_sid.iter().all(is_base64url) {
        return None;
    }
    str::from_utf8(short_sid).ok()
}

fn marker_cookie(policy: &Policy, value: String) -> Cookie<'static> {
    Cookie::build((marker_name(policy), value))
        .secure(true)
        .same_site(SameSite::Strict)
        .path("/")
        .build()
}

fn refresh_cookie(policy: &Policy, name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Strict)
        .path(policy.path)
        .build()
}

/// A cookie with both attributes for its end: some jars know `Expires` only, and some take a cookie without it for one of
/// RFC 2965 and send it back in quotes.
fn kept(mut cookie: Cookie<'static>, now: Timestamp, lifetime: Duration) -> Cookie<'static> {
    let lifetime = lifetime.min(LONGEST_COOKIE);
    let seconds = |seconds: u64| seconds.try_into().unwrap_or(i64::MAX);
    cookie.set_max_age(time::Duration::seconds(seconds(lifetime.as_secs())));
    let end = seconds(now.plus(lifetime).as_secs());
    // A clock behind the year 9999 leaves the other attribute.
    if let Ok(end) = OffsetDateTime::from_unix_timestamp(end) {
        cookie.set_expires(end);
    }
    cookie
}

fn deleted(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_max_age(time::Duration::ZERO);
    cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTTP/1.1 takes blanks around a field's value away; other versions hand them on.
    #[test]
    fn a_blank_before_the_first_pair_belongs_to_its_name() {
        let policy = Policy::new("app", "app", Duration::ZERO, Duration::ZERO);
        let marker = "__Host-app=AAAAAAAAAAAAAAAAAAAAAA";
        for (line, markers) in [
            (marker.to_owned(), 1),
            (format!(" {marker}"), 0),
            (format!("a=b; {marker}"), 1),
            (format!("a=b;{marker}"), 1),
            (format!("a=b;  {marker}"), 0),
        ] {
            let headers = HeaderMap::from_iter([(COOKIE, line.parse().unwrap())]);
            let cookies = RequestCookies::read(&headers, &policy);
            assert_eq!(cookies.markers().len(), markers, "{line:?}");
        }
    }
}
