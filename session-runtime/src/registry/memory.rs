//! A registry in the memory of one process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::registry::SessionRegistry;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::rotation::Rotation;
use crate::registry::seen::Seen;

/// How long a read waits for something to end.
const WAITS: Duration = Duration::from_secs(1);

/// A session registry in memory, for development, for tests, and for an application that is one process: with that it is gone,
/// and every session is taken over by the next one.
///
/// Clones share what they hold, so that a test can have several nodes.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use stateless_session::{Keys, MemoryRegistry, Sessions, stateless_session};
///
/// #[stateless_session(access = "15m", refresh = "7d", revocation = "best-effort")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// pub struct Claims {
///     sub: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = Sessions::<Claims>::with_registry(Keys::generate()?, MemoryRegistry::new()).await?;
/// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
/// sessions.end_all(&7).await?;
/// assert!(sessions.verify(login.access_token()).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryRegistry(Arc<Shared>);

#[derive(Default)]
struct Shared {
    rows: Mutex<Rows>,
    ended: Notify,
}

#[derive(Default)]
struct Rows {
    sessions: HashMap<Key, Row>,
    /// When all sessions of a subject ended, and until when that is to be known.
    subjects: HashMap<(String, String), (u64, u64)>,
    endings: Vec<Ending>,
    /// How many were forgotten.
    forgotten: usize,
}

/// Audience, subject, sid.
type Key = (String, String, String);

struct Row {
    record: SessionRecord,
    ends_at: u64,
}

impl MemoryRegistry {
    /// One without sessions.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn seen(&mut self, seen: &Seen<'_>) -> SessionRecord {
        let owner = (seen.audience.to_owned(), seen.subject.to_owned());
        let all_ended = self.subjects.get(&owner).map(|(at, _)| *at);
        let key = (owner.0, owner.1, seen.sid.to_owned());
        let row = self.sessions.entry(key).or_insert_with(|| Row::first(seen));
        let record = &mut row.record;
        record.rotation = record.rotation.after(seen);
        record.seen_at = record.seen_at.max(seen.at);
        row.ends_at = row.ends_at.max(seen.ends_at);
        if let Some(user_agent) = seen.user_agent {
            record.user_agent = Some(user_agent.to_owned());
        }
        with_all_ended(record.clone(), all_ended)
    }

    fn end(&mut self, ending: &Ending) {
        let (audience, subject) = (ending.audience.clone(), ending.subject.clone());
        if let Some(sid) = &ending.sid {
            let key = (audience, subject, sid.clone());
            let row = self
                .sessions
                .entry(key)
                .or_insert_with(|| Row::unknown(sid, ending.at));
            row.record.ended_at.get_or_insert(ending.at);
            row.ends_at = row.ends_at.max(ending.ends_at);
        } else {
            let all = self.subjects.entry((audience, subject)).or_default();
            *all = (all.0.max(ending.at), all.1.max(ending.ends_at));
        }
        self.endings.push(ending.clone());
    }

    /// What no token can need any more goes, as of the time that is told.
    fn forget(&mut self, now: u64) {
        self.sessions.retain(|_, row| row.ends_at >= now);
        self.subjects.retain(|_, (_, ends_at)| *ends_at >= now);
        let over = self
            .endings
            .iter()
            .take_while(|ending| ending.ends_at < now)
            .count();
        self.forgotten += self.endings.drain(..over).count();
    }
}

impl Row {
    fn first(seen: &Seen<'_>) -> Self {
        let record = SessionRecord {
            sid: seen.sid.to_owned(),
            auth_time: seen.auth_time,
            seen_at: seen.at,
            user_agent: None,
            ended_at: None,
            rotation: Rotation::first(seen),
        };
        Self {
            record,
            ends_at: seen.ends_at,
        }
    }

    fn unknown(sid: &str, at: u64) -> Self {
        let rotation = Rotation {
            previous: 0,
            current: 0,
            issued: 0,
            issued_at: 0,
        };
        let record = SessionRecord {
            sid: sid.to_owned(),
            auth_time: at,
            seen_at: at,
            user_agent: None,
            ended_at: None,
            rotation,
        };
        Self { record, ends_at: 0 }
    }
}

fn with_all_ended(mut record: SessionRecord, all_ended: Option<u64>) -> SessionRecord {
    let ended = all_ended.filter(|at| record.auth_time <= *at);
    record.ended_at = record.ended_at.or(ended);
    record
}

impl SessionRegistry for MemoryRegistry {
    type Error = Infallible;

    async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, Infallible> {
        let mut rows = self.rows();
        rows.forget(seen.at);
        Ok(rows.seen(seen))
    }

    async fn end(&self, ending: &Ending) -> Result<(), Infallible> {
        self.rows().end(ending);
        self.0.ended.notify_waiters();
        Ok(())
    }

    async fn list(&self, audience: &str, subject: &str) -> Result<Vec<SessionRecord>, Infallible> {
        let rows = self.rows();
        let owner = (audience.to_owned(), subject.to_owned());
        let all_ended = rows.subjects.get(&owner).map(|(at, _)| *at);
        let own = rows
            .sessions
            .iter()
            .filter(|((of, whose, _), _)| of == audience && whose == subject);
        Ok(own
            .map(|(_, row)| with_all_ended(row.record.clone(), all_ended))
            .collect())
    }

    async fn feed(
        &self,
        position: Option<&str>,
        // Everything that it still knows, because a test's clock may be of another time.
        _since: u64,
    ) -> Result<(Vec<Ending>, String), Infallible> {
        let position: Option<usize> = position.and_then(|position| position.parse().ok());
        let read = || {
            let rows = self.rows();
            let next = rows.forgotten + rows.endings.len();
            let known = position.unwrap_or_default().saturating_sub(rows.forgotten);
            let endings: Vec<_> = rows.endings.iter().skip(known).cloned().collect();
            (endings, next.to_string())
        };
        // Before it is looked, so that nothing ends in between unseen.
        let mut ended = std::pin::pin!(self.0.ended.notified());
        ended.as_mut().enable();
        let answer = read();
        if position.is_some() && answer.0.is_empty() {
            let _ = timeout(WAITS, ended).await;
            return Ok(read());
        }
        Ok(answer)
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryRegistry")
    }
}
