//! Panics in the application's own code for its claims, keys and errors: an answer, never a connection that drops.

use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::post;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use stateless_session::{
    IssueError, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, stateless_session,
};

use crate::support::{Browser, HeldClock, Request, Server, keys};

const NOWHERE: u8 = 0;
const IN_SERIALIZE: u8 = 1;
const IN_EQ: u8 = 2;
const IN_GENERATION: u8 = 3;
const IN_DISPLAY: u8 = 4;
const IN_DESERIALIZE: u8 = 5;

/// Where the code of one test panics. A static, because claims are made out of nothing when they are read.
static PLACE: AtomicU8 = AtomicU8::new(NOWHERE);

fn may_panic(here: u8) {
    if PLACE.load(Ordering::SeqCst) == here {
        panic_any("a panic in the application");
    }
}

#[derive(Clone)]
pub struct UserId(u64);

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        may_panic(IN_SERIALIZE);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        may_panic(IN_DESERIALIZE);
        u64::deserialize(deserializer).map(Self)
    }
}

impl PartialEq for UserId {
    fn eq(&self, other: &Self) -> bool {
        may_panic(IN_EQ);
        self.0 == other.0
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Generation(u32);

impl From<Generation> for u64 {
    fn from(generation: Generation) -> Self {
        may_panic(IN_GENERATION);
        generation.0.into()
    }
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: UserId,
    generation: Generation,
}

#[derive(Debug)]
struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        may_panic(IN_DISPLAY);
        f.write_str("an outage")
    }
}

impl std::error::Error for Outage {}

#[derive(Clone)]
struct App(Sessions<Claims>);

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

fn claims() -> Claims {
    Claims {
        sub: UserId(7),
        generation: Generation(0),
    }
}

impl Renew<Claims> for App {
    type Error = Outage;

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        if PLACE.load(Ordering::SeqCst) == IN_DISPLAY {
            Err(Outage)
        } else {
            Ok(Some(claims()))
        }
    }
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(claims())
}

#[tokio::test]
async fn a_panic_in_the_applications_code_is_an_answer_at_refresh_and_at_login() {
    let app = App(HeldClock::new().hold(Sessions::new(keys())));
    let routes = Router::new()
        .route("/login", post(login))
        .merge(Claims::routes())
        .with_state(Arc::new(app));
    let server = Server::start(routes).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    for place in [
        IN_SERIALIZE,
        IN_EQ,
        IN_GENERATION,
        IN_DISPLAY,
        IN_DESERIALIZE,
    ] {
        PLACE.store(place, Ordering::SeqCst);
        let before = browser.cookies.clone();
        let answer = browser.refresh(&server).await;
        answer.assert_refused(500, "internal_error", None);
        assert_eq!(browser.cookies, before);
        if place != IN_DISPLAY {
            let answer = server.send(&Request::post("/login")).await;
            answer.assert_refused(500, "internal_error", None);
        }
        PLACE.store(NOWHERE, Ordering::SeqCst);
        assert_eq!(browser.refresh(&server).await.status, 200, "{place}");
    }
    let log = server.log();
    let at_refresh = "`Renew` or the claims' own code panicked at a refresh; nothing was issued";
    assert_eq!(log.matches(at_refresh).count(), 5, "{log}");
    let at_login =
        "refused code=\"internal_error\" cause=the application's code for its claims panicked";
    assert_eq!(log.matches(at_login).count(), 4, "{log}");
}
