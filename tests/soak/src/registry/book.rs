//! What is known of every session: who asked for its end, where it is known, and what the engine answered.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use stateless_session::{Ending, Seen, SessionRecord, SessionRegistry};

use crate::choices::Choices;
use crate::ledger::Ledger;
use crate::support::lock;
use crate::world::ACCESS;

#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true or not whatever the others are"
)]
pub struct Entry {
    pub user: usize,
    pub auth_time: u64,
    pub has_copy: bool,
    /// Somebody asked for its end, so it may be refused.
    asked: bool,
    /// The engine answered its ending, so whatever the engine is asked about it is refused.
    answered: bool,
    /// It has to end sooner or later, whatever the engine did meanwhile.
    due: bool,
}

/// All sessions of a user that began until then.
type All = (usize, u64);

#[derive(Default)]
pub struct Book {
    pub ledger: Ledger,
    sessions: Mutex<BTreeMap<String, Entry>>,
    asked: Mutex<Vec<All>>,
    answered: Mutex<Vec<All>>,
    /// Sessions whose end a node logged as a reuse.
    pub reused: Mutex<HashSet<String>>,
    /// How often the engine had no answer to a login or refresh, by session.
    unanswered: Mutex<HashMap<String, usize>>,
}

impl Book {
    pub fn begin(&self, sid: &str, user: usize, auth_time: u64) {
        let entry = Entry {
            user,
            auth_time,
            has_copy: false,
            asked: false,
            answered: false,
            due: false,
        };
        let before = lock(&self.sessions).insert(sid.to_owned(), entry);
        assert!(before.is_none(), "a login without a new `sid`");
    }

    /// The session, with what was asked and answered of all of its user's.
    pub fn entry(&self, sid: &str) -> Entry {
        let mut entry = lock(&self.sessions)[sid];
        let covers = |&(user, at): &All| user == entry.user && entry.auth_time <= at;
        let asked = lock(&self.asked).iter().any(covers);
        let answered = lock(&self.answered).iter().any(covers);
        entry.asked |= asked;
        entry.due |= asked;
        entry.answered |= answered;
        entry
    }

    /// One that nobody has ended by its name.
    pub fn any(&self, choices: &mut Choices) -> Option<(String, usize)> {
        let sessions = lock(&self.sessions);
        let living: Vec<_> = sessions.iter().filter(|(_, entry)| !entry.asked).collect();
        let (sid, entry) = living.get(choices.below(living.len().max(1)))?;
        Some(((*sid).clone(), entry.user))
    }

    pub fn copy(&self, sid: &str) {
        self.change(sid, |entry| entry.has_copy = true);
    }

    pub fn ask(&self, sid: &str) {
        self.change(sid, |entry| entry.asked = true);
    }

    pub fn owe(&self, sid: &str) {
        self.change(sid, |entry| (entry.asked, entry.due) = (true, true));
    }

    pub fn ask_all(&self, user: usize, at: u64) {
        lock(&self.asked).push((user, at));
    }

    pub fn unanswered(&self, sid: &str) -> usize {
        lock(&self.unanswered).get(sid).copied().unwrap_or_default()
    }

    fn change(&self, sid: &str, change: impl FnOnce(&mut Entry)) {
        // A session may end before its login has arrived.
        lock(&self.sessions).get_mut(sid).map(change);
    }
}

impl Entry {
    pub fn may_be_refused(self) -> bool {
        self.asked
    }

    pub fn has_ended(self) -> bool {
        self.answered
    }

    pub fn is_due(self) -> bool {
        self.due
    }
}

/// The endings that a node knows.
#[derive(Default)]
pub struct Known {
    sids: HashMap<String, u64>,
    all: Vec<All>,
    /// The feed gave them, and the node has not come back for more.
    read: Vec<Ending>,
    /// Whether the node asks no engine, from a read that failed until it comes back for more behind one that did not.
    pub is_silent: bool,
    failed: bool,
}

impl Known {
    pub fn end(&mut self, sid: &str, at: u64) {
        self.sids.entry(sid.to_owned()).or_insert(at);
    }

    pub fn end_all(&mut self, user: usize, at: u64) {
        self.all.push((user, at));
    }

    /// Whether the node has to refuse the session. It keeps an ending in mind for as long as access tokens of before live.
    pub fn refuses(&self, sid: &str, entry: Entry, now: u64) -> bool {
        let is_kept = |at: u64| now <= at + ACCESS;
        self.sids.get(sid).is_some_and(|at| is_kept(*at))
            || self
                .all
                .iter()
                .any(|&(user, at)| user == entry.user && entry.auth_time <= at && is_kept(at))
    }

    fn settle(&mut self) {
        self.is_silent &= self.failed;
        for Ending {
            subject, sid, at, ..
        } in std::mem::take(&mut self.read)
        {
            match sid {
                Some(sid) => self.end(&sid, at),
                None => self.end_all(user(&subject), at),
            }
        }
    }
}

/// A node's registry, whose answers the book hears of.
pub struct Watched<R> {
    pub engine: R,
    pub book: Arc<Book>,
    pub known: Arc<Mutex<Known>>,
}

impl<R: SessionRegistry> SessionRegistry for Watched<R> {
    type Error = R::Error;

    async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, R::Error> {
        let unanswered = Unanswered {
            book: &self.book,
            sid: seen.sid,
        };
        let record = self.engine.seen(seen).await?;
        std::mem::forget(unanswered);
        Ok(record)
    }

    async fn end(&self, ending: &Ending) -> Result<(), R::Error> {
        self.engine.end(ending).await?;
        match &ending.sid {
            Some(sid) => self.book.change(sid, |entry| entry.answered = true),
            None => lock(&self.book.answered).push((user(&ending.subject), ending.at)),
        }
        Ok(())
    }

    async fn list(&self, audience: &str, subject: &str) -> Result<Vec<SessionRecord>, R::Error> {
        self.engine.list(audience, subject).await
    }

    async fn feed(
        &self,
        position: Option<&str>,
        since: u64,
    ) -> Result<(Vec<Ending>, String), R::Error> {
        lock(&self.known).settle();
        let silence = Silence(&self.known);
        let (endings, position) = self.engine.feed(position, since).await?;
        std::mem::forget(silence);
        let mut known = lock(&self.known);
        known.failed = false;
        known.read.clone_from(&endings);
        Ok((endings, position))
    }
}

/// Begins when it is dropped: a feed failed, or took longer than the node waits for it.
struct Silence<'a>(&'a Mutex<Known>);

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let mut known = lock(self.0);
        known.failed = true;
        known.is_silent = true;
    }
}

/// Counts when it is dropped, since nobody waits longer than two seconds.
struct Unanswered<'a> {
    book: &'a Book,
    sid: &'a str,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let mut unanswered = lock(&self.book.unanswered);
        *unanswered.entry(self.sid.to_owned()).or_default() += 1;
    }
}

fn user(subject: &str) -> usize {
    subject.parse().expect("a subject of this run")
}
