use crate::three_fields::{Claims, Role};
use stateless_session::{Session, require_session};

#[require_session(if claims.role == Role::Admin || claims.role == Role::Owner)]
async fn alone(claims: Claims) {
    drop(claims);
}

#[require_session(active = true, if session.role != Role::Member || session.sub < 1_000)]
async fn beside_a_pattern(mut session: Session<Claims>) {
    session.role = Role::Member;
}

#[require_session(if match claims.role { Role::Admin => true, _ => false }, if claims.active)]
async fn block_first(claims: Claims) {
    drop(claims);
}
