//! The session of a request, for extractors.

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::claims::SessionClaims;
use crate::pages::answers;
use crate::pages::session;
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::sessions::Sessions;

// As constants, so that nothing of pages is even compiled for claims without the key.

pub(crate) fn required<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
) -> Result<Session<C>, SessionRejection> {
    if const { C::POLICY.pages.is_none() } {
        return sessions.authenticate(&parts.headers);
    }
    session::required(sessions, parts)
}

/// The same, with `None` where the request is nobody's.
pub(crate) fn optional<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
) -> Result<Option<Session<C>>, SessionRejection> {
    if const { C::POLICY.pages.is_none() } {
        return sessions.authenticate_optional(&parts.headers);
    }
    session::optional(sessions, parts)
}

/// The answer to a request whose session a guard refused: what mends it, where a page can be led there.
pub(crate) fn mended<C: SessionClaims>(
    parts: &Parts,
    refused: SessionRejection,
) -> SessionRejection {
    if const { C::POLICY.pages.is_none() } {
        return refused;
    }
    answers::mended::<C>(parts, refused)
}

impl<C, S> FromRequestParts<S> for Session<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        required(&Sessions::from_ref(state), parts)
    }
}

impl<C, S> OptionalFromRequestParts<S> for Session<C>
where
    C: SessionClaims,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        optional(&Sessions::from_ref(state), parts)
    }
}
