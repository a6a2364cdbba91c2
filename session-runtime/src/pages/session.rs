//! Which session a request has.

use axum::http::request::Parts;
use tracing::Level;

use crate::claims::SessionClaims;
use crate::cookies::OVER;
use crate::cookies::marker::Sid;
use crate::cookies::request::RequestCookies;
use crate::pages::answers;
use crate::pages::layer;
use crate::pages::request::is_navigation;
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::token::error::TokenError;

pub(crate) fn required<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
) -> Result<Session<C>, SessionRejection> {
    optional(sessions, parts)?.ok_or_else(|| answers::nobody(sessions, parts))
}

/// The one of the access token that `Authorization` carries, good or bad; else the one that the cookies are of.
pub(crate) fn optional<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
) -> Result<Option<Session<C>>, SessionRejection> {
    match sessions.authenticate_optional(&parts.headers)? {
        Some(session) => Ok(Some(session)),
        None => by_cookies(sessions, parts),
    }
}

fn by_cookies<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
) -> Result<Option<Session<C>>, SessionRejection> {
    let cookies = RequestCookies::read(&parts.headers, &C::POLICY);
    if !cookies.has_session() {
        return Ok(None);
    }
    let events = sessions.events();
    if !layer::is_around::<C>(parts) {
        let cause = "a request with the session's cookies came to a handler outside of `pages(router)`: call it last, on \
                     the outermost router, or put `pages_layer()` around the handler";
        return Err(events.refused(Level::ERROR, None, SessionRejection::InternalError, &cause));
    }
    // Whatever else a page of another origin has a browser send, before anything is verified.
    if !is_navigation(parts) {
        sessions.check_origin_of_any(parts)?;
    }
    let marker = match cookies.markers() {
        [marker] => marker,
        [] if cookies
            .access_tokens()
            .all(|token| token == OVER.as_bytes()) =>
        {
            return Ok(None);
        }
        [] => {
            let document = answers::refresh_by_document::<C>(parts);
            return document.map_or(Ok(None), Err);
        }
        _ => {
            let realm = C::POLICY.issuer;
            let cause = "two session markers, of which somebody else set one";
            let rejection = SessionRejection::SessionUnknown { realm };
            return Err(events.refused(Level::WARN, None, rejection, &cause));
        }
    };
    // An access token counts beside the marker of its session only: a late answer revives nothing.
    let sid = Sid::of_marker(marker);
    let mut is_over = false;
    for token in cookies.access_tokens_of(sid) {
        if token == OVER.as_bytes() {
            is_over = true;
            continue;
        }
        let opened = sessions.open(token, |cause| match cause {
            TokenError::Ahead(by) => {
                let seconds = by.as_secs();
                let cause = format_args!("the clocks of two servers are {seconds} s apart");
                events.unavailable(Some(&sid), None, &cause)
            }
            _ => SessionRejection::InvalidToken,
        });
        match opened {
            Ok(session) if session.sid == sid => return Ok(Some(session)),
            Ok(_) | Err(SessionRejection::InvalidToken) => {}
            Err(unavailable) => return Err(unavailable),
        }
    }
    if is_over {
        return Ok(None);
    }
    Err(answers::refresh::<C>(parts, SessionRejection::InvalidToken))
}
