//! Clocks that are held at every edge, and clocks that jump.

use crate::apps::{offered, offered_with};
use crate::laptop::{Laptop, REFRESH};
use crate::support::{
    ACCESS_SECRET, HOUR, HeldClock, NEXT_REFRESH_SECRET, REFRESH_SECRET, Request, keys,
};
use stateless_session::Keys;

/// `access`, and the leeway.
const LIFE: u64 = 900 + 5;

#[tokio::test]
async fn a_proof_counts_for_one_life_at_refresh() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let laptop = Laptop::bound(&server, 1).await;
    let start = clock.now();
    for (at, status) in [
        (start, 200),
        (start + LIFE - 1, 200),
        (start + LIFE, 307),
        (start + 24 * HOUR, 307),
    ] {
        clock.set(at);
        let mut copy = laptop.clone();
        assert_eq!(copy.browser.refresh(&server).await.status, status, "{at}");
    }
}

#[tokio::test]
async fn a_challenge_counts_for_one_life() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let unbound = Laptop::signed_in(&server, 2).await;
    let bound = Laptop::bound(&server, 1).await;
    let start = clock.now();
    for (at, status) in [(start, 200), (start + LIFE - 1, 200), (start + LIFE, 400)] {
        clock.set(at);
        assert_eq!(
            unbound.clone().register(&server).await.status,
            status,
            "{at}"
        );
        let proof = bound.key.proof(&bound.challenge);
        let answer = bound.clone().send(&server, bound.asks(Some(&proof))).await;
        let status = if status == 400 { 403 } else { status };
        assert_eq!(answer.status, status, "{at}");
    }
}

/// Between two servers, of which one is ahead by no more than the leeway.
#[tokio::test]
async fn stamps_of_a_server_that_is_ahead_by_the_leeway_count() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let start = clock.now();
    clock.set(start + 60);
    laptop.bound_cookie_ends();
    assert_eq!(laptop.prove(&server).await.status, 200);
    for (at, status) in [(start + 60, 200), (start + 55, 200), (start + 54, 307)] {
        clock.set(at);
        let mut copy = laptop.clone();
        assert_eq!(copy.browser.refresh(&server).await.status, status, "{at}");
    }
}

#[tokio::test]
async fn a_server_clock_that_jumps_logs_nobody_out() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let start = clock.now();
    for at in [
        start + HOUR,
        start,
        start + 20,
        start,
        start + 20 * HOUR,
        start + 60,
    ] {
        clock.set(at);
        assert_eq!(laptop.refresh(&server).await.status, 200, "{at}");
    }
    // Behind the login it is an outage, as it is without a key.
    clock.set(start - HOUR);
    let answer = laptop.browser.refresh(&server).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    clock.set(start + 120);
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn keys_rotate_in_three_steps_and_the_key_of_the_browser_stays() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let key = laptop.bound_to();
    let next = || Keys::from_secrets(ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let steps = [
        keys()
            .with_previous(None, Some(NEXT_REFRESH_SECRET))
            .unwrap(),
        next().with_previous(None, Some(REFRESH_SECRET)).unwrap(),
        next(),
    ];
    for (step, keys) in steps.into_iter().enumerate() {
        clock.advance(10);
        let server = offered_with(keys, &clock).serve().await;
        // With the cookie of the step before, and with a proof over a challenge of it.
        let answer = laptop.refresh(&server).await;
        assert_eq!(answer.status, 200, "{step}");
        assert_eq!(answer.set_cookies().len(), usize::from(step == 1), "{step}");
        laptop.bound_cookie_ends();
        assert_eq!(laptop.refresh(&server).await.status, 200, "{step}");
        assert_eq!(laptop.bound_to(), key);
    }
    // The one that is retired vouches for nothing.
    let answer = laptop.browser.refresh(&server).await;
    answer.assert_refused(401, "session_unknown", Some(r#"Bearer realm="shop""#));
}

/// The bound cookie is made by the retired key, and the refresh token no more.
#[tokio::test]
async fn a_bound_cookie_of_a_retired_key_is_asked_for_anew() {
    let clock = HeldClock::new();
    let before = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&before, 1).await;
    let both = Keys::from_secrets(ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let both = both.with_previous(None, Some(REFRESH_SECRET)).unwrap();
    let between = offered_with(both, &clock).serve().await;
    assert_eq!(laptop.browser.refresh(&between).await.status, 200);
    let after = Keys::from_secrets(ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let after = offered_with(after, &clock).serve().await;
    let answer = laptop.browser.refresh(&after).await;
    assert_eq!(answer.status, 307);
    assert_eq!(laptop.refresh(&after).await.status, 200);
    let request = Request::post(REFRESH);
    assert_eq!(laptop.browser.send(&after, request).await.status, 200);
}
