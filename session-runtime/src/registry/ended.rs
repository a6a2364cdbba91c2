//! The sessions that have ended and whose access tokens may still be about: a set in memory, read at every request without a
//! lock.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::cookies::marker::Sid;
use crate::registry::record::Ending;

/// One more entry copies one of so many parts.
const SHARDS: usize = 64;

/// Whom a session belongs to: a digest of audience and subject, by a key of this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Owner(u64);

/// Of an ended session. Bytes, because an entry without gaps is a quarter smaller.
#[derive(Clone, Copy)]
struct OfSession {
    owner: [u8; 8],
    /// With [`UNCONFIRMED`] beside the seconds.
    kept_until: [u8; 4],
}

/// Nobody but the session's owner said so yet. No process counts so many seconds.
const UNCONFIRMED: u32 = 1 << 31;

impl OfSession {
    fn new(Owner(owner): Owner, kept_until: u32) -> Self {
        Self {
            owner: owner.to_ne_bytes(),
            kept_until: kept_until.to_ne_bytes(),
        }
    }

    fn is_of(&self, Owner(owner): Owner) -> bool {
        self.owner == owner.to_ne_bytes()
    }

    fn is_unconfirmed(&self) -> bool {
        u32::from_ne_bytes(self.kept_until) & UNCONFIRMED != 0
    }

    fn is_over(&self, now: u32) -> bool {
        u32::from_ne_bytes(self.kept_until) & !UNCONFIRMED < now
    }
}

/// Of a subject whose sessions ended, those that had begun by `at`.
#[derive(Clone, Copy)]
struct OfSubject {
    at: u64,
    kept_until: u32,
}

type Shard = HashMap<Sid, OfSession, SidHash>;

pub(crate) struct EndedSessions {
    digest: RandomState,
    hash: SidHash,
    sessions: [ArcSwap<Shard>; SHARDS],
    subjects: ArcSwap<HashMap<Owner, OfSubject>>,
    session_count: AtomicUsize,
    subject_count: AtomicUsize,
    /// Held by whoever changes something.
    turn: Mutex<()>,
    /// How long an entry is kept: until every access token from before it is past its end.
    kept: Duration,
    began: Instant,
}

impl EndedSessions {
    pub(crate) fn new(kept: Duration) -> Self {
        let hash = SidHash::random();
        Self {
            digest: RandomState::new(),
            sessions: std::array::from_fn(|_| {
                ArcSwap::from_pointee(HashMap::with_hasher(hash.clone()))
            }),
            hash,
            subjects: ArcSwap::default(),
            session_count: AtomicUsize::new(0),
            subject_count: AtomicUsize::new(0),
            turn: Mutex::new(()),
            kept,
            began: Instant::now(),
        }
    }

    pub(crate) fn owner(&self, audience: &str, subject: &str) -> Owner {
        Owner(self.digest.hash_one((audience, subject)))
    }

    /// Whether a session has ended; `owner` is asked only where an entry might be about it.
    #[inline]
    pub(crate) fn contains(
        &self,
        sid: &Sid,
        auth_time: u64,
        owner: impl FnOnce() -> Option<Owner>,
    ) -> bool {
        let of_session = if self.session_count.load(Ordering::Relaxed) == 0 {
            None
        } else {
            self.shard(sid).load().get(sid).copied()
        };
        let of_subjects = self.subject_count.load(Ordering::Relaxed) > 0;
        if of_session.is_none() && !of_subjects {
            return false;
        }
        // Whose session it is cannot be told: nobody's token should come that far.
        let Some(owner) = owner() else { return true };
        if of_session.is_some_and(|entry| entry.is_of(owner)) {
            return true;
        }
        of_subjects && self.ended_with_all(owner).is_some_and(|at| auth_time <= at)
    }

    /// Until when sessions of a subject must have begun to be ended with all of them.
    pub(crate) fn ended_with_all(&self, owner: Owner) -> Option<u64> {
        self.subjects.load().get(&owner).map(|entry| entry.at)
    }

    pub(crate) fn insert(&self, endings: &[Ending]) {
        let kept_until = self.kept_until();
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shards: HashMap<usize, Shard> = HashMap::new();
        let mut subjects = None;
        for ending in endings {
            let owner = self.owner(&ending.audience, &ending.subject);
            let Some(sid) = &ending.sid else {
                let subjects = subjects.get_or_insert_with(|| (*self.subjects.load_full()).clone());
                let entry = subjects.entry(owner).or_insert(OfSubject {
                    at: ending.at,
                    kept_until,
                });
                entry.at = entry.at.max(ending.at);
                entry.kept_until = kept_until;
                continue;
            };
            // What is none was written by somebody else.
            let Some(sid) = Sid::read(sid.as_bytes()) else {
                continue;
            };
            let index = Self::index(&sid);
            let shard = shards
                .entry(index)
                .or_insert_with(|| (**self.shard(&sid).load()).clone());
            shard.insert(sid, OfSession::new(owner, kept_until));
        }
        for (index, shard) in shards {
            self.replace(index, shard);
        }
        if let Some(subjects) = subjects {
            self.replace_subjects(subjects);
        }
    }

