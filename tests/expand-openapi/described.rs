use crate::three_fields::{Claims, Role};
use axum::http::StatusCode;
use stateless_session::{Session, require_session};

#[require_session]
#[utoipa::path(get, path = "/me")]
pub async fn me(claims: Claims) -> String {
    claims.sub.to_string()
}

#[require_session(role = Role::Admin, fresh = "30s")]
#[cfg_attr(
    feature = "documented",
    utoipa::path(
        delete,
        path = "/users",
        responses((status = NO_CONTENT)),
        security(("session" = []), ("key" = [])),
    )
)]
pub async fn remove_user(session: Session<Claims>) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Documented nowhere.
#[require_session]
pub async fn silent(claims: Claims) {}
