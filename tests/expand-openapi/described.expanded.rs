use crate::three_fields::{Claims, Role};
use axum::http::StatusCode;
use stateless_session::{Session, require_session};
#[utoipa::path(
    get,
    path = "/me",
    responses(
        ::stateless_session::Session<::stateless_session::__private::ClaimsOf<Claims>>
    ),
    security(("session" = []))
)]
pub async fn me(claims: Claims) -> String {
    const _: () = ::stateless_session::__private::assert_session::<Claims>();
    claims.sub.to_string()
}
#[cfg_attr(
    feature = "documented",
    utoipa::path(
        delete,
        path = "/users",
        responses(
            ::stateless_session::Require<Session<Claims>,
            RemoveUserGuard>,
            (status = NO_CONTENT)
        ),
        security(("session" = []), ("key" = []))
    )
)]
pub async fn remove_user(
    ::stateless_session::Require {
        session,
        ..
    }: ::stateless_session::Require<Session<Claims>, RemoveUserGuard>,
) -> StatusCode {
    StatusCode::NO_CONTENT
}
/// What [`remove_user`] requires of its session: `role = Role::Admin, fresh = "30s"`.
pub enum RemoveUserGuard {}
const _: () = ::stateless_session::__private::assert_fresh::<
    Session<Claims>,
    RemoveUserGuard,
>();
impl ::stateless_session::Guard<Session<Claims>> for RemoveUserGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    const CONDITION: &'static ::core::primitive::str = "role = Role :: Admin , fresh = \"30s\"";
    fn allows(session: &Session<Claims>) -> ::core::primitive::bool {
        match session.role {
            Role::Admin => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }
    }
}
/// Documented nowhere.
pub async fn silent(claims: Claims) {
    const _: () = ::stateless_session::__private::assert_session::<Claims>();
    const _: () = {
        #[allow(non_camel_case_types, unused_imports, clippy::wildcard_imports)]
        mod order {
            type __path_silent = ();
            const _: () = {
                use super::*;
                ::stateless_session::__private::assert_undescribed::<__path_silent>()
            };
        }
    };
}
