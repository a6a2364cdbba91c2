//! The two cookies, as an answer sets them.

pub(crate) mod attributes;
pub(crate) mod marker;
pub(crate) mod names;
pub(crate) mod request;

use std::fmt;
use std::time::Duration;

#[cfg(feature = "binding")]
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, InvalidHeaderValue, SET_COOKIE};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use cookie::Cookie;

#[cfg(feature = "binding")]
use crate::binding::stamp;
use crate::clock::Timestamp;
#[cfg(feature = "binding")]
use crate::cookies::attributes::bound_cookie;
use crate::cookies::attributes::{
    Kept, Persistence, deleted, kept, lax_cookie, marker_cookie, refresh_cookie,
};
use crate::cookies::marker::{Marker, Sid};
#[cfg(feature = "binding")]
use crate::cookies::names::bound_name;
use crate::cookies::names::{access_name, login_state_name, marker_name, refresh_name};
use crate::cookies::request::RequestCookies;
use crate::issue_error::IssueError;
use crate::policy::{LONGEST_COOKIE, Policy};
use crate::rejection::SessionRejection;

/// Browsers drop a cookie whose name and value take more bytes (RFC 6265bis, section 5.6).
const LARGEST: usize = 4096;

/// The largest cookie of a login that was begun, of which there may be several beside the sessions' own.
const LARGEST_LOGIN_STATE: usize = 1024;

#[cfg(feature = "binding")]
const SECURE_SESSION_REGISTRATION: HeaderName =
    HeaderName::from_static("secure-session-registration");

/// The value of an access cookie whose session is over.
pub(crate) const OVER: &str = "over";

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
pub struct SessionCookies {
    cookies: Vec<Cookie<'static>>,
    /// The header that asks the browser to make a key and register it.
    #[cfg(feature = "binding")]
    offer: Option<HeaderValue>,
}

impl SessionCookies {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn set_refresh_token(
        &mut self,
        policy: &Policy,
        sid: Sid,
        token: String,
        keep: Kept,
    ) -> Result<(), IssueError> {
        let name = refresh_name(policy, sid.short());
        check_length(&name, &token)?;
        let cookie = refresh_cookie(policy, name, token);
        self.cookies.push(kept(cookie, keep));
        Ok(())
    }

    pub(crate) fn delete_refresh_token(&mut self, policy: &Policy, short_sid: &str) {
        let name = refresh_name(policy, short_sid);
        self.cookies
            .push(deleted(refresh_cookie(policy, name, String::new())));
    }

    /// The access token as a cookie, for longer than it counts: one that is over still says that there is a session.
    pub(crate) fn set_access_token(
        &mut self,
        policy: &Policy,
        sid: Sid,
        token: &str,
        now: Timestamp,
        persistence: Persistence,
    ) -> Result<(), IssueError> {
        let name = access_name(policy, sid.short());
        check_length(&name, token)?;
        let cookie = lax_cookie(name, token.to_owned());
        let keep = persistence.kept(now, policy.refresh);
        self.cookies.push(kept(cookie, keep));
        Ok(())
    }

    /// Says for so long that a refresh need not be asked for again.
    pub(crate) fn set_over(
        &mut self,
        policy: &Policy,
        sid: Sid,
        now: Timestamp,
        lifetime: Duration,
    ) {
        let cookie = lax_cookie(access_name(policy, sid.short()), OVER.to_owned());
        let keep = Persistence::Persistent.kept(now, lifetime);
        self.cookies.push(kept(cookie, keep));
    }

    /// Deletes the tokens that a request carries, and those that belong to its marker.
    pub(crate) fn delete_tokens(&mut self, cookies: &RequestCookies<'_>, policy: &Policy) {
        for short_sid in cookies.short_sids() {
            self.delete_refresh_token(policy, &short_sid);
        }
        self.delete_access_tokens(cookies, None, policy);
    }

    /// Deletes the access cookies that a request carries; but that of a session.
    pub(crate) fn delete_access_tokens(
        &mut self,
        cookies: &RequestCookies<'_>,
        kept: Option<Sid>,
        policy: &Policy,
    ) {
        for short_sid in cookies.access_names_but(kept) {
            let name = access_name(policy, short_sid);
            self.cookies.push(deleted(lax_cookie(name, String::new())));
        }
    }

    pub(crate) fn set_marker(
        &mut self,
        policy: &Policy,
        marker: Marker,
        now: Timestamp,
        persistence: Persistence,
    ) {
        let cookie = marker_cookie(marker_name(policy), marker.into_string());
        let lifetime = policy.absolute.unwrap_or(LONGEST_COOKIE);
        self.cookies
            .push(kept(cookie, persistence.kept(now, lifetime)));
    }

    pub(crate) fn set_login_state(
        &mut self,
        policy: &Policy,
        short: &str,
        token: String,
        keep: Kept,
    ) -> Result<(), IssueError> {
        let name = login_state_name(policy, short);
        let bytes = name.len() + token.len();
        if bytes > LARGEST_LOGIN_STATE {
            return Err(IssueError::KeptTooLong { bytes });
        }
        self.cookies.push(kept(lax_cookie(name, token), keep));
        Ok(())
    }

    pub(crate) fn delete_login_state(&mut self, policy: &Policy, short: &str) {
        let name = login_state_name(policy, short);
        self.cookies.push(deleted(lax_cookie(name, String::new())));
    }

    /// Says that the browser has proved its key.
    #[cfg(feature = "binding")]
    pub(crate) fn set_bound(&mut self, policy: &Policy, sid: Sid, stamp: String, now: Timestamp) {
        let cookie = bound_cookie(policy, bound_name(policy, sid.short()), stamp);
        let keep = Persistence::Persistent.kept(now, stamp::lifetime(policy));
        self.cookies.push(kept(cookie, keep));
    }

    #[cfg(feature = "binding")]
    pub(crate) fn delete_bound(&mut self, policy: &Policy, short_sid: &str) {
        let cookie = bound_cookie(policy, bound_name(policy, short_sid), String::new());
        self.cookies.push(deleted(cookie));
    }

    #[cfg(feature = "binding")]
    pub(crate) fn offer(&mut self, offer: HeaderValue) {
        self.offer = Some(offer);
    }

    pub(crate) fn delete_marker(&mut self, policy: &Policy) {
        self.cookies
            .push(deleted(marker_cookie(marker_name(policy), String::new())));
    }
}

fn check_length(name: &str, token: &str) -> Result<(), IssueError> {
    let bytes = name.len() + token.len();
    if bytes > LARGEST {
        return Err(IssueError::TooLong { bytes });
    }
    Ok(())
}

impl IntoIterator for SessionCookies {
    type Item = Cookie<'static>;
    type IntoIter = std::vec::IntoIter<Cookie<'static>>;

    fn into_iter(self) -> Self::IntoIter {
        self.cookies.into_iter()
    }
}

impl IntoResponseParts for SessionCookies {
    type Error = InvalidCookie;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, InvalidCookie> {
        let headers = parts.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        #[cfg(feature = "binding")]
        if let Some(offer) = &self.offer {
            headers.insert(SECURE_SESSION_REGISTRATION, offer.clone());
        }
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
            .entries(self.cookies.iter().map(Cookie::name))
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
        tracing::error!(target: "stateless_session", cause = %self, "no cookies were set");
        SessionRejection::InternalError.into_response()
    }
}
