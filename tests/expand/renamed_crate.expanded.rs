use renamed::{Session, require_session, stateless_session};
use serde::{Deserialize, Serialize};
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: u64,
}
#[automatically_derived]
impl ::renamed::SessionClaims for Claims {
    type Subject = u64;
    const POLICY: ::renamed::Policy = ::renamed::Policy::new(
        ::core::env!("CARGO_PKG_NAME"),
        ::core::concat!(::core::module_path!(), "::Claims"),
        ::core::time::Duration::from_secs(15 * 60),
        ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
    );
    fn subject(&self) -> &u64 {
        &self.sub
    }
}
#[automatically_derived]
impl<S> ::renamed::__private::FromRequestParts<S> for Claims
where
    S: ::renamed::__private::HoldsSessions<Claims>,
{
    type Rejection = ::renamed::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::renamed::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<Self, Self::Rejection> {
        ::renamed::__private::claims(parts, state)
    }
}
#[automatically_derived]
impl<S> ::renamed::__private::OptionalFromRequestParts<S> for Claims
where
    S: ::renamed::__private::HoldsSessions<Claims>,
{
    type Rejection = ::renamed::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::renamed::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<::core::option::Option<Self>, Self::Rejection> {
        ::renamed::__private::optional_claims(parts, state)
    }
}
pub async fn untouched(_: Claims) {
    const _: () = ::renamed::__private::assert_session::<Claims>();
}
pub async fn guarded(
    crate::reexported::session::Require {
        session: _,
        ..
    }: crate::reexported::session::Require<Session<Claims>, GuardedGuard>,
) {}
/// What [`guarded`] requires of its session: `max_age = "5m", crate = crate::reexported::session`.
pub enum GuardedGuard {}
const _: () = crate::reexported::session::__private::assert_max_age::<
    Session<Claims>,
    GuardedGuard,
>();
impl crate::reexported::session::Guard<Session<Claims>> for GuardedGuard {
    const MAX_AGE: ::core::time::Duration = ::core::time::Duration::from_secs(5 * 60);
}
