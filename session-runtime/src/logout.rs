//! The logout: both cookies go, whatever they held.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::claims::SessionClaims;
use crate::cookies::{RequestCookies, SessionCookies};
use crate::marker::Sid;

pub(crate) fn logout<C: SessionClaims>(headers: &HeaderMap) -> Response {
    let cookies = RequestCookies::read(headers, &C::POLICY);
    let mut deleted = SessionCookies::none();
    deleted.delete_marker(&C::POLICY);
    for short_sid in cookies.short_sids() {
        deleted.delete_refresh_token(&C::POLICY, &short_sid);
    }
    for marker in cookies.markers() {
        tracing::info!(sid = Sid::of_marker(marker).short(), "logout");
    }
    (StatusCode::NO_CONTENT, deleted).into_response()
}
