//! Time, in whole seconds, from a clock that tests can hold.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};

/// What [`Sessions::with_clock`](crate::Sessions::with_clock) takes: a function that tells the time, or a clock that a test
/// holds.
pub trait TellTime: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> SystemTime;
}

impl<F: Fn() -> SystemTime + Send + Sync + 'static> TellTime for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

/// Where the time of one [`Sessions`](crate::Sessions) comes from.
#[derive(Clone, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Told(Arc<dyn TellTime>),
}

impl Clock {
    pub(crate) fn new(clock: impl TellTime) -> Self {
        Self::Told(Arc::new(clock))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::of(match self {
            Self::System => SystemTime::now(),
            Self::Told(clock) => clock.now(),
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A point in time as JWTs write it: RFC 7519's `NumericDate`, as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    pub(crate) const MAX: Self = Self(u64::MAX);

    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    pub(crate) fn of(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since_epoch.as_secs())
    }

    pub(crate) const fn as_secs(self) -> u64 {
        self.0
    }

    pub(crate) fn plus(self, lifetime: Duration) -> Self {
        Self(self.0.saturating_add(lifetime.as_secs()))
    }

    #[cfg(feature = "live")]
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn before(self, age: Duration) -> Self {
        Self(self.0.saturating_sub(age.as_secs()))
    }

    /// How long `earlier` is past; zero where it is not.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_secs(self.0))
            .unwrap_or(UNIX_EPOCH)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}
