//! How long ago somebody was heard who ought to be heard again and again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// By the machine's own time, because the sessions may have another clock, and read without a lock.
pub(crate) struct LastHeard {
    began: Instant,
    /// In milliseconds since `began`.
    at: AtomicU64,
}

impl LastHeard {
    pub(crate) fn now() -> Self {
        Self {
            began: Instant::now(),
            at: AtomicU64::new(0),
        }
    }

    pub(crate) fn note(&self) {
        let now = self.began.elapsed().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        self.at.store(now, Ordering::Relaxed);
    }

    pub(crate) fn ago(&self) -> Duration {
        let at = Duration::from_millis(self.at.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(at)
    }
}
