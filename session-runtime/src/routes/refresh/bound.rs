//! Whether a refresh token that is bound to a key comes beside a proof.

use axum::http::{HeaderMap, HeaderName};
use tracing::Level;

use crate::binding::stamp::Purpose;
use crate::claims::SessionClaims;
use crate::cookies::SessionCookies;
use crate::cookies::attributes::bound_path;
use crate::cookies::request::each_bound;
use crate::excerpt::Excerpt;
use crate::pages::redirect::Redirect;
use crate::rejection::SessionRejection;
use crate::snapshot::Snapshot;
use crate::token::refresh_token::RefreshToken;

const SECURE_SESSION_SKIPPED: HeaderName = HeaderName::from_static("secure-session-skipped");

/// Refuses a bound token without its proof, whoever sends it.
pub(super) fn check<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    headers: &HeaderMap,
    token: &RefreshToken<C>,
) -> Result<(), SessionRejection> {
    if !token.is_bound() {
        return Ok(());
    }
    let (events, policy, sid) = (snapshot.events, &C::POLICY, token.registered.sid);
    let stamps = snapshot.stamps(sid);
    let (mut came, mut counts) = (false, false);
    each_bound(headers, policy, sid, |stamp| {
        came = true;
        counts |= stamps.count(Purpose::Bound, stamp);
    });
    if counts {
        return Ok(());
    }
    let realm = policy.issuer;
    if came {
        // A clock was set. Without the cookie, the browser asks its key.
        tracing::info!(target: "stateless_session", sid = sid.short(), "a proof that counts no more, in a cookie that should be gone");
        let mut gone = SessionCookies::none();
        gone.delete_bound(policy, sid.into());
        let gone = gone.lines().next().and_then(Result::ok);
        let redirect = Redirect::to_a_proof(bound_path(policy).concat(), gone, realm);
        return Err(SessionRejection::Redirect(redirect));
    }
    if let Some(reason) = headers.get(SECURE_SESSION_SKIPPED) {
        let cause = format_args!(
            "the browser could not prove its key now; the session lives on: {}",
            Excerpt(reason.as_bytes()),
        );
        let rejection = SessionRejection::TemporarilyUnavailable;
        return Err(events.refused(Level::WARN, Some(&sid), rejection, &cause));
    }
    let cause = "a bound refresh token without a proof: a copy, or the browser lost its key";
    let rejection = SessionRejection::SessionUnknown { realm };
    Err(events.refused(Level::WARN, Some(&sid), rejection, &cause))
}
