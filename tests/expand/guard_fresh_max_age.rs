use crate::three_fields::Claims;
use stateless_session::require_session;

#[require_session(fresh = "30s", max_age = "5m")]
pub(crate) async fn change_password(_claims: Claims) {}
