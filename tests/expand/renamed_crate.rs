use renamed::{Session, require_session, stateless_session};
use serde::{Deserialize, Serialize};

#[stateless_session(access = "15m", refresh = "7d", crate = ::renamed)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: u64,
}

#[require_session(crate = ::renamed)]
pub async fn untouched(_: Claims) {}

#[require_session(max_age = "5m", crate = crate::reexported::session)]
pub async fn guarded(_: Session<Claims>) {}