    /// The same of a session that may be somebody else's, who said only its name: it displaces nothing, since it would bring
    /// back to life what has ended.
    pub(crate) fn insert_unconfirmed(&self, sid: &Sid, owner: Owner) {
        let entry = OfSession::new(owner, self.kept_until() | UNCONFIRMED);
        self.change(sid, |shard| {
            shard.entry(*sid).or_insert(entry);
        });
    }

    /// Takes back what the registry turned out not to know; what it has said since stays.
    pub(crate) fn remove_unconfirmed(&self, sid: &Sid, owner: Owner) {
        self.change(sid, |shard| {
            let is_guess = |entry: &OfSession| entry.is_unconfirmed() && entry.is_of(owner);
            if shard.get(sid).is_some_and(is_guess) {
                shard.remove(sid);
            }
        });
    }

    fn change(&self, sid: &Sid, change: impl FnOnce(&mut Shard)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shard = (**self.shard(sid).load()).clone();
        change(&mut shard);
        self.replace(Self::index(sid), shard);
    }

    /// Forgets what no access token can need any more, in one part of the set after the other.
    pub(crate) fn sweep(&self, turn: usize) {
        let now = self.seconds();
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let index = turn % SHARDS;
        if let Some(shard) = self.sessions.get(index) {
            let shard = shard.load_full();
            let is_over = |entry: &OfSession| entry.is_over(now);
            if shard.values().any(is_over) {
                let mut rest: Shard = HashMap::with_hasher(self.hash.clone());
                rest.extend(shard.iter().filter(|(_, entry)| !is_over(entry)));
                self.replace(index, rest);
            }
        }
        let subjects = self.subjects.load_full();
        if subjects.values().any(|entry| entry.kept_until < now) {
            let mut subjects = (*subjects).clone();
            subjects.retain(|_, entry| entry.kept_until >= now);
            self.replace_subjects(subjects);
        }
    }

    fn replace(&self, index: usize, shard: Shard) {
        let Some(slot) = self.sessions.get(index) else {
            return;
        };
        let more = shard.len();
        let fewer = slot.swap(Arc::new(shard)).len();
        self.session_count.fetch_add(more, Ordering::Relaxed);
        self.session_count.fetch_sub(fewer, Ordering::Relaxed);
    }

    fn replace_subjects(&self, subjects: HashMap<Owner, OfSubject>) {
        let count = subjects.len();
        self.subjects.store(Arc::new(subjects));
        self.subject_count.store(count, Ordering::Relaxed);
    }

    #[inline]
    fn index(sid: &Sid) -> usize {
        sid.spread() % SHARDS
    }

    #[inline]
    fn shard(&self, sid: &Sid) -> &ArcSwap<Shard> {
        let [first, ..] = &self.sessions;
        self.sessions.get(Self::index(sid)).unwrap_or(first)
    }

    fn kept_until(&self) -> u32 {
        let kept = self.kept.saturating_add(Duration::from_secs(1));
        seconds(self.began.elapsed().saturating_add(kept))
    }

    fn seconds(&self) -> u32 {
        seconds(self.began.elapsed())
    }
}

fn seconds(duration: Duration) -> u32 {
    let most = UNCONFIRMED - 1;
    u32::try_from(duration.as_secs()).unwrap_or(most).min(most)
}

/// A `sid` is the half of a digest, so that one multiplication by a number of this process spreads what stands in eight of its
/// letters.
#[derive(Clone)]
struct SidHash(u64);

impl SidHash {
    fn random() -> Self {
        Self(RandomState::new().hash_one(()) | 1)
    }
}

impl BuildHasher for SidHash {
    type Hasher = SidHasher;

    #[inline]
    fn build_hasher(&self) -> SidHasher {
        SidHasher {
            factor: self.0,
            hash: 0,
        }
    }
}

