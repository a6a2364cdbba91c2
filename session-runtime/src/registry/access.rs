//! What a node says of an access token that verified.

use std::borrow::Cow;

use tracing::Level;

use crate::claims::SessionClaims;
use crate::event::Events;
use crate::policy::Revocation;
use crate::registry::node::Node;
use crate::rejection::SessionRejection;
use crate::session::Session;
use crate::token;
use crate::token::parties::Parties;
use crate::token::subject;

/// Refuses a session that has ended, and every one once nothing was heard of the registry for longer than the policy lets pass.
#[inline]
pub(crate) fn check<C: SessionClaims>(
    node: &Node,
    parties: &Parties,
    events: &Events<C>,
    token: &[u8],
    session: &mut Session<C>,
) -> Result<(), SessionRejection> {
    if let Some(Revocation::Within(limit)) = C::POLICY.revocation {
        let lag = node.lag();
        if lag > limit {
            let seconds = lag.as_secs();
            let cause = format_args!("nothing was heard of the session registry for {seconds} s");
            let rejection = SessionRejection::TemporarilyUnavailable;
            return Err(events.refused(Level::DEBUG, Some(&session.sid), rejection, &cause));
        }
    }
    let auth_time = session.auth_time().as_secs();
    let owner = || {
        let subject = subject::to_wire(session.subject()).ok()?;
        let audience = if parties.accept_others() {
            Cow::Owned(token::audience(token)?)
        } else {
            Cow::Borrowed(parties.audience())
        };
        Some(node.ended.owner(&audience, &subject))
    };
    if node.ended.contains(&session.sid, auth_time, owner) {
        let cause = "its session has ended";
        let rejection = SessionRejection::InvalidToken;
        return Err(events.refused(Level::DEBUG, Some(&session.sid), rejection, &cause));
    }
    if let Some(silence) = node.silence() {
        session.note_silence(silence);
    }
    Ok(())
}
