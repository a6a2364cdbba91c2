//! The offer: the header of a login's answer that asks the browser to make a key and to register it.

use axum::http::HeaderValue;

use crate::binding::stamp::{Purpose, Stamps};
use crate::issue_error::IssueError;
use crate::policy::Policy;

/// Made at login only: of several answers, each would make a key, and the browser makes few proofs.
pub(crate) fn offer(policy: &Policy, stamps: &Stamps<'_>) -> Result<HeaderValue, IssueError> {
    let challenge = stamps.issue(Purpose::Challenge);
    let challenge = challenge.ok_or(IssueError::VerifyOnly)?;
    let offer = format!(
        r#"(ES256);path="{}/device";challenge="{challenge}""#,
        policy.path
    );
    let mut offer = HeaderValue::try_from(offer).map_err(|_| IssueError::VerifyOnly)?;
    offer.set_sensitive(true);
    Ok(offer)
}
