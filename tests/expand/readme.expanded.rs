use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub role: Role,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for Claims {
    type Subject = UserId;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
        ::core::env!("CARGO_PKG_NAME"),
        ::core::concat!(::core::module_path!(), "::Claims"),
        ::core::time::Duration::from_secs(15 * 60),
        ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
    );
    fn subject(&self) -> &UserId {
        &self.sub
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::FromRequestParts<S> for Claims
where
    S: ::stateless_session::__private::HoldsSessions<Claims>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<Self, Self::Rejection> {
        ::stateless_session::__private::claims(parts, state)
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Claims
where
    S: ::stateless_session::__private::HoldsSessions<Claims>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<::core::option::Option<Self>, Self::Rejection> {
        ::stateless_session::__private::optional_claims(parts, state)
    }
}
async fn delete_todo(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, DeleteTodoGuard>,
    Path(id): Path<TodoId>,
) -> StatusCode {
    StatusCode::NO_CONTENT
}
/// What [`delete_todo`] requires of its session: `role = Role::Admin | Role::Owner, fresh = "30s"`.
enum DeleteTodoGuard {}
const _: () = ::stateless_session::__private::assert_fresh::<Claims, DeleteTodoGuard>();
impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        match claims.role {
            Role::Admin | Role::Owner => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }
    }
}
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct UserId(u64);
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Role {
    Admin,
    Owner,
    User,
}
#[derive(Deserialize)]
struct TodoId(u64);
