use crate::three_fields::{Claims, Role};
use axum::Json;
use stateless_session::require_session;

/// Removes a user.
#[require_session(role = Role::Admin | Role::Owner, active = true)]
pub async fn remove_user(claims: Claims) -> Json<Claims> {
    Json(claims)
}
