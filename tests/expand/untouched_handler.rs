use crate::three_fields::Claims;
use axum::Json;
use stateless_session::require_session;

/// Who is logged in.
#[require_session]
pub async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}
