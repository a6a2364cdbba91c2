use crate::three_fields::{Claims, Role};
use axum::Json;
use stateless_session::require_session;
/// Removes a user.
pub async fn remove_user(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, RemoveUserGuard>,
) -> Json<Claims> {
    Json(claims)
}
/// What [`remove_user`] requires of its session.
pub enum RemoveUserGuard {}
impl ::stateless_session::Guard<Claims> for RemoveUserGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        ::core::matches!(claims.role, Role::Admin | Role::Owner)
            && ::core::matches!(claims.active, true)
    }
}
