use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: u64,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for Claims {
    type Subject = u64;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::concat!(::core::module_path!(), "::Claims"),
            ::core::time::Duration::from_secs(15 * 60),
            ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
        )
        .with_revocation(
            ::stateless_session::Revocation::Within(
                ::core::time::Duration::from_secs(10),
            ),
        )
        .with_rotation(::core::time::Duration::from_secs(30));
    fn subject(&self) -> &u64 {
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
#[derive(Clone, Serialize, Deserialize)]
pub struct OtherClaims {
    sub: u64,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for OtherClaims {
    type Subject = u64;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::concat!(::core::module_path!(), "::OtherClaims"),
            ::core::time::Duration::from_secs(15 * 60),
            ::core::time::Duration::from_secs(7 * 24 * 60 * 60),
        )
        .with_revocation(::stateless_session::Revocation::BestEffort);
    fn subject(&self) -> &u64 {
        &self.sub
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::FromRequestParts<S> for OtherClaims
where
    S: ::stateless_session::__private::HoldsSessions<OtherClaims>,
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
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for OtherClaims
where
    S: ::stateless_session::__private::HoldsSessions<OtherClaims>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<::core::option::Option<Self>, Self::Rejection> {
        ::stateless_session::__private::optional_claims(parts, state)
    }
}
