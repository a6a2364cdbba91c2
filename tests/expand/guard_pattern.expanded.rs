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
/// What [`remove_user`] requires of its session: `role = Role::Admin | Role::Owner, active = true`.
pub enum RemoveUserGuard {}
impl ::stateless_session::Guard<Claims> for RemoveUserGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        (match claims.role {
            Role::Admin | Role::Owner => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        })
            && match claims.active {
                true => true,
                #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
                _ => false,
            }
    }
}
