use crate::three_fields::Claims;
use stateless_session::require_session;

#[allow(clippy::len_zero)]
#[expect(unused_variables, reason = "not yet")]
#[cfg_attr(unix, must_use, cfg(not(miri)), warn(deprecated))]
#[tracing::instrument(skip_all)]
#[require_session(active = true)]
async fn linted(claims: Claims) {}
