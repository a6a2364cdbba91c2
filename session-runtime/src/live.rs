//! Connections that outlive a request: when their session ends.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{Clock, Timestamp};
use crate::cookies::marker::Sid;

/// How often the clock is looked at, which may be one that a test holds.
const TICK: Duration = Duration::from_secs(1);

/// Who waits for the end of a session. One timer serves all of them, and runs only while there are some.
#[derive(Clone, Default)]
pub(crate) struct Live(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// By when the session ends, and a number of its own.
    waiters: BTreeMap<Key, Waiter>,
    next: u64,
    is_timed: bool,
}

type Key = (Timestamp, u64);

struct Waiter {
    sid: Sid,
    waker: Waker,
    #[cfg(feature = "registry")]
    is_over: Option<IsOver>,
}

/// Whether a session has ended, by what a node knows of its registry.
#[cfg(feature = "registry")]
pub(crate) type IsOver = Box<dyn Fn() -> bool + Send + Sync>;

impl Live {
    /// Resolves when the clock has reached `end`, or at once where [`end`](Self::end) ends the session before.
    pub(crate) fn ended(
        &self,
        sid: Sid,
        end: Timestamp,
        clock: Clock,
        #[cfg(feature = "registry")] is_over: Option<IsOver>,
    ) -> impl Future<Output = ()> + Send + Unpin + use<> {
        let mut place = Place {
            live: self.clone(),
            sid,
            end,
            clock,
            #[cfg(feature = "registry")]
            is_over,
            number: None,
        };
        poll_fn(move |context| place.poll(context))
    }

    /// Ends a session before its time, as far as somebody waits for it.
    pub(crate) fn end(&self, sid: &Sid) {
        self.end_those(|waiter| waiter.sid == *sid);
    }

    /// The same of every session of which the registry says so.
    #[cfg(feature = "registry")]
    pub(crate) fn end_what_is_over(&self) {
        self.end_those(|waiter| waiter.is_over.as_ref().is_some_and(|is_over| is_over()));
    }

    fn end_those(&self, is_over: impl Fn(&Waiter) -> bool) {
        let mut ended = Vec::new();
        self.lock().waiters.retain(|_, waiter| {
            let is_over = is_over(waiter);
            if is_over {
                ended.push(waiter.waker.clone());
            }
            !is_over
        });
        wake(ended);
    }

    /// Wakes whoever waits for the past; whether anybody goes on waiting.
    fn tick(&self, now: Timestamp) -> bool {
        let mut waiting = self.lock();
        let later = waiting.waiters.split_off(&(now.next(), 0));
        let over = std::mem::replace(&mut waiting.waiters, later);
        let goes_on = !waiting.waiters.is_empty();
        waiting.is_timed = goes_on;
        drop(waiting);
        wake(over.into_values().map(|waiter| waiter.waker));
        goes_on
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not while the lock is held, since whoever is woken may take it.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

/// A place among those who wait, which its end frees.
struct Place {
    live: Live,
    sid: Sid,
    end: Timestamp,
    clock: Clock,
    /// Until it is taken.
    #[cfg(feature = "registry")]
    is_over: Option<IsOver>,
    /// Once it is taken.
    number: Option<u64>,
}

impl Place {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.live.lock();
        let number = match self.number {
            Some(number) => number,
            None if self.clock.now() >= self.end => return Poll::Ready(()),
            // Under the lock, so that what ends now finds it there.
            #[cfg(feature = "registry")]
            None if self.is_over.as_ref().is_some_and(|is_over| is_over()) => {
                return Poll::Ready(());
            }
            None => {
                let number = waiting.next;
                waiting.next += 1;
                let waker = context.waker().clone();
                let waiter = Waiter {
                    sid: self.sid,
                    waker,
                    #[cfg(feature = "registry")]
                    is_over: self.is_over.take(),
                };
                waiting.waiters.insert((self.end, number), waiter);
                self.number = Some(number);
                number
            }
        };
        // Whoever wakes it takes it out.
        let Some(waiter) = waiting.waiters.get_mut(&(self.end, number)) else {
            return Poll::Ready(());
        };
        waiter.waker.clone_from(context.waker());
        if !waiting.is_timed {
            let Ok(runtime) = Handle::try_current() else {
                tracing::error!(target: "stateless_session", "nothing tells the time outside of a tokio runtime: a live session ends");
                return Poll::Ready(());
            };
            waiting.is_timed = true;
            let timer = Timer {
                live: self.live.clone(),
                is_done: false,
            };
            runtime.spawn(time(timer, self.clock.clone()));
        }
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.live.lock().waiters.remove(&(self.end, number));
        }
    }
}

async fn time(mut timer: Timer, clock: Clock) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !timer.live.tick(clock.now()) {
            timer.is_done = true;
            return;
        }
    }
}

/// The timer, which another has to follow where it ends with its runtime.
struct Timer {
    live: Live,
    is_done: bool,
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut waiting = self.live.lock();
        waiting.is_timed = false;
        let wakers: Vec<Waker> = waiting
            .waiters
            .values()
            .map(|waiter| waiter.waker.clone())
            .collect();
        if thread::panicking() {
            // A runtime without time, or a clock that panics, will not do better the next time.
            waiting.waiters.clear();
        }
        drop(waiting);
        wake(wakers);
    }
}
