//! The application, what happens to it, and the memory of all of it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::extract::{FromRef, State as AxumState};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    Keys, Login, Renew, Renewal, Session, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};
use tokio::sync::watch;

use crate::choices::Choices;
use crate::client::Held;
use crate::ledger::Ledger;
use crate::pages;
use crate::support::{HOUR, HeldClock, MINUTE, START, lock};

pub const ACCESS: u64 = 15 * MINUTE;
pub const REFRESH: u64 = 2 * HOUR;
pub const ABSOLUTE: u64 = 3 * HOUR;
pub const LEEWAY: u64 = 5;

#[stateless_session(access = "15m", refresh = "2h", absolute = "3h", leeway = "5s")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: usize,
    pub generation: u32,
}

/// Several clients to a user, so that what happens to one user happens to several sessions, and not to the others.
pub const USERS: usize = 8;

#[derive(Clone, Copy)]
pub struct User {
    pub disabled: bool,
    pub generation: u32,
}

/// The keys by number: one signs, and perhaps another verifies.
#[derive(Clone, Copy, PartialEq)]
pub struct KeySet {
    pub signing: u64,
    pub other: Option<u64>,
}

impl KeySet {
    pub fn accepts(self, key: u64) -> bool {
        key == self.signing || Some(key) == self.other
    }
}

/// How `Renew` fares.
#[derive(Clone, Copy)]
pub enum Lookup {
    Works,
    Fails,
    IsSlow,
    Panics,
    GivesAnotherUser,
}

/// What `Renew` gave for one refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given {
    Claims { generation: u32 },
    Nobody,
    Outage,
    Panic,
    AnotherUser,
}

/// Everything that changes while requests are served.
#[derive(Clone, Copy)]
pub struct State {
    pub now: u64,
    /// The latest that the clock ever showed: it goes back within leeway of this only.
    latest: u64,
    pub keys: KeySet,
    newest_key: u64,
    pub users: [User; USERS],
    lookup: Lookup,
}

pub struct World {
    seed: u64,
    pub ledger: Ledger,
    sessions: Sessions<Claims>,
    pub page_sessions: Sessions<pages::Claims>,
    clock: HeldClock,
    /// All states that there were. What a request may see is those between its beginning and its end.
    states: Mutex<Vec<State>>,
    changed: watch::Sender<()>,
    /// By the first segment of the tokens that a key signs.
    key_numbers: Mutex<HashMap<String, u64>>,
    /// By session, until its client looks.
    given: Mutex<HashMap<String, Vec<Given>>>,
    /// Sessions that nothing may bring back.
    pub ended: Mutex<HashSet<String>>,
    pub begun: Mutex<HashSet<String>>,
    /// Sessions that nobody uses at the moment, ended ones and copies among them.
    pub put_away: Mutex<Vec<Held>>,
}

