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
use axum::http::header::{CACHE_CONTROL, InvalidHeaderValue, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use cookie::Cookie;

#[cfg(feature = "binding")]
use crate::binding::stamp;
use crate::clock::Timestamp;
use crate::cookies::attributes::{End, Persistence, SetCookie};
use crate::cookies::marker::{Marker, Sid};
#[cfg(feature = "binding")]
use crate::cookies::names::bound_name;
use crate::cookies::names::{
    Name, Short, access_name, login_state_name, marker_name, refresh_name,
};
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
    cookies: Vec<SetCookie>,
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
        end: End,
    ) -> Result<(), IssueError> {
        let name = refresh_name(policy, sid.into());
        check_length(name, &token)?;
        let cookie = SetCookie::refresh(policy, name, token);
        self.cookies.push(cookie.until(end));
        Ok(())
    }

    pub(crate) fn delete_refresh_token(&mut self, policy: &Policy, short_sid: Short) {
        let name = refresh_name(policy, short_sid);
        self.cookies
            .push(SetCookie::refresh(policy, name, String::new()).deleted());
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
        let name = access_name(policy, sid.into());
        check_length(name, token)?;
        let cookie = SetCookie::lax(name, token.to_owned());
        let end = persistence.end(now, policy.refresh);
        self.cookies.push(cookie.until(end));
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
        let cookie = SetCookie::lax(access_name(policy, sid.into()), OVER.to_owned());
        let end = Persistence::Persistent.end(now, lifetime);
        self.cookies.push(cookie.until(end));
    }

    /// Deletes the tokens that a request carries, and those that belong to its marker.
    pub(crate) fn delete_tokens(&mut self, cookies: &RequestCookies<'_>, policy: &Policy) {
        for short_sid in cookies.short_sids() {
            self.delete_refresh_token(policy, short_sid);
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
            self.cookies
                .push(SetCookie::lax(name, String::new()).deleted());
        }
    }

    pub(crate) fn set_marker(
        &mut self,
        policy: &Policy,
        marker: Marker,
        now: Timestamp,
        persistence: Persistence,
    ) {
        let cookie = SetCookie::marker(marker_name(policy), marker.into_string());
        let lifetime = policy.absolute.unwrap_or(LONGEST_COOKIE);
        self.cookies
            .push(cookie.until(persistence.end(now, lifetime)));
    }

    pub(crate) fn set_login_state(
        &mut self,
        policy: &Policy,
        short: Short,
        token: String,
        end: End,
    ) -> Result<(), IssueError> {
        let name = login_state_name(policy, short);
        let bytes = name.len() + token.len();
        if bytes > LARGEST_LOGIN_STATE {
            return Err(IssueError::KeptTooLong { bytes });
        }
        self.cookies.push(SetCookie::lax(name, token).until(end));
        Ok(())
    }

    pub(crate) fn delete_login_state(&mut self, policy: &Policy, short: Short) {
        let name = login_state_name(policy, short);
        self.cookies
            .push(SetCookie::lax(name, String::new()).deleted());
    }

    /// Says that the browser has proved its key.
    #[cfg(feature = "binding")]
    pub(crate) fn set_bound(&mut self, policy: &Policy, sid: Sid, stamp: String, now: Timestamp) {
        let cookie = SetCookie::bound(policy, bound_name(policy, sid.into()), stamp);
        let end = Persistence::Persistent.end(now, stamp::lifetime(policy));
        self.cookies.push(cookie.until(end));
    }

    #[cfg(feature = "binding")]
    pub(crate) fn delete_bound(&mut self, policy: &Policy, short_sid: Short) {
        let name = bound_name(policy, short_sid);
        self.cookies
            .push(SetCookie::bound(policy, name, String::new()).deleted());
    }

    #[cfg(feature = "binding")]
    pub(crate) fn offer(&mut self, offer: HeaderValue) {
        self.offer = Some(offer);
    }

    pub(crate) fn delete_marker(&mut self, policy: &Policy) {
        self.cookies
            .push(SetCookie::marker(marker_name(policy), String::new()).deleted());
    }

    /// As `Set-Cookie` has them.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Result<HeaderValue, InvalidCookie>> {
        let mut line = String::new();
        self.cookies.iter().map(move |cookie| {
            line.clear();
            cookie.write(&mut line);
            let mut value = HeaderValue::from_bytes(line.as_bytes())?;
            value.set_sensitive(true);
            Ok(value)
        })
    }
}

fn check_length(name: Name, token: &str) -> Result<(), IssueError> {
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
        let cookies = self.cookies.into_iter().map(Cookie::from);
        cookies.collect::<Vec<_>>().into_iter()
    }
}

