use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub role: Role,
}

#[require_session(role = Role::Admin | Role::Owner, fresh = "30s")]
async fn delete_todo(claims: Claims, Path(id): Path<TodoId>) -> StatusCode {
    StatusCode::NO_CONTENT
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct UserId(u64);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Role {
    Admin,
    Owner,
    User,
}

#[derive(Deserialize)]
struct TodoId(u64);
