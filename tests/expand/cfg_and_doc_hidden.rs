use crate::three_fields::Claims;
use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[cfg(not(windows))]
#[derive(Clone, Serialize, Deserialize)]
pub struct Elsewhere {
    pub sub: u64,
    #[cfg(unix)]
    pub generation: u64,
}

#[require_session]
#[cfg(not(windows))]
#[doc(hidden)]
pub async fn untouched(_: Claims) {}

#[require_session(active = true, fresh = "30s")]
#[cfg(not(windows))]
#[doc(hidden)]
#[cfg(not(miri))]
pub async fn guarded(_: Claims) {}
