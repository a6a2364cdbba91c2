use crate::three_fields::{Claims, Role};
use axum::Json;
use stateless_session::{Session, require_session};
async fn alone(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, AloneGuard>,
) -> Json<Claims> {
    Json(claims)
}
/// What [`alone`] requires of its session: `if claims.role == Role::Admin || claims.role == Role::Owner`.
enum AloneGuard {}
impl ::stateless_session::Guard<Claims> for AloneGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        claims.role == Role::Admin || claims.role == Role::Owner
    }
}
async fn beside_a_pattern(
    ::stateless_session::Require {
        session,
        ..
    }: ::stateless_session::Require<Session<Claims>, BesideAPatternGuard>,
) -> Json<u64> {
    Json(session.sub)
}
/// What [`beside_a_pattern`] requires of its session: `active = true, if session.role != Role::Member || session.sub < 1_000`.
enum BesideAPatternGuard {}
impl ::stateless_session::Guard<Session<Claims>> for BesideAPatternGuard {
    fn allows(session: &Session<Claims>) -> ::core::primitive::bool {
        (match session.active {
            true => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            _ => false,
        }) && (session.role != Role::Member || session.sub < 1_000)
    }
}
async fn block_first(
    ::stateless_session::Require {
        session: claims,
        ..
    }: ::stateless_session::Require<Claims, BlockFirstGuard>,
) -> Json<Claims> {
    Json(claims)
}
/// What [`block_first`] requires of its session: `if match claims.role { Role::Admin => claims.active, Role::Owner | Role::Member => true }, if claims.sub > 0`.
enum BlockFirstGuard {}
impl ::stateless_session::Guard<Claims> for BlockFirstGuard {
    fn allows(claims: &Claims) -> ::core::primitive::bool {
        (match claims.role {
            Role::Admin => claims.active,
            Role::Owner | Role::Member => true,
        }) && claims.sub > 0
    }
}
