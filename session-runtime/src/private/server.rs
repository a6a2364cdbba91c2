//! What generated code calls where requests are answered.

#![allow(clippy::missing_errors_doc)] // generated code hands on what a request is refused for

pub use axum::extract::{FromRequestParts, OptionalFromRequestParts};
pub use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::extract;
use crate::guard::{Guard, Require};
use crate::rejection::SessionRejection;
use crate::session::Session;

pub use crate::session::FromSession;
pub use crate::sessions::HoldsSessions;

/// The claims of a request.
pub fn claims<C: SessionClaims>(
    parts: &Parts,
    state: &impl HoldsSessions<C>,
) -> Result<C, SessionRejection> {
    let session = extract::required(&state.sessions(), parts)?;
    Ok(session.into_claims())
}

/// The claims of a request, or `None` where it carries no token at all.
pub fn optional_claims<C: SessionClaims>(
    parts: &Parts,
    state: &impl HoldsSessions<C>,
) -> Result<Option<C>, SessionRejection> {
    let session = extract::optional(&state.sessions(), parts)?;
    Ok(session.map(Session::into_claims))
}

/// States that know whom the guard `G` lets pass.
pub trait Admits<S, G>: Sync {
    /// The session of a request, once the guard let it pass.
    fn admit(&self, parts: &Parts) -> Result<S, SessionRejection>;
}

// Not these bounds themselves: of a guard over what is no session, rustc would report each.
impl<S, G, App> Admits<S, G> for App
where
    S: FromSession,
    G: Guard<S>,
    App: HoldsSessions<S::Claims>,
{
    fn admit(&self, parts: &Parts) -> Result<S, SessionRejection> {
        Ok(Require::<S, G>::of_request(parts, self)?.session)
    }
}

/// The claims of a session, which may be the session itself.
pub type ClaimsOf<S> = <S as FromSession>::Claims;

/// The text of a field that is a string of some type.
pub fn text<T: AsRef<str> + ?Sized>(field: &T) -> &str {
    field.as_ref()
}

/// Compiles where `T` is a session.
pub const fn assert_session<T: FromSession>() {}

/// Compiles where `#[utoipa::path]` has not run before `#[require_session]`, which would then say nothing to it.
#[cfg(feature = "utoipa")]
pub const fn assert_undescribed<T: Undescribed>() {}

/// What the name of an attribute's struct means where there is no such struct.
#[cfg(feature = "utoipa")]
#[diagnostic::on_unimplemented(
    message = "`#[utoipa::path(..)]` stands above `#[require_session]`, and would not say what the handler requires",
    label = "write `#[require_session]` above `#[utoipa::path(..)]`"
)]
pub trait Undescribed {}

#[cfg(feature = "utoipa")]
#[diagnostic::do_not_recommend]
impl Undescribed for () {}

/// Compiles where a guard's `fresh` is shorter than the access lifetime of its session.
///
/// # Panics
///
/// Where it is not; generated code calls this in a constant, so the panic is a compile error.
#[track_caller]
pub const fn assert_fresh<T: FromSession, G: Guard<T>>() {
    assert!(
        G::FRESH.as_secs() < T::Claims::POLICY.access.as_secs(),
        "`fresh` must be shorter than the access lifetime",
    );
}

/// Compiles where a guard's `max_age` is no longer than a session lasts.
///
/// # Panics
///
/// Where it is; generated code calls this in a constant, so the panic is a compile error.
#[track_caller]
pub const fn assert_max_age<T: FromSession, G: Guard<T>>() {
    if let Some(absolute) = T::Claims::POLICY.absolute {
        assert!(
            G::MAX_AGE.as_secs() <= absolute.as_secs(),
            "`max_age` must not be longer than the absolute lifetime",
        );
    }
}
