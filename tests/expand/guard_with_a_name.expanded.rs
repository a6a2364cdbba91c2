use crate::three_fields::{Claims, Role};
use stateless_session::require_session;
/// An administrator, looked up at most 30 seconds ago.
pub struct Admin(Claims);
const _: () = ::stateless_session::__private::assert_fresh::<Claims, Admin>();
impl ::stateless_session::Guard<Claims> for Admin {
    const FRESH: ::core::time::Duration = ::core::time::Duration::from_secs(30);
    fn allows(session: &Claims) -> ::core::primitive::bool {
        match session.role {
            Role::Admin | Role::Owner => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }
    }
}
impl Admin {
    /// Requires `role = Role::Admin | Role::Owner, fresh = "30s"` of a session where no extractor runs.
    ///
    /// # Errors
    ///
    /// Those of `Require::check`.
    pub fn check(
        session: ::stateless_session::Session<
            ::stateless_session::__private::ClaimsOf<Claims>,
        >,
    ) -> ::core::result::Result<Self, ::stateless_session::SessionRejection> {
        ::stateless_session::Require::<_, Self>::check(session)
            .map(|passed| Self(passed.session))
    }
    /// The session itself.
    pub fn into_inner(self) -> Claims {
        self.0
    }
}
#[automatically_derived]
impl ::core::ops::Deref for Admin {
    type Target = Claims;
    fn deref(&self) -> &Claims {
        &self.0
    }
}
#[automatically_derived]
impl<S> ::stateless_session::__private::FromRequestParts<S> for Admin
where
    S: ::stateless_session::__private::Admits<Claims, Self>,
{
    type Rejection = ::stateless_session::SessionRejection;
    async fn from_request_parts(
        parts: &mut ::stateless_session::__private::Parts,
        state: &S,
    ) -> ::core::result::Result<Self, Self::Rejection> {
        state.admit(parts).map(Self)
    }
}
