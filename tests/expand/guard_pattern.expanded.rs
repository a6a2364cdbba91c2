use crate::three_fields::{Claims, Role};
use axum::Json;
use stateless_session::require_session;
/// Removes a user.
pub async fn remove_user(
    ::stateless_session::Require(claims): ::stateless_session::Require<RemoveUserGuard>,
) -> Json<Claims> {
    Json(claims)
}
/// What [`remove_user`] requires of its session.
pub enum RemoveUserGuard {}
impl ::stateless_session::Guard for RemoveUserGuard {
    type Session = Claims;
    fn allows(claims: &Self::Session) -> ::core::primitive::bool {
        ::core::matches!(claims.role, Role::Admin | Role::Owner)
            && ::core::matches!(claims.active, true)
    }
}
