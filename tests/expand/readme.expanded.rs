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
    ::stateless_session::Sessions<Claims>: ::stateless_session::__private::FromRef<S>,
{
    type Rejection = ::stateless_session::SessionRejection;
    fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<Self, Self::Rejection>,
    > + ::core::marker::Send {
        ::stateless_session::__private::claims(parts, state)
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Claims
where
    ::stateless_session::Sessions<Claims>: ::stateless_session::__private::FromRef<S>,
{
    type Rejection = ::stateless_session::SessionRejection;
    fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<::core::option::Option<Self>, Self::Rejection>,
    > + ::core::marker::Send {
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
/// What [`delete_todo`] requires of its session.
enum DeleteTodoGuard {}
const _: () = ::stateless_session::__private::assert_shorter_than_access::<
    Claims,
>(::core::time::Duration::from_secs(30));
impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        ::core::matches!(claims.role, Role::Admin | Role::Owner)
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