impl World {
    pub fn new(seed: u64) -> Arc<Self> {
        let clock = HeldClock::new();
        let first = State {
            now: START,
            latest: START,
            keys: KeySet {
                signing: 0,
                other: None,
            },
            newest_key: 0,
            users: [User {
                disabled: false,
                generation: 0,
            }; USERS],
            lookup: Lookup::Works,
        };
        let world = Self {
            seed,
            ledger: Ledger::default(),
            sessions: clock.hold(Sessions::new(keys(seed, first.keys))),
            page_sessions: clock.hold(Sessions::new(keys(seed, first.keys))),
            clock,
            states: Mutex::new(vec![first]),
            changed: watch::Sender::default(),
            key_numbers: Mutex::default(),
            given: Mutex::default(),
            ended: Mutex::default(),
            begun: Mutex::default(),
            put_away: Mutex::default(),
        };
        world.remember_key(0);
        Arc::new(world)
    }

    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .merge(Claims::routes())
            .merge(pages::router())
            .with_state(self)
    }

    /// Takes the name of the state of now, for [`World::since`].
    pub fn moment(&self) -> usize {
        lock(&self.states).len() - 1
    }

    /// What anything that began at `moment` may have seen until now.
    pub fn since(&self, moment: usize) -> Vec<State> {
        lock(&self.states)[moment..].to_vec()
    }

    pub fn take_given(&self, sid: &str) -> Vec<Given> {
        lock(&self.given).remove(sid).unwrap_or_default()
    }

    /// Which key signed a token.
    pub fn key_of(&self, token: &str) -> u64 {
        lock(&self.key_numbers)[first_segment(token)]
    }

    pub fn now(&self) -> u64 {
        self.state().now
    }

    fn state(&self) -> State {
        let states = lock(&self.states);
        states[states.len() - 1]
    }

    /// A user's row at a refresh, as an application fares with it: user and generation.
    pub async fn look_up(&self, sub: usize, sid: &str) -> Result<Option<(usize, u32)>, Outage> {
        let state = self.state();
        let User {
            disabled,
            generation,
        } = state.users[sub];
        let given = match state.lookup {
            Lookup::Fails => Given::Outage,
            Lookup::Panics => Given::Panic,
            Lookup::GivesAnotherUser => Given::AnotherUser,
            Lookup::Works | Lookup::IsSlow if disabled => Given::Nobody,
            Lookup::Works | Lookup::IsSlow => Given::Claims { generation },
        };
        if matches!(state.lookup, Lookup::IsSlow) {
            // The row was read; before it arrives, the world moves on.
            let mut changed = self.changed.subscribe();
            for _ in 0..3 {
                changed.changed().await.expect("the world lives on");
            }
        }
        lock(&self.given)
            .entry(sid.to_owned())
            .or_default()
            .push(given);
        match given {
            Given::Claims { generation } => Ok(Some((sub, generation))),
            Given::Nobody => Ok(None),
            Given::Outage => Err(Outage),
            Given::Panic => panic!("{INTENDED_PANIC}"),
            Given::AnotherUser => Ok(Some(((sub + 1) % USERS, generation))),
        }
    }

    /// The generation of a user who may log in.
    pub fn enabled(&self, sub: usize) -> Option<u32> {
        let user = self.state().users[sub];
        (!user.disabled).then_some(user.generation)
    }

    /// One change, which the ledger and the server take as one.
    pub fn change(&self, choices: &mut Choices) {
        let mut states = lock(&self.states);
        let mut next = states[states.len() - 1];
        let before = next;
        let what = next.change(choices);
        self.clock.set(next.now);
        if next.newest_key != before.newest_key {
            self.remember_key(next.newest_key);
        }
        if next.keys != before.keys {
            self.sessions.set_keys(keys(self.seed, next.keys));
            self.page_sessions.set_keys(keys(self.seed, next.keys));
        }
        states.push(next);
        drop(states);
        self.changed.send_replace(());
        self.ledger.count("change", what);
    }

    /// Learns how the tokens of a key begin, from tokens that it signs.
    fn remember_key(&self, key: u64) {
        let alone = KeySet {
            signing: key,
            other: None,
        };
        let sessions = Sessions::new(keys(self.seed, alone));
        let claims = Claims {
            sub: 0,
            generation: 0,
        };
        let (access_token, cookies) = sessions
            .login_checked_elsewhere(claims)
            .expect("claims that fit")
            .into_parts();
        let mut key_numbers = lock(&self.key_numbers);
        key_numbers.insert(first_segment(access_token.as_str()).to_owned(), key);
        for cookie in cookies {
            key_numbers.insert(first_segment(cookie.value()).to_owned(), key);
        }
    }
}

