//! What the session registry says of a session that refreshes.

use axum::http::HeaderMap;
use tracing::Level;

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::event::{Chain, EndCause};
use crate::keys::key::TokenKind;
use crate::policy::Revocation;
use crate::registry::error::RegistryError;
use crate::registry::record::Ending;
use crate::registry::seen::Seen;
use crate::registry::user_agent::user_agent;
use crate::rejection::SessionRejection;
use crate::routes::refresh::due::Cookie;
use crate::snapshot::Snapshot;
use crate::token::refresh_token::RefreshToken;
use crate::token::registered::Registered;
use crate::token::subject;

/// Writes the session down, and refuses it where it has ended.
pub(super) async fn note<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    headers: &HeaderMap,
    token: &RefreshToken<C>,
) -> Result<Cookie, SessionRejection> {
    let Some(node) = snapshot.registry else {
        return Ok(Cookie::WhenDue);
    };
    let (policy, events, now) = (&C::POLICY, snapshot.events, snapshot.now);
    let Registered {
        sid,
        auth_time,
        iat,
        ..
    } = token.registered;
    let subject = subject::to_wire(&token.subject).map_err(|cause| {
        events.refused(
            Level::ERROR,
            Some(&sid),
            SessionRejection::InternalError,
            &cause,
        )
    })?;
    check_ended(snapshot, token)?;
    let audience = snapshot.parties.audience();
    let ended = |why| events.ended(&sid, Some(&token.subject), why);
    let last = Registered::issued(TokenKind::Refresh, policy, sid, auth_time, now).exp;
    let ends_at = last.plus(policy.leeway).as_secs();
    let seen = Seen {
        audience,
        subject: &subject,
        sid: sid.as_str(),
        auth_time: auth_time.as_secs(),
        at: now.as_secs(),
        ends_at,
        user_agent: user_agent(headers),
        iat: iat.as_secs(),
        grace: policy.rotation.map_or(0, |grace| grace.as_secs()),
    };
    // Who is known not to answer is not waited for.
    let record = match node.silence() {
        Some(_) => Err(RegistryError::NO_ANSWER),
        None => node.seen(&seen).await,
    };
    let record = match record {
        Ok(record) => record,
        Err(cause) => return without(snapshot, token, &cause),
    };
    if record.ended_at.is_some() {
        return Err(ended(EndCause::EndedElsewhere));
    }
    if seen.grace == 0 {
        return Ok(Cookie::WhenDue);
    }
    if let Some(iat) = record.rotation.successor(&seen) {
        return Ok(Cookie::IssuedAt(Timestamp::from_secs(iat)));
    }
    let ending = Ending {
        audience: audience.to_owned(),
        subject: subject.clone(),
        sid: Some(sid.as_str().to_owned()),
        at: now.as_secs(),
        ends_at,
    };
    let refused = ended(EndCause::Reused);
    // Said in the log where it fails, and said again to the registry until it hears.
    let _ = node.end(ending).await;
    Err(refused)
}

/// Refuses what this node knows to have ended.
pub(in crate::routes) fn check_ended<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    token: &RefreshToken<C>,
) -> Result<(), SessionRejection> {
    let Some(node) = snapshot.registry else {
        return Ok(());
    };
    let Registered { sid, auth_time, .. } = token.registered;
    let owner = || {
        let subject = subject::to_wire(&token.subject).ok()?;
        Some(node.ended.owner(snapshot.parties.audience(), &subject))
    };
    if !node.ended.contains(&sid, auth_time.as_secs(), owner) {
        return Ok(());
    }
    let (events, why) = (snapshot.events, EndCause::EndedElsewhere);
    Err(events.ended(&sid, Some(&token.subject), why))
}

/// An outage of the registry ends no session.
fn without<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    token: &RefreshToken<C>,
    cause: &RegistryError,
) -> Result<Cookie, SessionRejection> {
    let (events, sid) = (snapshot.events, &token.registered.sid);
    if let Some(Revocation::Within(_)) = C::POLICY.revocation {
        let cause = Chain(cause);
        let cause = format_args!("no session registry, no refresh: {cause}");
        return Err(events.unavailable(Some(sid), Some(&token.subject), &cause));
    }
    tracing::debug!(target: "stateless_session", sid = sid.short(), cause = %Chain(cause), "a refresh without the session registry");
    let rotates = C::POLICY.rotation.is_some();
    Ok(if rotates {
        Cookie::Untouched
    } else {
        Cookie::WhenDue
    })
}
