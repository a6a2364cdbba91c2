use std::cmp::Reverse;
use std::collections::BinaryHeap;

use session_runtime::{Rotation, Seen};

/// Seconds.
const GRACE: u64 = 30;
const LOGIN: u64 = 1_000_000;

const BURSTS: usize = 400;
/// So many tabs refresh at about the same time, at most.
const TABS: u64 = 4;
/// Milliseconds between the first and the last tab of a burst.
const BURST: u64 = 1_000;
/// One answer in so many is lost.
const LOST: u64 = 10;

/// What happens to messages, and how far the clocks of two nodes are apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// Milliseconds that a request or its answer takes, at most.
    pub(crate) latest: u64,
    /// Seconds.
    pub(crate) apart: u64,
}

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) refreshes: usize,
    pub(crate) rotations: usize,
    pub(crate) is_refused: bool,
}

/// In the order in which they are told apart at the same time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A tab sends what the jar has by then.
    Send,
    /// A request with a cookie of this `iat` arrives.
    Arrive(u64),
    /// An answer with a cookie of this `iat` arrives.
    Answer(u64),
}

/// One session of a browser, from its login on: bursts of tabs that share a cookie jar.
pub(crate) fn run(network: Network, seed: u64) -> Outcome {
    let mut random = Random(seed);
    let mut outcome = Outcome::default();
    let mut events = BinaryHeap::new();
    let mut rotation = Rotation::first(&presented(LOGIN, LOGIN));
    let mut jar = LOGIN;
    let mut newest = LOGIN;
    let mut begins = LOGIN * 1_000;
    for _ in 0..BURSTS {
        begins += random.gap();
        for _ in 0..=random.below(TABS) {
            events.push(Reverse((begins + random.below(BURST), Event::Send)));
        }
        // Until the next burst, which is not known yet, everything may have landed or not: the last ones stay under way.
        while let Some(Reverse((now, _))) = events.peek() {
            if *now > begins + BURST {
                break;
            }
            let Some(Reverse((now, event))) = events.pop() else {
                break;
            };
            match event {
                Event::Send => {
                    events.push(Reverse((
                        now + random.below(network.latest),
                        Event::Arrive(jar),
                    )));
                }
                Event::Arrive(iat) => {
                    let clock = now / 1_000 + random.below(2) * network.apart;
                    outcome.refreshes += 1;
                    let Some(successor) = refresh(&mut rotation, iat, clock) else {
                        outcome.is_refused = true;
                        return outcome;
                    };
                    if successor > newest {
                        newest = successor;
                        outcome.rotations += 1;
                    }
                    if successor != iat && random.below(LOST) > 0 {
                        events.push(Reverse((
                            now + random.below(network.latest),
                            Event::Answer(successor),
                        )));
                    }
                }
                Event::Answer(iat) => jar = iat,
            }
        }
    }
    outcome
}

/// Browser and copy go on from the same cookie, each for itself, and every message arrives: refreshes of either, until one is
/// refused.
pub(crate) fn refreshes_until_a_copy_shows(seed: u64) -> usize {
    let mut random = Random(seed);
    let mut rotation = Rotation::first(&presented(LOGIN, LOGIN));
    let mut jars = [LOGIN; 2];
    let mut now = LOGIN * 1_000;
    for refreshes in 1.. {
        now += random.gap();
        let jar = &mut jars[usize::from(random.below(2) == 1)];
        let Some(successor) = refresh(&mut rotation, *jar, now / 1_000) else {
            return refreshes;
        };
        *jar = successor;
    }
    unreachable!("it refreshes until it is refused")
}

/// What a registry does: `iat` of the cookie that goes out, or `None` where the one that came had been displaced.
fn refresh(rotation: &mut Rotation, iat: u64, at: u64) -> Option<u64> {
    let seen = presented(iat, at);
    *rotation = rotation.after(&seen);
    rotation.successor(&seen)
}

fn presented(iat: u64, at: u64) -> Seen<'static> {
    Seen {
        audience: "shop",
        subject: "7",
        sid: "ilvbTMFRZBJsbvJmjendJA",
        auth_time: LOGIN,
        at,
        ends_at: u64::MAX,
        user_agent: None,
        iat,
        grace: GRACE,
    }
}

/// Sebastiano Vigna's splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Milliseconds between two bursts: one in two within or about the grace, where it is decided, the others as an access
    /// token ends.
    fn gap(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(GRACE * 1_000),
            1 => GRACE * 1_000 + self.below(GRACE * 1_000),
            _ => self.below(900_000),
        }
    }
}