impl State {
    /// Changes one thing, and says which.
    fn change(&mut self, choices: &mut Choices) -> &'static str {
        match choices.one_of(&[(54, 'c'), (8, 'k'), (8, 'u'), (30, 'r')]) {
            'c' => self.move_clock(choices),
            'k' => self.rotate_keys(choices),
            'u' => self.change_user(choices),
            _ => self.change_lookup(choices),
        }
    }

    fn move_clock(&mut self, choices: &mut Choices) -> &'static str {
        let (least, most) = choices.one_of(&[
            (20, (0, 0)),
            (60, (1, MINUTE)),
            (15, (5 * MINUTE, 20 * MINUTE)),
            (5, (HOUR, 3 * HOUR)),
        ]);
        if most == 0 {
            self.now -= choices.between(0, self.now + LEEWAY - self.latest);
            return "clock: back, within leeway";
        }
        self.now += choices.between(least, most);
        self.latest = self.latest.max(self.now);
        "clock: forward"
    }

    fn rotate_keys(&mut self, choices: &mut Choices) -> &'static str {
        let KeySet { signing, other } = self.keys;
        let all_at_once = choices.one_of(&[(1, true), (3, false)]);
        let (signing, other, what) = match other {
            _ if all_at_once => {
                self.newest_key += 1;
                (self.newest_key, None, "keys: all replaced at once")
            }
            None => {
                self.newest_key += 1;
                let next = Some(self.newest_key);
                (signing, next, "keys: the next one verifies")
            }
            Some(next) if next > signing => (next, Some(signing), "keys: swapped"),
            Some(_) => (signing, None, "keys: the previous one retired"),
        };
        self.keys = KeySet { signing, other };
        what
    }

    fn change_user(&mut self, choices: &mut Choices) -> &'static str {
        let user = &mut self.users[choices.below(USERS)];
        if user.disabled {
            // Whoever comes back does so without the sessions of before.
            user.disabled = false;
            user.generation += 1;
            "user: enabled"
        } else if choices.one_of(&[(1, true), (2, false)]) {
            user.disabled = true;
            "user: disabled"
        } else {
            user.generation += 1;
            "user: generation raised"
        }
    }

    fn change_lookup(&mut self, choices: &mut Choices) -> &'static str {
        let (lookup, what) = choices.one_of(&[
            (10, (Lookup::Works, "renew: works")),
            (3, (Lookup::Fails, "renew: fails")),
            (3, (Lookup::IsSlow, "renew: is slow")),
            (2, (Lookup::Panics, "renew: panics")),
            (2, (Lookup::GivesAnotherUser, "renew: gives another user")),
        ]);
        self.lookup = lookup;
        what
    }
}

/// What the panic hook keeps quiet about.
pub const INTENDED_PANIC: &str = "a panic in the application, as intended";

#[derive(Debug)]
pub struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an outage, as intended")
    }
}

impl std::error::Error for Outage {}

impl FromRef<World> for Sessions<Claims> {
    fn from_ref(world: &World) -> Self {
        world.sessions.clone()
    }
}

impl Renew<Claims> for World {
    type Error = Outage;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        let found = self.look_up(*session.subject(), session.sid()).await?;
        Ok(found.map(|(sub, generation)| Claims { sub, generation }))
    }
}

#[derive(Deserialize)]
pub struct Credentials {
    pub user: usize,
}

async fn login(
    login: Login<Claims>,
    AxumState(world): AxumState<Arc<World>>,
    Json(Credentials { user: sub }): Json<Credentials>,
) -> Result<TokenResponse, StatusCode> {
    let generation = world.enabled(sub).ok_or(StatusCode::FORBIDDEN)?;
    login
        .start(Claims { sub, generation })
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

#[require_session]
async fn me(session: Session<Claims>) -> Json<Value> {
    Json(json!({
        "sub": session.sub,
        "generation": session.generation,
        "sid": session.sid(),
    }))
}

fn first_segment(token: &str) -> &str {
    token.split('.').next().unwrap_or_default()
}

fn keys(seed: u64, set: KeySet) -> Keys {
    let [access, refresh] = secrets(seed, set.signing);
    let keys = Keys::from_secrets(&access, &refresh).expect("secrets that no one guesses");
    match set.other.map(|key| secrets(seed, key)) {
        Some([access, refresh]) => keys
            .with_previous(Some(&access), Some(&refresh))
            .expect("secrets that no one guesses"),
        None => keys,
    }
}

/// The secrets of the key of this number, for access and for refresh tokens.
fn secrets(seed: u64, key: u64) -> [String; 2] {
    [0, 1].map(|kind| {
        let mut choices = Choices::of(seed, u64::MAX - 2 * key - kind);
        let random: Vec<u8> = (0..6).flat_map(|_| choices.next().to_be_bytes()).collect();
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(random)
    })
}
