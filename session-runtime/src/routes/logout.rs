//! The logout: the cookies of the session go, whatever they held.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::claims::SessionClaims;
use crate::cookies::SessionCookies;
#[cfg(feature = "registry")]
use crate::cookies::marker::Sid;
use crate::cookies::request::RequestCookies;
use crate::pages::request::accepts_html;
use crate::sessions::Sessions;

#[cfg_attr(
    not(feature = "registry"),
    allow(clippy::unused_async, reason = "a registry is told")
)]
pub(crate) async fn logout<C: SessionClaims>(
    sessions: &Sessions<C>,
    headers: &HeaderMap,
) -> Response {
    let cookies = RequestCookies::read(headers, &C::POLICY);
    let mut deleted = SessionCookies::none();
    // A request without the marker, as the browser module sends it, is about a session that is gone from the page already:
    // a marker that is there when its answer arrives is the next login's.
    if cookies.carries_marker() {
        deleted.delete_marker(&C::POLICY);
    }
    deleted.delete_tokens(&cookies, &C::POLICY);
    // Only who has the refresh token logs its session out: an eighth of a name in a cookie says nothing.
    let snapshot = sessions.snapshot();
    let opened = cookies
        .tokens()
        .map(|token| snapshot.open_refresh_token(token));
    let tokens: Vec<_> = opened.flatten().collect();
    for token in tokens {
        let sid = &token.registered.sid;
        #[cfg(feature = "binding")]
        if token.is_bound() {
            deleted.delete_bound(&C::POLICY, (*sid).into());
        }
        sessions
            .events()
            .logged_out(Some(sid), Some(&token.subject));
        #[cfg(feature = "live")]
        sessions.end_live(sid);
        // Beside a marker, the session is the marker's: the cookies of others are what earlier logins left.
        #[cfg(feature = "registry")]
        if cookies.markers().is_empty()
            || cookies
                .markers()
                .iter()
                .any(|marker| Sid::of_marker(marker) == *sid)
        {
            // It has ended here, and goes on being told to the registry where that did not answer.
            let _ = sessions.end_known(&token.subject, Some(*sid)).await;
        }
    }
    if let Some(login_page) = C::POLICY.pages
        && accepts_html(headers)
    {
        return (deleted, Redirect::to(login_page)).into_response();
    }
    (StatusCode::NO_CONTENT, deleted).into_response()
}

/// The logout of a program that is no browser: 200, whatever the token is (RFC 7009, section 2.2).
pub(crate) async fn revoke<C: SessionClaims>(sessions: &Sessions<C>, token: &[u8]) -> Response {
    let opened = sessions.snapshot().open_native_token(token);
    if let Ok(token) = opened {
        let (sid, subject) = (&token.registered.sid, &token.subject);
        sessions.events().logged_out(Some(sid), Some(subject));
        #[cfg(feature = "live")]
        sessions.end_live(sid);
        // It has ended here, and goes on being told to the registry where that did not answer.
        #[cfg(feature = "registry")]
        let _ = sessions.end_known(subject, Some(*sid)).await;
    }
    (StatusCode::OK, SessionCookies::none()).into_response()
}
