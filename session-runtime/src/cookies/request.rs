//! How a request's cookies are read.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use memchr::{memchr, memchr_iter};

use crate::cookies::marker::{Marker, Sid};
#[cfg(feature = "binding")]
use crate::cookies::names::short_sid_of_bound_name;
use crate::cookies::names::{Short, is_marker_name, short_sid_of_access_name, short_sid_of_name};
use crate::policy::Policy;

/// Two are refused, and more are no worse.
const MOST_MARKERS: usize = 2;

/// So many refresh cookies of other sessions are looked at and deleted: a browser has one or two, and a jar that
/// somebody filled must not make an answer larger than proxies let pass.
const MOST_OTHERS: usize = 8;

/// What a request carries of our cookies: bytes as sent, exact names; cookies of other names are never looked into.
#[derive(Default)]
pub(crate) struct RequestCookies<'a> {
    carries_marker: bool,
    /// Whether there is any cookie for a token, an empty one included.
    carries_token: bool,
    markers: [&'a [u8]; MOST_MARKERS],
    /// So many of them.
    count: usize,
    refresh: Vec<TokenCookie<'a>>,
    access: Vec<TokenCookie<'a>>,
}

struct TokenCookie<'a> {
    short_sid: Short,
    token: &'a [u8],
}

impl<'a> RequestCookies<'a> {
    pub(crate) fn read(headers: &'a HeaderMap, policy: &Policy) -> Self {
        let mut cookies = Self::default();
        each_prefixed(headers, |name, value| cookies.keep(name, value, policy));
        cookies
    }

    fn keep(&mut self, name: &'a [u8], value: &'a [u8], policy: &Policy) {
        if is_marker_name(name, policy) {
            self.carries_marker = true;
            let is_new = Marker::has_form(value) && !self.markers().contains(&value);
            if is_new && let Some(place) = self.markers.get_mut(self.count) {
                *place = value;
                self.count += 1;
            }
        } else if let Some(short_sid) = short_sid_of_name(name, policy) {
            self.carries_token = true;
            if !value.is_empty() {
                self.refresh.push(TokenCookie {
                    short_sid,
                    token: value,
                });
            }
        } else if policy.pages.is_some()
            && let Some(short_sid) = short_sid_of_access_name(name, policy)
        {
            self.carries_token = true;
            if !value.is_empty() {
                self.access.push(TokenCookie {
                    short_sid,
                    token: value,
                });
            }
        }
    }

    /// Whether there is any cookie of ours.
    pub(crate) fn are_any(&self) -> bool {
        self.carries_marker || self.carries_token
    }

    /// Whether there is any session marker, of whichever form.
    pub(crate) fn carries_marker(&self) -> bool {
        self.carries_marker
    }

    /// Different values of the session marker; more than one is somebody's doing.
    pub(crate) fn markers(&self) -> &[&'a [u8]] {
        self.markers.get(..self.count).unwrap_or_default()
    }

    /// Whether there is any refresh cookie, of whichever session.
    pub(crate) fn has_refresh_token(&self) -> bool {
        !self.refresh.is_empty()
    }

    /// The values under the one name that belongs to a session.
    pub(crate) fn tokens_of(&self, sid: Sid) -> impl Iterator<Item = &'a [u8]> {
        self.refresh
            .iter()
            .filter(move |cookie| cookie.short_sid == sid.into())
            .map(|cookie| cookie.token)
    }

    /// Whether a page's request carries anything that could be a session.
    pub(crate) fn has_session(&self) -> bool {
        self.carries_marker || !self.access.is_empty()
    }

    /// The values of all access cookies.
    pub(crate) fn access_tokens(&self) -> impl Iterator<Item = &'a [u8]> {
        self.access.iter().map(|cookie| cookie.token)
    }

    /// The values under the one name of an access cookie that belongs to a session.
    pub(crate) fn access_tokens_of(&self, sid: Sid) -> impl Iterator<Item = &'a [u8]> {
        self.access
            .iter()
            .filter(move |cookie| cookie.short_sid == sid.into())
            .map(|cookie| cookie.token)
    }

    /// Names, by their last eight characters, of some access cookies; but that of a session.
    pub(crate) fn access_names_but(&self, sid: Option<Sid>) -> impl Iterator<Item = Short> {
        self.access
            .iter()
            .map(|cookie| cookie.short_sid)
            .filter(move |short_sid| sid.is_none_or(|sid| *short_sid != sid.into()))
            .take(MOST_OTHERS)
    }

    /// The values of some refresh cookies, of whichever session.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &'a [u8]> {
        let tokens = self.refresh.iter().map(|cookie| cookie.token);
        tokens.take(MOST_MARKERS + MOST_OTHERS)
    }

    /// Names, by their last eight characters, and values of some other sessions' refresh cookies.
    pub(crate) fn tokens_of_others(&self, sid: Sid) -> impl Iterator<Item = (Short, &'a [u8])> {
        self.refresh
            .iter()
            .filter(move |cookie| cookie.short_sid != sid.into())
            .map(|cookie| (cookie.short_sid, cookie.token))
            .take(MOST_OTHERS)
    }

    /// The names, by their last eight characters, of the refresh cookies that belong to a marker that is here, and of
    /// some others.
    pub(crate) fn short_sids(&self) -> Vec<Short> {
        let of_markers = self.markers().iter();
        let of_markers = of_markers.map(|value| Sid::of_marker(value).into());
        let mut short_sids: Vec<Short> = of_markers.collect();
        for cookie in &self.refresh {
            if short_sids.len() >= MOST_MARKERS + MOST_OTHERS {
                break;
            }
            if !short_sids.contains(&cookie.short_sid) {
                short_sids.push(cookie.short_sid);
            }
        }
        short_sids
    }
}

/// The values under the one name of a bound cookie that belongs to a session.
#[cfg(feature = "binding")]
pub(crate) fn each_bound<'a>(
    headers: &'a HeaderMap,
    policy: &Policy,
    sid: Sid,
    mut take: impl FnMut(&'a [u8]),
) {
    each_prefixed(headers, |name, value| {
        if short_sid_of_bound_name(name, policy) == Some(sid.into()) {
            take(value);
        }
    });
}

/// Names and values of the cookies whose names begin as all of ours do, and as hardly any other does.
#[inline]
pub(crate) fn each_prefixed<'a>(headers: &'a HeaderMap, mut take: impl FnMut(&'a [u8], &'a [u8])) {
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
            start = end + 1;
            if !pair.starts_with(b"__") {
                continue;
            }
            if let Some((name, value)) =
                memchr(b'=', pair).and_then(|equals| pair.split_at_checked(equals))
            {
                take(name, value.get(1..).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
