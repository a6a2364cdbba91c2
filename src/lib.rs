//! Login sessions without a session store, for axum.

pub use session_macros::{require_session, stateless_session};
pub use session_runtime::*;
#[doc(hidden)]
pub use session_runtime::__private;
