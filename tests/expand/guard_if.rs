use crate::three_fields::{Claims, Role};
use axum::Json;
use stateless_session::{Session, require_session};

#[require_session(if claims.role == Role::Admin || claims.role == Role::Owner)]
async fn alone(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session(active = true, if session.role != Role::Member || session.sub < 1_000)]
async fn beside_a_pattern(session: Session<Claims>) -> Json<u64> {
    Json(session.sub)
}

#[require_session(
    if match claims.role { Role::Admin => claims.active, Role::Owner | Role::Member => true },
    if claims.sub > 0,
)]
async fn block_first(claims: Claims) -> Json<Claims> {
    Json(claims)
}
