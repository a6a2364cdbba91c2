//! What a future of `Sessions::ended` costs: in a process of its own, since the memory of all tests in one is counted.
#![cfg(all(feature = "live", feature = "testing", target_os = "linux"))]

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_runtime::testing::HeldClock;
use stateless_session::{Keys, Sessions, stateless_session};
use tokio::time::timeout;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

/// Resident memory in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test(start_paused = true)]
async fn a_waiting_future_costs_little_and_all_end_together() {
    const MANY: usize = 100_000;
    let clock = HeldClock::new();
    let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
    let login = sessions.login_checked_elsewhere(Claims { sub: 7 }).unwrap();
    let session = sessions.verify(login.access_token()).unwrap();
    let before = resident();
    let mut waiting: Vec<_> = (0..MANY).map(|_| sessions.ended(&session)).collect();
    poll_fn(|context| {
        for ended in &mut waiting {
            assert!(Pin::new(ended).poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    let each = (resident() - before) / MANY;
    println!(
        "{each} bytes each, {} of them the future",
        size_of_val(&waiting[0])
    );
    assert!(each <= 300, "{each} bytes each");
    clock.advance("16m");
    for ended in &mut waiting {
        assert!(timeout(Duration::from_millis(1001), ended).await.is_ok());
    }
}