struct SidHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for SidHasher {
    #[inline]
    fn write(&mut self, sid: &[u8]) {
        if let Some(letters) = sid.last_chunk() {
            let spread = u64::from_ne_bytes(*letters).wrapping_mul(self.factor);
            self.hash = spread ^ (spread >> 32);
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(910);

    fn sid(number: usize) -> Sid {
        Sid::of_marker(number.to_string().as_bytes())
    }

    fn ending(subject: &str, sid: Option<&Sid>, at: u64) -> Ending {
        Ending {
            audience: "shop".to_owned(),
            subject: subject.to_owned(),
            sid: sid.map(|sid| sid.as_str().to_owned()),
            at,
            ends_at: at + 700_000,
        }
    }

    fn contains(set: &EndedSessions, subject: &str, sid: &Sid, auth_time: u64) -> bool {
        set.contains(sid, auth_time, || Some(set.owner("shop", subject)))
    }

    #[test]
    fn a_session_is_ended_by_its_own_subject_alone() {
        let set = EndedSessions::new(KEPT);
        assert!(!contains(&set, "7", &sid(1), 100));
        set.insert(&[ending("8", Some(&sid(1)), 200)]);
        assert!(!contains(&set, "7", &sid(1), 100));
        set.insert(&[ending("7", Some(&sid(1)), 200)]);
        assert!(contains(&set, "7", &sid(1), 100));
        assert!(!contains(&set, "7", &sid(2), 100));
        let elsewhere = || Some(set.owner("billing", "7"));
        assert!(!set.contains(&sid(1), 100, elsewhere));
    }

    /// Whoever knows the name of a session that has ended, from a copy of its token, and has one of his own.
    #[test]
    fn a_guess_displaces_nothing_and_takes_nothing_back() {
        let set = EndedSessions::new(KEPT);
        let (ada, mallory) = (set.owner("shop", "7"), set.owner("shop", "8"));
        set.insert(&[ending("7", Some(&sid(1)), 200)]);
        set.insert_unconfirmed(&sid(1), mallory);
        assert!(contains(&set, "7", &sid(1), 100));
        set.remove_unconfirmed(&sid(1), mallory);
        assert!(contains(&set, "7", &sid(1), 100));
        // Nor does the owner, who says it once more.
        set.insert_unconfirmed(&sid(1), ada);
        set.remove_unconfirmed(&sid(1), ada);
        assert!(contains(&set, "7", &sid(1), 100));
        set.insert_unconfirmed(&sid(2), ada);
        assert!(contains(&set, "7", &sid(2), 100));
        set.remove_unconfirmed(&sid(2), ada);
        assert!(!contains(&set, "7", &sid(2), 100));
    }

    #[test]
    fn all_sessions_of_a_subject_are_those_that_had_begun() {
        let set = EndedSessions::new(KEPT);
        set.insert(&[ending("7", None, 200), ending("7", None, 150)]);
        assert!(contains(&set, "7", &sid(1), 200));
        assert!(!contains(&set, "7", &sid(1), 201));
        assert!(!contains(&set, "8", &sid(1), 100));
        assert_eq!(set.ended_with_all(set.owner("shop", "7")), Some(200));
        assert_eq!(set.ended_with_all(set.owner("billing", "7")), None);
    }

    #[test]
    fn a_hundred_thousand_entries_are_found_counted_and_forgotten() {
        let set = EndedSessions::new(KEPT);
        let endings: Vec<_> = (0..100_000)
            .map(|number| ending("7", Some(&sid(number)), 200))
            .collect();
        set.insert(&endings);
        set.insert(&endings[..1_000]);
        assert_eq!(set.session_count.load(Ordering::Relaxed), 100_000);
        assert!((0..100_000).all(|number| contains(&set, "7", &sid(number), 100)));
        assert!((100_000..200_000).all(|number| !contains(&set, "7", &sid(number), 100)));
        let largest = set
            .sessions
            .iter()
            .map(|shard| shard.load().len())
            .max()
            .unwrap();
        assert!(largest < 2_000, "{largest} of 100,000 in one shard of 64");

        // An entry that was to be kept for less than nothing is over a second later, and the others stay.
        for turn in 0..SHARDS {
            set.sweep(turn);
        }
        assert_eq!(set.session_count.load(Ordering::Relaxed), 100_000);
        let set = EndedSessions {
            began: Instant::now().checked_sub(Duration::from_secs(10)).unwrap(),
            ..set
        };
        set.insert(&endings[..10]);
        let later = EndedSessions {
            began: Instant::now()
                .checked_sub(KEPT + Duration::from_secs(5))
                .unwrap(),
            ..set
        };
        for turn in 0..SHARDS {
            later.sweep(turn);
        }
        assert_eq!(later.session_count.load(Ordering::Relaxed), 10);
    }

    /// Of hashbrown's table: an entry and one byte of control for it, at the load that it has right after it grew.
    #[test]
    fn an_entry_takes_at_most_80_bytes() {
        let entry = size_of::<(Sid, OfSession)>() + 1;
        assert!(entry * 16 / 7 <= 80, "{entry}");
    }

    #[test]
    fn what_is_no_sid_is_left_out() {
        let set = EndedSessions::new(KEPT);
        let stranger = Ending {
            sid: Some("no sid".to_owned()),
            ..ending("7", None, 200)
        };
        set.insert(&[stranger]);
        assert_eq!(set.session_count.load(Ordering::Relaxed), 0);
    }
}
