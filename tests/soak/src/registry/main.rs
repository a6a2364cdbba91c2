//! Many clients on three nodes with a session registry on a real engine, `postgres` or `redis`, that is killed, stopped and
//! started again, with a ledger. For as long as it runs:
//!
//! - nobody gets an answer as somebody else;
//! - no session ends without a reason, and no outage is one; a refresh token is reused only where a copy was made;
//! - once the engine has answered that a session is over, every refresh that asks the engine is refused, and so is
//!   everything at a node that knows of it;
//! - what ended while the engine was away has ended on every node when it is back, and everything else lives.
//!
//! `SOAK_SECONDS` says how long (10), `SOAK_SEED` repeats the choices of another run.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

mod book;
#[path = "../choices.rs"]
mod choices;
mod client;
mod engine;
#[path = "../ledger.rs"]
mod ledger;
#[path = "../run.rs"]
mod run;
#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::choices::Choices;
use crate::client::Client;
use crate::engine::Engine;
use crate::ledger::Expected;
use crate::run::{CLIENTS, seed, variable};
use crate::support::lock;
use crate::world::World;

/// Between two changes of the clock.
const PACE: Duration = Duration::from_millis(100);

/// What ended is known everywhere within about a second; a busy machine has longer.
const PATIENCE: Duration = Duration::from_secs(20);

const EXPECTED: Expected = &[
    (
        "change",
        &[
            "clock: forward",
            "engine: kill",
            "engine: stop",
            "engine: start",
        ],
    ),
    (
        "action",
        &[
            "login",
            "call",
            "refresh",
            "refresh in four tabs",
            "refresh with a lost answer",
            "logout",
            "end",
            "end all",
            "copy",
            "put away",
            "come back",
        ],
    ),
    (
        "answer",
        &[
            "login 200",
            "call 200",
            "call 401 invalid_token",
            "refresh 200",
            "refresh 200 in an outage",
            "refresh 401 session_ended",
            "logout 204",
            "end: true",
            "end: an outage",
            "end all: done",
            "end all: an outage",
        ],
    ),
    (
        "end",
        &[
            "session: ended",
            "session: a copy was reused",
            "access token: session ended",
            "access token: lifetime",
        ],
    ),
];

/// In seconds: so long a run comes to see everything.
const WHOLE: u64 = 30;

#[tokio::main]
async fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if !["postgres", "redis"].contains(&name.as_str()) {
        println!("which engine, postgres or redis?");
        return ExitCode::FAILURE;
    }
    let (seconds, seed) = (variable("SOAK_SECONDS").unwrap_or(10), seed());
    println!("{CLIENTS} clients on {name} for {seconds} s; SOAK_SEED={seed} repeats the choices");

    let mut engine = Engine::start(&name).await;
    let world = Arc::new(World::start(&name, &engine.url()).await);
    let mut around = JoinSet::new();
    let moving = world.clone();
    around.spawn(async move {
        let mut choices = Choices::of(seed, CLIENTS);
        loop {
            sleep(PACE).await;
            moving.move_clock(&mut choices).await;
        }
    });

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client::new(world.clone(), Choices::of(seed, number));
        clients.spawn(async move {
            while Instant::now() < end {
                client.act().await;
            }
            client.leave();
        });
    }
    let mut choices = Choices::of(seed, CLIENTS + 1);
    let mut orders = ["kill", "stop"].into_iter().cycle();
    while Instant::now() < end {
        sleep(Duration::from_millis(choices.between(1_000, 2_000))).await;
        for order in [orders.next().unwrap_or("kill"), "start"] {
            engine.order(order).await;
            let counted = format!("engine: {order}");
            world.book.ledger.count("change", counted);
            sleep(Duration::from_millis(choices.between(100, 600))).await;
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
    around.shutdown().await;
    if !failed {
        let settled = tokio::spawn(settle(world.clone(), seed));
        failed = settled.await.is_err();
    }
    // A short run samples: what it did not come to see is no fault of it.
    let expected = if seconds < WHOLE { &[] } else { EXPECTED };
    run::verdict(&world.book.ledger, expected, failed, seed)
}

/// With the engine back: what had to end is over on every node, and everything else lives on every node.
async fn settle(world: Arc<World>, seed: u64) {
    let client = Client::new(world.clone(), Choices::of(seed, CLIENTS + 2));
    let put_away = std::mem::take(&mut *lock(&world.put_away));
    for mut held in put_away {
        let latest = Instant::now() + PATIENCE;
        for node in 0..world.nodes.len() {
            loop {
                let lives = client.refresh_at("last refresh", &mut held, &[node]).await;
                if !lives || !world.book.entry(&held.sid).is_due() {
                    break;
                }
                assert!(Instant::now() < latest, "it should have ended: {held:?}");
                sleep(PACE).await;
            }
        }
    }
    let reused = lock(&world.book.reused).clone();
    for sid in reused {
        assert!(world.book.entry(&sid).has_copy, "a reuse without a copy");
    }
}
