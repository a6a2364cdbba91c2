//! One node beside its registry: what it knows of ended sessions, how long ago the registry last answered, and what it still has to
//! tell it.

#[cfg(feature = "live")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::sleep;

use crate::cookies::marker::Sid;
use crate::event::Chain;
use crate::last_heard::LastHeard;
#[cfg(feature = "live")]
use crate::live::Live;
use crate::registry::SessionRegistry;
use crate::registry::ended::EndedSessions;
use crate::registry::engine::Engine;
use crate::registry::error::RegistryError;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::seen::Seen;

/// So much may wait for a registry that is down; beyond, it is lost and the log says so.
const MOST_WAITING: usize = 10_000;

/// So many endings of sessions that somebody only named: what one user sends must not keep another's logout from being told.
const MOST_NAMED: usize = 1_000;

/// After a read that brought something, so that many endings become few reads.
const PAUSE: Duration = Duration::from_millis(100);

const LEAST_RETRY: Duration = Duration::from_millis(100);
const MOST_RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Node {
    engine: Box<dyn Engine>,
    pub(crate) ended: EndedSessions,
    /// When the registry last answered the feed.
    answered: LastHeard,
    /// Whether it did not, the last time.
    is_silent: AtomicBool,
    waiting: Arc<Semaphore>,
    named: Arc<Semaphore>,
    /// Who waits for the end of a session.
    #[cfg(feature = "live")]
    live: OnceLock<Live>,
}

impl Node {
    /// Reads what ended within the time that access tokens are kept in mind, and follows from there.
    pub(crate) async fn start(
        registry: impl SessionRegistry,
        kept: Duration,
    ) -> Result<Arc<Self>, RegistryError> {
        let node = Self {
            engine: Box::new(registry),
            ended: EndedSessions::new(kept),
            answered: LastHeard::now(),
            is_silent: AtomicBool::new(false),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            named: Arc::new(Semaphore::new(MOST_NAMED)),
            #[cfg(feature = "live")]
            live: OnceLock::new(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = now.unwrap_or_default().saturating_sub(kept).as_secs();
        let (endings, position) = node.engine.feed(None, since).await?;
        node.ended.insert(&endings);
        node.note_answer();
        let node = Arc::new(node);
        tokio::spawn(follow(Arc::downgrade(&node), position));
        Ok(node)
    }

    /// Has those hear of it who wait for the end of a session.
    #[cfg(feature = "live")]
    pub(crate) fn tells(&self, live: Live) {
        // One set of sessions has a node.
        let _ = self.live.set(live);
    }

    fn note_ended(&self, endings: &[Ending]) {
        if endings.is_empty() {
            return;
        }
        self.ended.insert(endings);
        #[cfg(feature = "live")]
        self.tell_live();
    }

    #[cfg(feature = "live")]
    fn tell_live(&self) {
        if let Some(live) = self.live.get() {
            live.end_what_is_over();
        }
    }

    /// How long ago the registry last answered the feed.
    pub(crate) fn lag(&self) -> Duration {
        self.answered.ago()
    }

    /// The lag, while the registry does not answer.
    #[inline]
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.is_silent.load(Ordering::Relaxed).then(|| self.lag())
    }

    fn note_answer(&self) {
        self.answered.note();
        if self.is_silent.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "stateless_session", "the session registry answers again");
        }
    }

    fn note_silence(&self, cause: &RegistryError) {
        if !self.is_silent.swap(true, Ordering::Relaxed) {
            let cause = Chain(cause);
            tracing::error!(target: "stateless_session", %cause, "the session registry does not answer; nothing is heard of sessions that end elsewhere");
        }
    }

    /// A login or a refresh.
    pub(crate) async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, RegistryError> {
        self.engine.seen(seen).await
    }

    /// Writes a login down, behind its answer.
    pub(crate) fn write_down(self: &Arc<Self>, login: OwnedSeen) {
        let lost = |cause: &dyn std::fmt::Display| {
            tracing::warn!(target: "stateless_session", %cause, "a login was not written down; its first refresh does that");
        };
        let Ok(runtime) = Handle::try_current() else {
            return lost(&"no async runtime");
        };
        let Some(permit) = permit(&self.waiting) else {
            return lost(&"too much waits for the session registry");
        };
        let node = Arc::clone(self);
        runtime.spawn(async move {
            match node.engine.seen(&login.seen()).await {
                Ok(record) if record.ended_at.is_some() => {
                    tracing::warn!(target: "stateless_session", sid = login.sid.short(), "a login counts no more: its session, or all of its user's, ended on another node before it was written down");
                }
                Ok(_) => {}
                Err(cause) => lost(&Chain(&cause)),
            }
            drop(permit);
        });
    }

    pub(crate) async fn list(
        &self,
        audience: &str,
        subject: &str,
    ) -> Result<Vec<SessionRecord>, RegistryError> {
        let mut records = self.engine.list(audience, subject).await?;
        records.retain(|record| record.ended_at.is_none());
        records.sort_by(|a, b| b.seen_at.cmp(&a.seen_at).then_with(|| a.sid.cmp(&b.sid)));
        Ok(records)
    }

    /// Ends what is known to be the subject's: here at once, and in the registry as soon as it answers, whoever stops waiting
    /// for that.
    pub(crate) async fn end(self: &Arc<Self>, ending: Ending) -> Result<(), RegistryError> {
        self.note_ended(std::slice::from_ref(&ending));
        let told = self.until_told(permit(&self.waiting), move |node| {
            let ending = ending.clone();
            async move { node.engine.end(&ending).await.map(|()| true) }
        });
        told.await.map(drop)
    }

    /// Ends one of the subject's own sessions; whether there is one of this name.
    pub(crate) async fn end_own(
        self: &Arc<Self>,
        ending: Ending,
        sid: Sid,
    ) -> Result<bool, RegistryError> {
        // Nothing is noted that is not asked about, or guesses would fill the memory while nobody answers.
        let permit = permit(&self.named);
        let owner = self.ended.owner(&ending.audience, &ending.subject);
        if permit.is_some() {
            self.ended.insert_unconfirmed(&sid, owner);
            #[cfg(feature = "live")]
            self.tell_live();
        }
        self.until_told(permit, move |node| {
            let ending = ending.clone();
            async move {
                let own = node.engine.list(&ending.audience, &ending.subject).await?;
                let is_own = |record: &SessionRecord| {
                    record.ended_at.is_none() && record.sid == sid.as_str()
                };
                if !own.iter().any(is_own) {
                    node.ended.remove_unconfirmed(&sid, owner);
                    return Ok(false);
                }
                node.engine.end(&ending).await?;
                node.note_ended(std::slice::from_ref(&ending));
                Ok(true)
            }
        })
        .await
    }

    /// Tries until the registry has answered, in a task of its own. What the first try gave.
    async fn until_told<F>(
        self: &Arc<Self>,
        permit: Option<OwnedSemaphorePermit>,
        attempt: impl Fn(Arc<Self>) -> F + Send + 'static,
    ) -> Result<bool, RegistryError>
    where
        F: Future<Output = Result<bool, RegistryError>> + Send,
    {
        let Some(permit) = permit else {
            tracing::error!(target: "stateless_session", "too much waits for the session registry: an ending is not told to it, and the session goes on where nothing was heard of that");
            return Err(RegistryError::NO_ANSWER);
        };
        let (told, first) = oneshot::channel();
        let node = Arc::clone(self);
        tokio::spawn(async move {
            let mut told = Some(told);
            let mut retry = LEAST_RETRY;
            loop {
                let cause = match attempt(Arc::clone(&node)).await {
                    Ok(found) => {
                        told.take().map(|told| told.send(Ok(found)));
                        break;
                    }
                    Err(cause) => cause,
                };
                if let Some(told) = told.take() {
                    let why = Chain(&cause);
                    tracing::error!(target: "stateless_session", cause = %why, "a session ended here; its copies end when the session registry answers");
                    let _ = told.send(Err(cause));
                }
                sleep(retry).await;
                retry = (retry * 2).min(MOST_RETRY);
            }
            drop(permit);
        });
        // Nobody waits for what is known not to answer.
        if self.silence().is_some() {
            return Err(RegistryError::NO_ANSWER);
        }
        // A runtime that ends takes the task with it.
        first.await.unwrap_or(Err(RegistryError::NO_ANSWER))
    }
}

fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).try_acquire_owned().ok()
}

/// Reads the feed for as long as anybody has the node.
async fn follow(node: Weak<Node>, mut position: String) {
    let mut turn: usize = 0;
    loop {
        turn = turn.wrapping_add(1);
        let Some(node) = node.upgrade() else { return };
        let asked = Instant::now();
        let pause = match node.engine.feed(Some(&position), 0).await {
            Ok((endings, next)) => {
                position = next;
                node.note_ended(&endings);
                node.note_answer();
                // A registry that does not wait is not asked all the time.
                if endings.is_empty() {
                    PAUSE.saturating_sub(asked.elapsed())
                } else {
                    PAUSE
                }
            }
            Err(cause) => {
                node.note_silence(&cause);
                MOST_RETRY / 2
            }
        };
        node.ended.sweep(turn);
        drop(node);
        sleep(pause).await;
    }
}

/// [`Seen`] of a login that is written down behind its answer.
pub(crate) struct OwnedSeen {
    pub(crate) audience: String,
    pub(crate) subject: String,
    pub(crate) sid: Sid,
    pub(crate) auth_time: u64,
    pub(crate) at: u64,
    pub(crate) ends_at: u64,
    pub(crate) user_agent: Option<String>,
    pub(crate) grace: u64,
}

impl OwnedSeen {
    fn seen(&self) -> Seen<'_> {
        Seen {
            audience: &self.audience,
            subject: &self.subject,
            sid: self.sid.as_str(),
            auth_time: self.auth_time,
            at: self.at,
            ends_at: self.ends_at,
            user_agent: self.user_agent.as_deref(),
            iat: self.at,
            grace: self.grace,
        }
    }
}
