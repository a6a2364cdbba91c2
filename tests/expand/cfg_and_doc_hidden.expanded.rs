use crate::three_fields::Claims;
use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};
#[cfg(not(windows))]
#[derive(Clone, Serialize, Deserialize)]
pub struct Elsewhere {
    pub sub: u64,
    #[cfg(unix)]
    pub generation: u64,
}
#[automatically_derived]
#[cfg(not(windows))]
impl ::stateless_session::SessionClaims for Elsewhere {
    type Subject = u64;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
        ::core::env!("CARGO_PKG_NAME"),
        ::core::concat!(::core::module_path!(), "::Elsewhere"),
        ::core::time::Duration::from_secs(15 * 60),
        ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
    );
    fn subject(&self) -> &u64 {
        &self.sub
    }
    #[cfg(unix)]
    fn generation(&self) -> ::core::option::Option<::core::primitive::u64> {
        ::core::option::Option::Some(
            ::stateless_session::__private::counter(self.generation),
        )
    }
}
#[automatically_derived]
#[cfg(not(windows))]
impl<S> ::stateless_session::__private::FromRequestParts<S> for Elsewhere
where
    S: ::stateless_session::__private::HoldsSessions<Elsewhere>,
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
#[cfg(not(windows))]
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Elsewhere
where
    S: ::stateless_session::__private::HoldsSessions<Elsewhere>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<::core::option::Option<Self>, Self::Rejection> {
        ::stateless_session::__private::optional_claims(parts, state)
    }
}
#[cfg(not(windows))]
#[doc(hidden)]
pub async fn untouched(_: Claims) {
    const _: () = ::stateless_session::__private::assert_session::<Claims>();
}
#[cfg(not(windows))]
#[doc(hidden)]
#[cfg(not(miri))]
pub async fn guarded(
    ::stateless_session::Require {
        session: _,
        ..
    }: ::stateless_session::Require<Claims, GuardedGuard>,
) {}
/// What [`guarded`] requires of its session: `active = true, fresh = "30s"`.
#[cfg(not(windows))]
#[cfg(not(miri))]
#[doc(hidden)]
pub enum GuardedGuard {}
#[cfg(not(windows))]
#[cfg(not(miri))]
const _: () = ::stateless_session::__private::assert_fresh::<Claims, GuardedGuard>();
#[cfg(not(windows))]
#[cfg(not(miri))]
impl ::stateless_session::Guard<Claims> for GuardedGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    fn allows(session: &Claims) -> ::core::primitive::bool {
        match session.active {
            true => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }
    }
}
