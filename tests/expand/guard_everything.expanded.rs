use crate::three_fields::{Claims, Role};
use axum::extract::{Path, State};
use stateless_session::require_session;
pub async fn delete_todo<S>(
    #[allow(unused_variables)]
    ::stateless_session::Require {
        session: mut claims,
        ..
    }: ::stateless_session::Require<Claims, DeleteTodoGuard>,
    State(_): State<S>,
    Path(id): Path<u64>,
) -> Result<String, String>
where
    S: Clone + Send,
{
    claims.active = false;
    Ok(format!("{} by {}", id, claims.sub))
}
/// What [`delete_todo`] requires of its session: `role = Role::Admin | Role::Owner, if claims.active, if claims.sub != 0 || claims.role == Role::Owner, fresh = "30s", max_age = "5m"`.
pub enum DeleteTodoGuard {}
const _: () = ::stateless_session::__private::assert_fresh::<Claims, DeleteTodoGuard>();
const _: () = ::stateless_session::__private::assert_max_age::<
    Claims,
    DeleteTodoGuard,
>();
impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    const MAX_AGE: ::core::time::Duration = ::core::time::Duration::from_secs(5 * 60);
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        (match claims.role {
            Role::Admin | Role::Owner => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }) && claims.active && (claims.sub != 0 || claims.role == Role::Owner)
    }
}
