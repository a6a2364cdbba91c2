//! Whether a registry keeps what [`SessionRegistry`] says.

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cookies::marker::Sid;
use crate::registry::SessionRegistry;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::rotation::Rotation;
use crate::registry::seen::Seen;

/// In seconds: longer than any test.
const LIFETIME: u64 = 7 * 24 * 60 * 60;

const GRACE: u64 = 30;

/// So often an ending is looked for, in reads that wait for a second at most.
const READS: usize = 20;

/// Runs a registry through what every one has to do: `one` and `other` are two nodes' connections to the same engine.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use stateless_session::MemoryRegistry;
///
/// let registry = MemoryRegistry::new();
/// stateless_session::testing::registry(&registry.clone(), &registry).await;
/// # }
/// ```
///
/// # Panics
///
/// With what the registry did otherwise.
pub async fn registry<R: SessionRegistry>(one: &R, other: &R) {
    let nodes = Nodes {
        one,
        other,
        shop: format!("shop {}:\"ä\"", random()),
        begun: now(),
    };
    nodes.writes_down().await;
    nodes.lists_one_subjects_sessions().await;
    nodes.rotates().await;
    nodes.ends_one().await;
    nodes.ends_all().await;
    nodes.feeds().await;
    nodes.leaves_nothing_out().await;
}

struct Nodes<'a, R> {
    one: &'a R,
    other: &'a R,
    /// An audience of this run's own.
    shop: String,
    begun: u64,
}

/// A subject of a test's own, with what keys and messages might be confused by.
fn subject(name: &str) -> String {
    format!("{name}:'{{\"→ {}", random())
}

fn sid() -> String {
    Sid::of_marker(&random().to_ne_bytes()).as_str().to_owned()
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.unwrap_or_default().as_secs()
}

fn answer<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(answer: Result<T, E>) -> T {
    answer
        .map_err(Into::into)
        .unwrap_or_else(|error| panic!("the registry failed: {error}"))
}

