//! The check for cross-origin requests, for routes of the application's own.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;

/// A request that no page of another origin sent: the check that [`Login`](crate::Login) makes, for a route that logs nobody
/// in but acts by a cookie, such as a form that sets a language. Pages that [`Sessions::allow_origin`] lists pass.
///
/// It refuses others with 403 and before the body is read, and every GET, HEAD and OPTIONS with 405, since any page can
/// send those (Fetch Metadata; the algorithm is that of Go's `CrossOriginProtection`). A route that takes the access token
/// needs no such check: no other page has the token.
///
/// ```
/// # use axum::{Form, response::Redirect};
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{SameOrigin, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # #[derive(Deserialize)] struct Language { language: String }
/// async fn set_language(_: SameOrigin<Claims>, Form(form): Form<Language>) -> Redirect {
///     // ..
///     Redirect::to("/")
/// }
/// ```
pub struct SameOrigin<C>(PhantomData<fn() -> C>);

impl<C> fmt::Debug for SameOrigin<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SameOrigin")
    }
}

impl<C, S> FromRequestParts<S> for SameOrigin<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let sessions = Sessions::<C>::from_ref(state);
        sessions.check_origin(parts)?;
        Ok(Self(PhantomData))
    }
}
