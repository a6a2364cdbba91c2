//! Where a request is led.

use axum::http::request::Parts;
use tracing::Level;

use crate::bearer;
use crate::claims::SessionClaims;
use crate::pages::local_path::{InQuery, LocalPath};
use crate::pages::redirect::{Redirect, Way};
use crate::pages::request::{
    accepts_html, here, is_handshake, is_htmx, may_be_navigation, reads, referer, uri,
};
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;

/// What some servers and proxies still let pass, percent-encoded, beside cookies.
const LONGEST: usize = 2048;

/// To the login page, which leads back.
pub(crate) fn nobody<C: SessionClaims>(sessions: &Sessions<C>, parts: &Parts) -> SessionRejection {
    login::<C>(parts).unwrap_or_else(|| {
        let realm = C::POLICY.issuer;
        let rejection = SessionRejection::MissingToken { realm };
        let cause = "no session";
        sessions
            .events()
            .refused(Level::DEBUG, None, rejection, &cause)
    })
}

/// To the login page, from where nothing leads back: what was asked for counts no more.
pub(crate) fn login_anew<C: SessionClaims>(parts: &Parts) -> Option<SessionRejection> {
    let page = C::POLICY.pages?;
    if !accepts_html(&parts.headers) {
        return None;
    }
    let way = Way::Login;
    tracing::debug!(target: "stateless_session", ?way, "led to the login page");
    let redirect = Redirect::new(way, page.to_owned(), C::POLICY.issuer);
    Some(SessionRejection::Redirect(redirect))
}

/// Where what a guard refused is mended; nowhere for callers that send their access token themselves.
pub(crate) fn mended<C: SessionClaims>(
    parts: &Parts,
    refused: SessionRejection,
) -> SessionRejection {
    if !matches!(bearer::access_token(&parts.headers), Ok(None)) {
        return refused;
    }
    match refused {
        SessionRejection::StaleToken => refresh::<C>(parts, refused),
        SessionRejection::LoginRequired { .. } => login::<C>(parts).unwrap_or(refused),
        _ => refused,
    }
}

/// To the refresh and back, with method and body, where the request can follow.
pub(crate) fn refresh<C: SessionClaims>(
    parts: &Parts,
    otherwise: SessionRejection,
) -> SessionRejection {
    let to = here(parts).filter(|to| to.len() <= LONGEST && !is_handshake(parts));
    to.map_or(otherwise, |to| led::<C>(Way::Refresh, &to))
}

/// To the refresh by a document, where the request shows one.
pub(crate) fn refresh_by_document<C: SessionClaims>(parts: &Parts) -> Option<SessionRejection> {
    if !may_be_navigation(parts) {
        return None;
    }
    let Some(to) = here(parts).filter(|to| to.len() <= LONGEST && !is_handshake(parts)) else {
        return Some(SessionRejection::InvalidToken);
    };
    Some(led::<C>(Way::RefreshDocument, &to))
}

/// The same from the refresh itself, which another site linked to.
pub(crate) fn refresh_again<C: SessionClaims>(to: &LocalPath) -> SessionRejection {
    led::<C>(Way::RefreshDocument, to)
}

fn led<C: SessionClaims>(way: Way, to: &LocalPath) -> SessionRejection {
    tracing::debug!(target: "stateless_session", ?way, "led to a refresh");
    let url = format!("{}/refresh?to={}", C::POLICY.path, InQuery(to));
    SessionRejection::Redirect(Redirect::new(way, url, C::POLICY.issuer))
}

/// `None` where a caller shows no page, or is at the login page.
fn login<C: SessionClaims>(parts: &Parts) -> Option<SessionRejection> {
    let page = C::POLICY.pages?;
    if uri(parts).path() == page {
        return None;
    }
    let (way, to) = if is_htmx(&parts.headers) {
        (Way::LoginHtmx, referer(parts))
    } else if !accepts_html(&parts.headers) {
        return None;
    } else if reads(parts) {
        (Way::Login, here(parts))
    } else {
        (Way::Login, referer(parts))
    };
    tracing::debug!(target: "stateless_session", ?way, "led to the login page");
    let url = match to.filter(|to| to.len() <= LONGEST) {
        Some(to) => format!("{page}?to={}", InQuery(&to)),
        None => page.to_owned(),
    };
    Some(SessionRejection::Redirect(Redirect::new(
        way,
        url,
        C::POLICY.issuer,
    )))
}
