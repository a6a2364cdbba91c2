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
    ::stateless_session::Sessions<Elsewhere>: ::stateless_session::__private::FromRef<S>,
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
#[cfg(not(windows))]
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Elsewhere
where
    ::stateless_session::Sessions<Elsewhere>: ::stateless_session::__private::FromRef<S>,
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
#[cfg(not(windows))]
#[doc(hidden)]
pub async fn untouched(_: Claims) {}
#[cfg(not(windows))]
const _: () = ::stateless_session::__private::assert_session::<Claims>();
#[cfg(not(windows))]
#[doc(hidden)]
#[cfg(not(miri))]
pub async fn guarded(
    ::stateless_session::Require {
        session: _,
        ..
    }: ::stateless_session::Require<Claims, GuardedGuard>,
) {}
/// What [`guarded`] requires of its session.
#[cfg(not(windows))]
#[cfg(not(miri))]
#[doc(hidden)]
pub enum GuardedGuard {}
#[cfg(not(windows))]
#[cfg(not(miri))]
const _: () = ::stateless_session::__private::assert_shorter_than_access::<
    Claims,
>(::core::time::Duration::from_secs(30));
#[cfg(not(windows))]
#[cfg(not(miri))]
impl ::stateless_session::Guard<Claims> for GuardedGuard {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    fn allows(session: &Claims) -> ::core::primitive::bool {
        ::core::matches!(session.active, true)
    }
}
