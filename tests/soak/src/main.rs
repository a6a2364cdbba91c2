//! Many clients against one server while everything around them changes, with a ledger. For as long as it runs:
//!
//! - nobody gets an answer as somebody else;
//! - no session ends without a reason in the ledger;
//! - no session that was refused for good, or that ended, is accepted afterwards;
//! - every 5xx is one that the application asked for.
//!
//! `SOAK_SECONDS` says how long (60), `SOAK_SEED` repeats the choices of another run. What meets what is up to the
//! machine, so a failure may need several tries, and a run goes on until it has seen everything: for six times as long at
//! most.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

mod choices;
mod client;
mod ledger;
mod pages;
mod run;
#[path = "../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::choices::Choices;
use crate::client::Client;
use crate::ledger::{Expected, Ledger};
use crate::run::{CLIENTS, seed, variable};
use crate::world::{INTENDED_PANIC, World};

/// Between two changes of the world.
const PACE: Duration = Duration::from_millis(20);

const EXPECTED: Expected = &[
    (
        "change",
        &[
            "clock: forward",
            "clock: back, within leeway",
            "keys: the next one verifies",
            "keys: swapped",
            "keys: the previous one retired",
            "keys: all replaced at once",
            "user: disabled",
            "user: enabled",
            "user: generation raised",
            "renew: works",
            "renew: fails",
            "renew: is slow",
            "renew: panics",
            "renew: gives another user",
        ],
    ),
    (
        "action",
        &[
            "login",
            "call",
            "call without a token",
            "refresh",
            "refresh in four tabs",
            "logout",
            "put away",
            "come back",
            "sign in by a form",
            "visit a page",
            "visit in four tabs",
            "send a form",
            "look at images",
            "follow a foreign link",
            "follow a foreign link to the refresh",
            "log out by a form",
            "log out during a refresh",
            "sign in during a refresh",
        ],
    ),
    (
        "answer",
        &[
            "login 200",
            "login 403",
            "call 200",
            "call 401 invalid_token",
            "call 401 missing_token",
            "refresh 200",
            "refresh 401 session_ended",
            "refresh 401 session_unknown",
            "refresh 500 internal_error",
            "refresh 503 temporarily_unavailable",
            "logout 204",
            "sign in 200 by a document",
            "sign in 403",
            "page 200",
            "page 200 by a document",
            "page 303",
            "page 307",
            "page 401",
            "page 500",
            "page 503",
            "log out 303",
        ],
    ),
    (
        "end",
        &[
            "session: user disabled",
            "session: generation moved",
            "session: idle lifetime",
            "session: absolute end",
            "session: key retired",
            "session: logout",
            "access token: lifetime",
            "access token: key retired",
            "page: user disabled",
            "page: generation moved",
            "page: idle lifetime",
            "page: absolute end",
            "page: key retired",
            "page: logout",
        ],
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    let seconds = variable("SOAK_SECONDS").unwrap_or(60);
    let seed = seed();
    println!("{CLIENTS} clients for {seconds} s; SOAK_SEED={seed} repeats the choices");
    keep_quiet_about_intended_panics();

    let world = World::new(seed);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let app = world.clone().router();
    let mut around = JoinSet::new();
    around.spawn(async move { axum::serve(listener, app).await.expect("a server") });
    let changing = world.clone();
    around.spawn(async move {
        let mut choices = Choices::of(seed, CLIENTS);
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            changing.change(&mut choices);
        }
    });

    let end = End::after(Duration::from_secs(seconds));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (world, choices) = (world.clone(), Choices::of(seed, number));
        if number % 2 == 0 {
            let mut client = pages::client::Client::new(world.clone(), address, choices);
            clients.spawn(async move {
                while !end.is_reached(&world.ledger) {
                    client.act().await;
                }
            });
        } else {
            let mut client = Client::new(world.clone(), address, choices);
            clients.spawn(async move {
                while !end.is_reached(&world.ledger) {
                    client.act().await;
                }
            });
        }
    }
    let mut failed = false;
    while let Some(ended) = clients.join_next().await {
        if ended.is_err_and(|error| error.is_panic()) {
            failed = true;
            // The first says what is wrong; the others would only say it again.
            clients.abort_all();
        }
    }

    run::verdict(&world.ledger, EXPECTED, failed, seed)
}

/// When a run has had its time, and has seen everything, or has waited for that long enough.
#[derive(Clone, Copy)]
struct End {
    earliest: Instant,
    latest: Instant,
}

impl End {
    fn after(time: Duration) -> Self {
        let now = Instant::now();
        Self {
            earliest: now + time,
            latest: now + 6 * time,
        }
    }

    fn is_reached(self, ledger: &Ledger) -> bool {
        let now = Instant::now();
        now >= self.latest || now >= self.earliest && ledger.missing(EXPECTED).is_empty()
    }
}

fn keep_quiet_about_intended_panics() {
    let loudly = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>();
        if text.is_none_or(|text| text != INTENDED_PANIC) {
            loudly(panic);
        }
    }));
}