impl IntoResponseParts for SessionCookies {
    type Error = InvalidCookie;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, InvalidCookie> {
        let headers = parts.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        #[cfg(feature = "binding")]
        if let Some(offer) = &self.offer {
            headers.insert(SECURE_SESSION_REGISTRATION, offer.clone());
        }
        for line in self.lines() {
            headers.append(SET_COOKIE, line?);
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
            .entries(self.cookies.iter().map(|cookie| cookie.name.to_string()))
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::COOKIE;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    const POLICY: Policy = Policy::new("app", "app::Claims", Duration::from_secs(900), DAY);

    /// 2027-01-15 08:00:00 GMT.
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// Each cookie that is ever set, and each that is ever deleted.
    fn all(policy: &Policy, persistence: Persistence, now: Timestamp) -> SessionCookies {
        let token = || "eyJ0.eyJz.c2ln".to_owned();
        let marker = "AAAAAAAAAAAAAAAAAAAAAA";
        let sid = Sid::of_marker(marker.as_bytes());
        let (short, state) = (sid.into(), Short::of("x-_45678"));
        let end = persistence.end(now, DAY * 7);
        let mut all = SessionCookies::none();
        all.set_refresh_token(policy, sid, token(), end).unwrap();
        all.delete_refresh_token(policy, short);
        all.set_access_token(policy, sid, &token(), now, persistence)
            .unwrap();
        all.set_over(policy, sid, now, Duration::from_secs(3));
        let access = format!("__Host-{}-access-ilvbTMFR={}", policy.cookie, token());
        let headers = HeaderMap::from_iter([(COOKIE, access.parse().unwrap())]);
        let cookies = RequestCookies::read(&headers, &policy.with_pages("/login"));
        all.delete_access_tokens(&cookies, None, policy);
        all.set_marker(policy, Marker::of_text(marker), now, persistence);
        all.delete_marker(policy);
        all.set_login_state(policy, state, token(), end).unwrap();
        all.delete_login_state(policy, state);
        #[cfg(feature = "binding")]
        {
            all.set_bound(policy, sid, token(), now);
            all.delete_bound(policy, short);
        }
        all
    }

    /// As they leave.
    fn written(cookies: SessionCookies) -> Vec<String> {
        let response = cookies.into_response();
        let lines = response.headers().get_all(SET_COOKIE).iter();
        lines
            .map(|line| {
                assert!(line.is_sensitive());
                line.to_str().unwrap().to_owned()
            })
            .collect()
    }

    #[test]
    fn every_cookie_has_its_attributes() {
        let lines = written(all(&POLICY, Persistence::Persistent, NOW));
        let expected = [
            "__Secure-app-refresh-ilvbTMFR=eyJ0.eyJz.c2ln; HttpOnly; SameSite=Strict; Secure; Path=/auth; Max-Age=604800; Expires=Fri, 22 Jan 2027 08:00:00 GMT",
            "__Secure-app-refresh-ilvbTMFR=; HttpOnly; SameSite=Strict; Secure; Path=/auth; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "__Host-app-access-ilvbTMFR=eyJ0.eyJz.c2ln; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400; Expires=Sat, 16 Jan 2027 08:00:00 GMT",
            "__Host-app-access-ilvbTMFR=over; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3; Expires=Fri, 15 Jan 2027 08:00:03 GMT",
            "__Host-app-access-ilvbTMFR=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "__Host-app=AAAAAAAAAAAAAAAAAAAAAA; SameSite=Strict; Secure; Path=/; Max-Age=2592000; Expires=Sun, 14 Feb 2027 08:00:00 GMT",
            "__Host-app=; SameSite=Strict; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "__Host-app-login-x-_45678=eyJ0.eyJz.c2ln; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800; Expires=Fri, 22 Jan 2027 08:00:00 GMT",
            "__Host-app-login-x-_45678=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "__Secure-app-bound-ilvbTMFR=eyJ0.eyJz.c2ln; HttpOnly; SameSite=Strict; Secure; Path=/auth/refresh; Max-Age=900; Expires=Fri, 15 Jan 2027 08:15:00 GMT",
            "__Secure-app-bound-ilvbTMFR=; HttpOnly; SameSite=Strict; Secure; Path=/auth/refresh; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ];
        assert_eq!(lines, expected[..lines.len()]);
        assert_eq!(lines.len(), if cfg!(feature = "binding") { 11 } else { 9 });
    }

    #[test]
    fn what_is_written_is_what_the_crate_cookie_prints() {
        let policies = [
            POLICY,
            POLICY.with_path("/api/auth").with_cookie("shop"),
            POLICY.without_absolute(),
            POLICY.with_absolute(DAY * 4_000),
        ];
        // Every day of four years, each at another hour, and the ends of what has a date.
        let days = (0..1_461).map(|day| NOW.as_secs() + day * 86_400 + day * 3_601);
        let ends = [0, 253_402_300_799, 253_402_300_800, u64::MAX];
        for now in days.chain(ends).map(Timestamp::from_secs) {
            for persistence in [Persistence::Persistent, Persistence::UntilTheBrowserEnds] {
                for policy in &policies {
                    let all = all(policy, persistence, now);
                    let printed = all.clone().into_iter().map(|cookie| cookie.to_string());
                    assert_eq!(written(all), printed.collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn no_cookie_is_kept_for_more_than_400_days() {
        for policy in [POLICY.with_absolute(DAY * 4_000), POLICY.without_absolute()] {
            let mut cookies = SessionCookies::none();
            let marker = Marker::of_text("AAAAAAAAAAAAAAAAAAAAAA");
            cookies.set_marker(&policy, marker, NOW, Persistence::Persistent);
            let line = written(cookies).concat();
            assert!(line.ends_with("; Max-Age=34560000; Expires=Sat, 19 Feb 2028 08:00:00 GMT"));
        }
    }

    #[test]
    fn what_is_printed_has_names_and_no_values() {
        let printed = format!("{:?}", all(&POLICY, Persistence::Persistent, NOW));
        assert!(printed.starts_with(r#"["__Secure-app-refresh-ilvbTMFR", "__Secure-app-re"#));
        assert!(!printed.contains("eyJ") && !printed.contains("AAAA"));
    }

    #[test]
    fn a_cookie_that_no_header_takes_is_none() {
        let policy = POLICY.with_path("/a\nb");
        let end = Persistence::Persistent.end(NOW, DAY);
        let sid = Sid::of_marker(b"");
        let mut cookies = SessionCookies::none();
        cookies
            .set_refresh_token(&policy, sid, String::new(), end)
            .unwrap();
        assert_eq!(cookies.into_response().status(), 500);
    }
}
