use crate::three_fields::{Claims, Role};
use stateless_session::require_session;

/// An administrator, looked up at most 30 seconds ago.
#[require_session(role = Role::Admin | Role::Owner, fresh = "30s")]
pub struct Admin(Claims);
