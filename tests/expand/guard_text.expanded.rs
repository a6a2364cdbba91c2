use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    plan: Box<str>,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for Claims {
    type Subject = String;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
        ::core::env!("CARGO_PKG_NAME"),
        ::core::concat!(::core::module_path!(), "::Claims"),
        ::core::time::Duration::from_secs(15 * 60),
        ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
    );
    fn subject(&self) -> &String {
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
async fn _2fa(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, _2faGuard>,
) {}
/// What [`_2fa`] requires of its session: `sub = "root", plan = "team" | "enterprise"`.
enum _2faGuard {}
impl ::stateless_session::Guard<Claims> for _2faGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        (match ::stateless_session::__private::text(&claims.sub) {
            "root" => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        })
            && match ::stateless_session::__private::text(&claims.plan) {
                "team" | "enterprise" => true,
                #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
                _ => false,
            }
    }
}
