use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;
#[derive(Clone, Serialize, Deserialize)]
pub struct Everything {
    #[serde(rename = "sub")]
    pub user: String,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for Everything {
    type Subject = String;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
            ::core::env!("CARGO_PKG_NAME"),
            "back-office",
            ::core::time::Duration::from_secs(90),
            ::core::time::Duration::from_secs(24 * 60 * 60),
        )
        .with_absolute(::core::time::Duration::from_secs(60 * 24 * 60 * 60))
        .with_path("/admin/auth")
        .with_cookie("back-office")
        .with_issuer("https://login.example.com")
        .with_leeway(::core::time::Duration::from_secs(0));
    fn subject(&self) -> &String {
        &self.user
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::FromRequestParts<S> for Everything
where
    S: ::stateless_session::__private::HoldsSessions<Everything>,
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
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Everything
where
    S: ::stateless_session::__private::HoldsSessions<Everything>,
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
pub struct PathAlone {
    pub sub: String,
}
#[automatically_derived]
impl ::stateless_session::SessionClaims for PathAlone {
    type Subject = String;
    const POLICY: ::stateless_session::Policy = ::stateless_session::Policy::new(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::concat!(::core::module_path!(), "::PathAlone"),
            ::core::time::Duration::from_secs(2 * 60 * 60),
            ::core::time::Duration::from_secs(400 * 24 * 60 * 60),
        )
        .without_absolute()
        .with_path("/v1/_a.b~c")
        .with_cookie(::core::concat!(::core::env!("CARGO_PKG_NAME"), "-v1-_a.b~c"));
    fn subject(&self) -> &String {
        &self.sub
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::FromRequestParts<S> for PathAlone
where
    S: ::stateless_session::__private::HoldsSessions<PathAlone>,
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
impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for PathAlone
where
    S: ::stateless_session::__private::HoldsSessions<PathAlone>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<::core::option::Option<Self>, Self::Rejection> {
        ::stateless_session::__private::optional_claims(parts, state)
    }
}
