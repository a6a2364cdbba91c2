//! Many clients against one server while everything around them changes, with a ledger. For as long as it runs:
//!
//! - nobody gets an answer as somebody else;
//! - no session ends without a reason in the ledger;
//! - no session that was refused for good, or that ended, is accepted afterwards;
//! - every 5xx is one that the application asked for.
//!
//! `SOAK_SECONDS` says how long (60), `SOAK_SEED` repeats the choices of another run. What meets what is up to the
//! machine, so a failure may need several tries.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "nobody uses a test binary"
)]

mod choices;
mod client;
mod ledger;
#[path = "../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::choices::Choices;
use crate::client::Client;
use crate::world::{INTENDED_PANIC, World};

const CLIENTS: u64 = 32;

/// Between two changes of the world.
const PACE: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> ExitCode {
    let seconds = variable("SOAK_SECONDS").unwrap_or(60);
    let seed = variable("SOAK_SEED").unwrap_or_else(from_the_clock);
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

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client::new(world.clone(), address, Choices::of(seed, number));
        clients.spawn(async move {
            while Instant::now() < end {
                client.act().await;
            }
        });
    }
    let mut failed = false;
    while let Some(ended) = clients.join_next().await {
        if ended.is_err_and(|error| error.is_panic()) {
            failed = true;
            // The first says what is wrong; the others would only say it again.
            clients.abort_all();
        }
    }

    print!("{}", world.ledger);
    let missing = world.ledger.missing();
    if failed {
        println!("failed; repeat it with SOAK_SEED={seed}");
    } else if !missing.is_empty() {
        println!("failed: this never happened: {}", missing.join(", "));
    } else {
        let [answers, changes, ends] = ["answer", "change", "end"].map(|of| world.ledger.sum(of));
        println!(
            "passed: {answers} answers among {changes} changes, {ends} ends with their reasons"
        );
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}

fn from_the_clock() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| u64::from(elapsed.subsec_nanos()))
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
