//! The logout: the cookies of the session go, whatever they held.

use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::claims::SessionClaims;
use crate::cookies::{RequestCookies, SessionCookies};

pub(crate) fn logout<C: SessionClaims>(headers: &HeaderMap) -> Response {
    let cookies = RequestCookies::read(headers, &C::POLICY);
    let mut deleted = SessionCookies::none();
    // A request without the marker, as the browser module sends it, is about a session that is gone from the page already:
    // a marker that is there when its answer arrives is the next login's.
    if cookies.carries_marker() {
        deleted.delete_marker(&C::POLICY);
    }
    for short_sid in cookies.short_sids() {
        deleted.delete_refresh_token(&C::POLICY, &short_sid);
        tracing::info!(sid = short_sid, "logout");
    }
    let nosniff = [(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
    (StatusCode::NO_CONTENT, deleted, nosniff).into_response()
}
