//! The refresh that leads back: where a page's request is sent, and from where it goes on.

use std::time::Duration;

use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::Level;

use crate::claims::SessionClaims;
use crate::cookies::SessionCookies;
use crate::cookies::marker::Sid;
use crate::cookies::request::RequestCookies;
use crate::pages::answers;
use crate::pages::local_path::{InQuery, LocalPath};
use crate::pages::request::is_navigation;
use crate::rejection::SessionRejection;
use crate::renew::Renew;
use crate::routes::refresh::refresh;
use crate::sessions::Sessions;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How long an answer that is not final counts.
const UNKNOWN: Duration = Duration::from_secs(3);

/// Stands in the query of the hop that sees whether the browser kept the access cookie.
const KEPT: &str = "kept";

pub(crate) async fn led<C, S>(
    sessions: &Sessions<C>,
    state: &S,
    parts: &Parts,
    to: &LocalPath,
) -> Result<Response, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    let policy = &C::POLICY;
    let cookies = RequestCookies::read(&parts.headers, policy);
    let is_foreign = parts
        .headers
        .get(SEC_FETCH_SITE)
        .is_some_and(|site| site == "cross-site");
    if is_foreign && is_navigation(parts) && !cookies.carries_marker() {
        return Err(answers::refresh_again::<C>(to));
    }
    let sid = match cookies.markers() {
        [marker] => Some(Sid::of_marker(marker)),
        _ => None,
    };
    let keeps = |sid| cookies.access_tokens_of(sid).next().is_some();
    let query = parts.uri.query().unwrap_or_default();
    if query.split('&').any(|pair| pair == KEPT) {
        if sid.is_none_or(keeps) {
            return on_to(to, SessionCookies::none());
        }
        let cause = "the access cookie did not come back: the browser or a proxy keeps none, or not that long";
        let events = sessions.events();
        return Err(events.refused(
            Level::WARN,
            sid.as_ref(),
            SessionRejection::InternalError,
            &cause,
        ));
    }
    let (refused, lifetime) = match refresh(sessions, state, &parts.headers, None).await {
        Ok(answer) if keeps(answer.sid) => return on_to(to, answer.cookies),
        Ok(answer) => {
            let check = format!("{}/refresh?to={}&{KEPT}", policy.path, InQuery(to));
            return on_to(&check, answer.cookies);
        }
        Err(refused @ SessionRejection::SessionEnded { .. }) => (refused, policy.access),
        Err(refused @ SessionRejection::SessionUnknown { .. }) => (refused, UNKNOWN),
        #[cfg(feature = "binding")]
        Err(SessionRejection::Redirect(redirect)) => {
            let here = format!("{}/refresh?to={}", policy.path, InQuery(to));
            return Err(SessionRejection::Redirect(redirect.at(here)));
        }
        Err(refused) => return Err(refused),
    };
    let mut told = SessionCookies::none();
    match (sid, cookies.markers()) {
        (Some(sid), _) => told.set_over(policy, sid, sessions.snapshot().now, lifetime),
        // Without a marker they are nobody's, and would lead here again and again.
        (None, []) => told.delete_access_tokens(&cookies, None, policy),
        _ => return Err(refused),
    }
    on_to(to, told)
}

/// With the same method and body.
fn on_to(url: &str, cookies: SessionCookies) -> Result<Response, SessionRejection> {
    let url = HeaderValue::try_from(url).map_err(|_| SessionRejection::InternalError)?;
    Ok((StatusCode::TEMPORARY_REDIRECT, cookies, [(LOCATION, url)]).into_response())
}
