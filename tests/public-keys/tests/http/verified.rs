//! What a token is asked each time although its signature is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use stateless_session::{SessionClaims, Sessions};

use crate::app::{Claims, Role, UserId};
use crate::public_keys::Pair;
use crate::support::{HeldClock, MINUTE, START};

fn claims(user: i64) -> Claims {
    Claims {
        sub: UserId(user),
        role: Role::User,
        generation: 0,
    }
}

fn token(sessions: &Sessions<Claims>, user: i64) -> String {
    let login = sessions.login_checked_elsewhere(claims(user)).unwrap();
    login.access_token().to_owned()
}

fn sessions(pair: &Pair) -> (Sessions<Claims>, HeldClock) {
    let clock = HeldClock::new();
    (clock.hold(Sessions::new(pair.keys())), clock)
}

#[test]
fn whom_it_is_for_and_when_it_counts_are_asked_each_time() {
    for pair in Pair::all() {
        let (sessions, clock) = sessions(pair);
        let (shop, bank) = (
            sessions.clone().with_audience("shop"),
            sessions.clone().with_audience("bank"),
        );
        let elsewhere = sessions.clone().with_audience("shop").with_issuer("other");
        let token = token(&shop, 7);
        for _ in 0..3 {
            assert_eq!(shop.verify(&token).unwrap().subject(), &UserId(7));
            assert!(bank.verify(&token).is_err());
            assert!(elsewhere.verify(&token).is_err());
        }
        clock.advance(16 * MINUTE);
        assert!(shop.verify(&token).is_err());
        clock.set(START - 2 * MINUTE);
        assert!(shop.verify(&token).is_err());
        clock.set(START);
        assert!(shop.verify(&token).is_ok());
    }
}

/// Its payload, its signature, and where they end.
#[test]
fn no_change_of_a_verified_token_counts() {
    for pair in Pair::all() {
        let (sessions, _) = sessions(pair);
        let (token, other) = (token(&sessions, 7), token(&sessions, 8));
        assert!(sessions.verify(&token).is_ok() && sessions.verify(&other).is_ok());
        for at in 0..token.len() {
            let (before, rest) = token.split_at(at);
            let (now, behind) = rest.split_at(1);
            let changed = if now == "A" { "B" } else { "A" };
            assert!(
                sessions
                    .verify(&format!("{before}{changed}{behind}"))
                    .is_err()
            );
            assert!(sessions.verify(before).is_err());
        }
        // The dot before the signature elsewhere, with the same letters around it.
        let dot = token.rfind('.').unwrap();
        let letters = token.replacen('.', "", 2);
        let header = token.find('.').unwrap();
        for at in (header + 1..letters.len()).filter(|at| *at != dot - 1) {
            let (before, signature) = letters.split_at(at);
            let (header, payload) = before.split_at(header);
            let moved = format!("{header}.{payload}.{signature}");
            assert!(sessions.verify(&moved).is_err(), "{at}");
        }
        // What counts of one and what counts of another are nothing together.
        let (signed, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        assert!(sessions.verify(&format!("{signed}.{signature}")).is_err());
        assert!(sessions.verify(&format!("{token}A")).is_err());
        assert!(sessions.verify(&token).is_ok());
    }
}

#[test]
fn keys_that_are_replaced_take_it_with_them() {
    let [first, second, _] = Pair::all();
    let (sessions, _) = sessions(first);
    let token = token(&sessions, 7);
    assert!(sessions.verify(&token).is_ok());
    sessions.set_keys(second.keys());
    assert!(sessions.verify(&token).is_err());
    let both = second.keys().with_public_keys(first.public_keys());
    sessions.set_keys(both.unwrap());
    assert!(sessions.verify(&token).is_ok());
    sessions.set_keys(second.keys());
    assert!(sessions.verify(&token).is_err());
}

/// Between a signature and its verdict, the keys are replaced.
#[test]
fn a_verdict_that_comes_late_counts_for_the_request_that_it_is_of_and_for_no_other() {
    let [first, second, _] = Pair::all();
    let sessions = Sessions::<Claims>::new(first.keys());
    let keys_of = sessions.clone();
    let replaces = Arc::new(AtomicBool::new(false));
    let is_due = Arc::clone(&replaces);
    let next = second.keys();
    // The clock is asked when the signature is known to be good.
    let slow = sessions.with_clock(move || {
        if is_due.swap(false, Ordering::SeqCst) {
            keys_of.set_keys(next.clone());
        }
        UNIX_EPOCH + Duration::from_secs(START)
    });
    let token = token(&slow, 7);
    replaces.store(true, Ordering::SeqCst);
    assert!(slow.verify(&token).is_ok());
    assert!(!replaces.load(Ordering::SeqCst));
    for _ in 0..3 {
        assert!(slow.verify(&token).is_err());
    }
}

/// More than there is room for, again and again.
#[test]
fn a_flood_of_tokens_changes_no_answer() {
    let [pair, ..] = Pair::all();
    let (sessions, _) = sessions(pair);
    let tokens: Vec<String> = (0..17_000).map(|user| token(&sessions, user)).collect();
    for (user, token) in (0_i64..).zip(&tokens).chain((0_i64..).zip(&tokens)) {
        assert_eq!(sessions.verify(token).unwrap().subject(), &UserId(user));
    }
    for token in tokens.iter().take(1_000) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (first, rest) = signature.split_at(1);
        let first = if first == "A" { "B" } else { "A" };
        assert!(sessions.verify(&format!("{signed}.{first}{rest}")).is_err());
    }
}
