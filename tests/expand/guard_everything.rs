use crate::three_fields::{Claims, Role};
use axum::extract::{Path, State};
use stateless_session::require_session;

#[require_session(
    role = Role::Admin | Role::Owner,
    if claims.active,
    if claims.sub != 0 || claims.role == Role::Owner,
    fresh = "30s",
    max_age = "5m",
)]
pub async fn delete_todo<S>(
    #[allow(unused_variables)] mut claims: Claims,
    State(_): State<S>,
    Path(id): Path<u64>,
) -> Result<String, String>
where
    S: Clone + Send,
{
    claims.active = false;
    Ok(format!("{} by {}", id, claims.sub))
}
