//! A clock that moves only when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::TellTime;
use crate::testing::lifetime::lifetime;

/// A clock that moves only when a test says so; clones are the same clock.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Keys, Sessions, stateless_session};
/// use stateless_session::testing::HeldClock;
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = HeldClock::new();
/// let sessions = Sessions::<Claims>::new(Keys::generate()?).with_clock(clock.clone());
/// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
/// clock.advance("16m");
/// assert!(sessions.verify(login.access_token()).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HeldClock(Arc<AtomicU64>);

impl HeldClock {
    /// A clock that stands at 15 January 2027, 08:00:00 UTC.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000)))
    }

    /// Moves the clock by a lifetime as the attributes write it, such as `"16m"`.
    ///
    /// # Panics
    ///
    /// Where it is no lifetime.
    #[track_caller]
    pub fn advance(&self, by: &str) {
        self.0.fetch_add(lifetime(by).as_secs(), Ordering::SeqCst);
    }

    /// Sets the clock back by a lifetime.
    ///
    /// # Panics
    ///
    /// Where it is no lifetime.
    #[track_caller]
    pub fn set_back(&self, by: &str) {
        self.0.fetch_sub(lifetime(by).as_secs(), Ordering::SeqCst);
    }
}

impl Default for HeldClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TellTime for HeldClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}
