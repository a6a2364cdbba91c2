//! What generated code calls.

use std::future::{Ready, ready};
use std::time::Duration;

pub use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
pub use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::sessions::Sessions;

pub use crate::claims::Wire;
pub use crate::session::FromSession;
pub use crate::sessions::HoldsSessions;

/// The claims of a request.
pub fn claims<C, S>(parts: &Parts, state: &S) -> Ready<Result<C, SessionRejection>>
where
    C: SessionClaims,
    Sessions<C>: FromRef<S>,
{
    let session = Sessions::from_ref(state).authenticate(&parts.headers);
    ready(session.map(Session::into_claims))
}

/// The claims of a request, or `None` where it carries no token at all.
pub fn optional_claims<C, S>(parts: &Parts, state: &S) -> Ready<Result<Option<C>, SessionRejection>>
where
    C: SessionClaims,
    Sessions<C>: FromRef<S>,
{
    let session = Sessions::from_ref(state).authenticate_optional(&parts.headers);
    ready(session.map(|session| session.map(Session::into_claims)))
}

/// The value of a user's counter.
pub fn counter<C: Counter>(generation: C) -> u64 {
    generation.into_u64()
}

/// Unsigned integers, and types that are one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no unsigned integer",
    label = "`generation` must be `u8`, `u16`, `u32`, `u64` or convert into `u64`"
)]
pub trait Counter {
    /// What `Into<u64>` does.
    fn into_u64(self) -> u64;
}

// Not the bound itself, because rustc would list whatever converts into `u64` in the user's build.
#[diagnostic::do_not_recommend]
impl<T: Into<u64>> Counter for T {
    fn into_u64(self) -> u64 {
        self.into()
    }
}

/// Compiles where `T` is a session.
pub const fn assert_session<T: FromSession>() {}

/// Compiles where a guard's `fresh` is shorter than the access lifetime of its session.
///
/// # Panics
///
/// Where it is not; generated code calls this in a constant, so the panic is a compile error.
#[track_caller]
pub const fn assert_shorter_than_access<T: FromSession>(fresh: Duration) {
    assert!(
        fresh.as_secs() < T::Claims::POLICY.access.as_secs(),
        "`fresh` must be shorter than the access lifetime",
    );
}
