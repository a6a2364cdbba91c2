//! Browsers with lost and late answers, and copies of their cookies, against the rule of rotation alone, in simulated time.
#![cfg(test)]

mod browser;

use std::env;

use browser::{Network, refreshes_until_a_copy_shows, run};

/// So many sessions in each scenario: `ROTATION_SESSIONS`.
fn sessions() -> u64 {
    env::var("ROTATION_SESSIONS").map_or(2_000, |number| number.parse().expect("a number"))
}

/// Of how many sessions a refresh was refused.
fn logged_out(network: Network) -> usize {
    let (mut refreshes, mut rotations, mut logged_out) = (0, 0, 0);
    for seed in 0..sessions() {
        let outcome = run(network, seed);
        refreshes += outcome.refreshes;
        rotations += outcome.rotations;
        logged_out += usize::from(outcome.is_refused);
    }
    println!("{network:?}: {refreshes} refreshes, {rotations} rotations, {logged_out} logged out");
    assert!(rotations > refreshes / 10, "it hardly rotates");
    logged_out
}

#[test]
fn nobody_is_logged_out_by_lost_or_late_answers() {
    for latest in [500, 5_000, 14_000] {
        for apart in [0, 4] {
            assert_eq!(logged_out(Network { latest, apart }), 0);
        }
    }
}

/// Or the test above would prove nothing.
#[test]
fn messages_later_than_the_grace_are_found_to_log_out() {
    assert!(
        logged_out(Network {
            latest: 30_000,
            apart: 0
        }) > 0
    );
}

#[test]
fn a_copy_beside_the_browser_shows() {
    let mut refreshes: Vec<usize> = (0..sessions()).map(refreshes_until_a_copy_shows).collect();
    refreshes.sort_unstable();
    let at = |share: usize| refreshes[(refreshes.len() - 1) * share / 100];
    println!(
        "a copy shows after {} refreshes (median), {} (p99), {} at most",
        at(50),
        at(99),
        at(100)
    );
    assert!(at(50) <= 5 && at(99) <= 20);
}