impl<R: SessionRegistry> Nodes<'_, R> {
    fn login<'a>(&'a self, subject: &'a str, sid: &'a str) -> Seen<'a> {
        Seen {
            audience: &self.shop,
            subject,
            sid,
            auth_time: self.begun,
            at: self.begun,
            ends_at: self.begun + LIFETIME,
            user_agent: Some("Firefox"),
            iat: self.begun,
            grace: GRACE,
        }
    }

    fn ending(&self, subject: &str, sid: Option<&str>, at: u64) -> Ending {
        Ending {
            audience: self.shop.clone(),
            subject: subject.to_owned(),
            sid: sid.map(str::to_owned),
            at,
            ends_at: at + LIFETIME,
        }
    }

    async fn seen(&self, seen: &Seen<'_>) -> SessionRecord {
        answer(self.one.seen(seen).await)
    }

    async fn writes_down(&self) {
        let (subject, sid) = (subject("ada"), sid());
        let login = self.login(&subject, &sid);
        let record = self.seen(&login).await;
        let expected = SessionRecord {
            sid: sid.clone(),
            auth_time: login.auth_time,
            seen_at: login.at,
            user_agent: Some("Firefox".to_owned()),
            ended_at: None,
            rotation: Rotation::first(&login),
        };
        same("a login", &record, &expected);
        same("the same again", &self.seen(&login).await, &expected);
        let refresh = Seen {
            at: login.at + 900,
            user_agent: None,
            grace: 0,
            ..login
        };
        let expected = SessionRecord {
            seen_at: refresh.at,
            ..expected
        };
        same(
            "a refresh",
            &answer(self.other.seen(&refresh).await),
            &expected,
        );
        let late = Seen {
            at: login.at + 300,
            user_agent: Some("Safari"),
            ..refresh
        };
        let expected = SessionRecord {
            user_agent: Some("Safari".to_owned()),
            ..expected
        };
        same("one that comes late", &self.seen(&late).await, &expected);
    }

    async fn lists_one_subjects_sessions(&self) {
        let (ada, bob) = (subject("ada"), subject("bob"));
        let (first, second, third) = (sid(), sid(), sid());
        for (subject, sid) in [(&ada, &first), (&ada, &second), (&bob, &third)] {
            self.seen(&self.login(subject, sid)).await;
        }
        let elsewhere = Seen {
            audience: "billing",
            ..self.login(&ada, &third)
        };
        self.seen(&elsewhere).await;
        let listed = self.listed(&ada).await;
        let mut expected = vec![first, second];
        expected.sort();
        assert_eq!(listed, expected, "`list` of a subject with two sessions");
        assert_eq!(
            self.listed(&subject("nobody")).await,
            [""; 0],
            "`list` of an unknown subject"
        );
    }

    /// Of the sessions that have not ended, in an order of the test's.
    async fn listed(&self, subject: &str) -> Vec<String> {
        let records = answer(self.other.list(&self.shop, subject).await);
        let alive = records
            .into_iter()
            .filter(|record| record.ended_at.is_none());
        let mut sids: Vec<_> = alive.map(|record| record.sid).collect();
        sids.sort();
        sids
    }

    /// Every step beside the rule itself, with tokens of this and earlier moments.
    async fn rotates(&self) {
        for _ in 0..10 {
            let (subject, sid) = (subject("ada"), sid());
            let login = self.login(&subject, &sid);
            let mut rotation = self.seen(&login).await.rotation;
            let mut known = vec![login.iat];
            let mut at = login.at;
            for _ in 0..30 {
                at += random() % (2 * GRACE);
                let index = usize::try_from(random()).unwrap_or_default() % known.len();
                let iat = known.get(index).copied().unwrap_or(at);
                let grace = if random().is_multiple_of(4) { 0 } else { GRACE };
                let seen = Seen {
                    at,
                    iat,
                    grace,
                    ..login
                };
                rotation = rotation.after(&seen);
                let node = if random().is_multiple_of(2) {
                    self.one
                } else {
                    self.other
                };
                let record = answer(node.seen(&seen).await);
                assert_eq!(
                    record.rotation, rotation,
                    "after a token of {iat} at {at} with a grace of {grace}"
                );
                known.push(rotation.issued);
            }
        }
    }

    async fn ends_one(&self) {
        let subject = subject("ada");
        let (ended, other) = (sid(), sid());
        for sid in [&ended, &other] {
            self.seen(&self.login(&subject, sid)).await;
        }
        let at = self.begun + 10;
        answer(self.one.end(&self.ending(&subject, Some(&ended), at)).await);
        answer(
            self.other
                .end(&self.ending(&subject, Some(&ended), at + 5))
                .await,
        );
        let refresh = Seen {
            at: at + 20,
            ..self.login(&subject, &ended)
        };
        assert_eq!(
            self.seen(&refresh).await.ended_at,
            Some(at),
            "a session that ended twice"
        );
        assert_eq!(
            self.seen(&self.login(&subject, &other)).await.ended_at,
            None,
            "another session"
        );
        assert_eq!(self.listed(&subject).await, [other], "`list` after an end");

        let unknown = sid();
        answer(
            self.one
                .end(&self.ending(&subject, Some(&unknown), at))
                .await,
        );
        let seen = self.login(&subject, &unknown);
        let record = answer(self.other.seen(&seen).await);
        assert_eq!(
            record.ended_at,
            Some(at),
            "a session that ended before it was seen"
        );
    }

    async fn ends_all(&self) {
        let (subject, bob) = (subject("ada"), subject("bob"));
        let (before, after, others, unknown) = (sid(), sid(), sid(), sid());
        self.seen(&self.login(&subject, &before)).await;
        self.seen(&self.login(&bob, &others)).await;
        let at = self.begun + 10;
        answer(self.one.end(&self.ending(&subject, None, at)).await);
        answer(self.one.end(&self.ending(&subject, None, at - 5)).await);
        let later = Seen {
            auth_time: at + 1,
            at: at + 1,
            iat: at + 1,
            ..self.login(&subject, &after)
        };
        let same_second = Seen {
            auth_time: at,
            ..self.login(&subject, &unknown)
        };
        let ended_at = [
            answer(self.other.seen(&self.login(&subject, &before)).await).ended_at,
            self.seen(&same_second).await.ended_at,
        ];
        assert_eq!(
            ended_at,
            [Some(at); 2],
            "sessions that began by the moment when all ended"
        );
        assert_eq!(
            self.seen(&later).await.ended_at,
            None,
            "a session that began a second later"
        );
        assert_eq!(
            self.seen(&self.login(&bob, &others)).await.ended_at,
            None,
            "another subject's session"
        );
        assert_eq!(
            self.listed(&subject).await,
            [after],
            "`list` after all ended"
        );
    }

    async fn feeds(&self) {
        let subject = subject("ada");
        let (_, mut position) = answer(self.other.feed(None, self.begun).await);
        let one = self.ending(&subject, Some(&sid()), self.begun + 1);
        let all = self.ending(&subject, None, self.begun + 2);
        let mut missing = vec![one.clone(), all.clone()];
        for ending in &missing {
            answer(self.one.end(ending).await);
        }
        for _ in 0..READS {
            let (endings, next) = answer(self.other.feed(Some(&position), 0).await);
            position = next;
            missing.retain(|ending| !endings.contains(ending));
            if missing.is_empty() {
                break;
            }
        }
        assert!(missing.is_empty(), "the feed left out {missing:?}");
        let (endings, _) = answer(self.other.feed(None, self.begun).await);
        // Two structs of one program follow beside one another.
        let (_, mut second) = answer(self.other.feed(None, self.begun).await);
        let later = self.ending(&subject, Some(&sid()), self.begun + 3);
        answer(self.one.end(&later).await);
        for position in [&mut position, &mut second] {
            let mut is_heard = false;
            for _ in 0..READS {
                let (endings, next) = answer(self.other.feed(Some(position), 0).await);
                *position = next;
                is_heard = is_heard || endings.contains(&later);
                if is_heard {
                    break;
                }
            }
            assert!(
                is_heard,
                "the feed gave an ending to one of two followers alone"
            );
        }
        assert!(
            endings.contains(&one) && endings.contains(&all),
            "the first read left out what ended since"
        );
    }

    /// Many at once, from both nodes, while somebody reads.
    async fn leaves_nothing_out(&self) {
        let subject = subject("ada");
        let (_, mut position) = answer(self.other.feed(None, self.begun).await);
        let endings: Vec<_> = (0..200)
            .map(|_| self.ending(&subject, Some(&sid()), self.begun))
            .collect();
        let (first, second) = endings.split_at(100);
        let mut missing = endings.clone();
        let ends = async {
            let halves = (end_all_of(self.one, first), end_all_of(self.other, second));
            both(halves.0, halves.1).await;
        };
        let reads = async {
            for _ in 0..READS * 10 {
                let (endings, next) = answer(self.other.feed(Some(&position), 0).await);
                position = next;
                missing.retain(|ending| !endings.contains(ending));
                if missing.is_empty() {
                    break;
                }
            }
        };
        both(ends, reads).await;
        assert!(
            missing.is_empty(),
            "the feed left out {} of 200",
            missing.len()
        );
    }
}

async fn end_all_of<R: SessionRegistry>(node: &R, endings: &[Ending]) {
    for ending in endings {
        answer(node.end(ending).await);
    }
}

/// Two futures at once.
async fn both(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut one_is_done, mut other_is_done) = (false, false);
    poll_fn(|context| {
        one_is_done = one_is_done || one.as_mut().poll(context).is_ready();
        other_is_done = other_is_done || other.as_mut().poll(context).is_ready();
        if one_is_done && other_is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

fn same(what: &str, found: &SessionRecord, expected: &SessionRecord) {
    assert_eq!(
        found.rotation, expected.rotation,
        "the rotation after {what}"
    );
    assert_eq!(
        found.user_agent, expected.user_agent,
        "the user agent after {what}"
    );
    assert!(
        found == expected,
        "after {what}: {found:?} instead of {expected:?}"
    );
}
