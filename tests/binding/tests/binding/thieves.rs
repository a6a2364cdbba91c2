//! Whoever has a copy of the whole cookie jar, and not the key.

use serde_json::json;

use crate::apps::offered;
use crate::laptop::{DEVICE, Key, Laptop, REFRESH};
use crate::support::{DAY, HeldClock, REFRESH_SECRET, Request, forge_like};

const CHALLENGE: &str = r#"Bearer realm="shop""#;

#[tokio::test]
async fn a_copied_jar_is_worth_one_stamp_and_no_more() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let mut thief = laptop.clone();
    thief.key = Key::new(66);
    // What is left of the minutes that the last proof counts.
    assert_eq!(thief.browser.refresh(&server).await.status, 200);
    clock.advance(16 * 60);
    assert_eq!(thief.browser.refresh(&server).await.status, 307);
    let refused = thief.browser.refresh(&server).await;
    refused.assert_refused(401, "session_unknown", Some(CHALLENGE));
    // Proofs of his own, a key of his own, and excuses.
    let answer = thief.prove_once(&server).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    let proof = thief.key.registration(&thief.challenge);
    let answer = thief.send(&server, thief.asks(Some(&proof))).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    let answer = thief.register(&server).await;
    answer.assert_refused(400, "invalid_request", None);
    let skipped = Request::post(REFRESH).header("Secure-Session-Skipped", "unreachable");
    for _ in 0..3 {
        let answer = thief.browser.send(&server, skipped.clone()).await;
        answer.assert_refused(503, "temporarily_unavailable", None);
    }
    // He says that he is no browser, another one, or of the same origin.
    for header in [
        "DPoP",
        "Secure-Session-Response",
        "User-Agent",
        "Session-Transport",
    ] {
        let request = Request::post(REFRESH).header(header, "body");
        let answer = thief.browser.send(&server, request).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    // Its owner notices nothing.
    laptop.bound_cookie_ends();
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

impl Laptop {
    async fn prove_once(&mut self, server: &crate::support::Server) -> crate::support::Answer {
        let proof = self.key.proof(&self.challenge);
        self.send(server, self.asks(Some(&proof))).await
    }
}

#[tokio::test]
async fn a_captured_proof_is_a_stamp_until_its_challenge_ends() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let mut thief = laptop.clone();
    thief.bound_cookie_ends();
    let captured = laptop.key.proof(&laptop.challenge);
    let answer = thief.send(&server, thief.asks(Some(&captured))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(thief.browser.refresh(&server).await.status, 200);
    clock.advance(16 * 60);
    thief.bound_cookie_ends();
    let answer = thief.send(&server, thief.asks(Some(&captured))).await;
    assert_eq!(answer.status, 403);
    let refused = thief.browser.refresh(&server).await;
    refused.assert_refused(401, "session_unknown", Some(CHALLENGE));
    // The jar by itself, without the page's answer, does not have the challenge signed.
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

/// A thief of what the login's answer holds has what is not bound; the browser's own stays what it was.
#[tokio::test]
async fn a_copy_from_before_the_registration_stays_a_copy_and_undoes_nothing() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let mut thief = laptop.clone();
    assert_eq!(laptop.register(&server).await.status, 200);
    assert_eq!(thief.browser.refresh(&server).await.status, 200);
    thief.key = Key::new(66);
    assert_eq!(thief.register(&server).await.status, 200);
    assert_ne!(thief.bound_to(), laptop.bound_to());
    laptop.bound_cookie_ends();
    assert_eq!(laptop.refresh(&server).await.status, 200);
    // Each needs the key that it is bound to.
    let mut mixed = laptop.clone();
    mixed.key = thief.key.clone();
    mixed.bound_cookie_ends();
    let answer = mixed.prove_once(&server).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
}

/// A sibling subdomain may toss an unbound copy beside the bound token.
#[tokio::test]
async fn an_unbound_copy_beside_the_bound_token_does_not_win() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let unbound = laptop.browser.refresh_cookie().clone();
    assert_eq!(laptop.register(&server).await.status, 200);
    let key = laptop.bound_to();
    let mut newer = laptop.refresh_claims();
    newer.as_object_mut().unwrap().remove("cnf");
    newer["iat"] = json!(clock.now() + 3);
    newer["exp"] = json!(clock.now() + 3 + 7 * DAY);
    let newer = forge_like(&unbound.value, &newer.to_string(), REFRESH_SECRET);
    for value in [unbound.value.clone(), newer] {
        for first in [false, true] {
            let mut both = laptop.clone();
            both.bound_cookie_ends();
            let mut tossed = unbound.clone();
            tossed.value.clone_from(&value);
            let at = if first { 0 } else { both.browser.cookies.len() };
            both.browser.cookies.insert(at, tossed);
            let request = both.browser.with_cookies(Request::post(REFRESH));
            let answer = server.send(&request).await;
            answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
            let proof = both.key.proof(&both.challenge);
            let request = both.browser.with_cookies(both.asks(Some(&proof)));
            assert_eq!(server.send(&request).await.status, 200);
        }
    }
    assert_eq!(laptop.bound_to(), key);
}

/// What a refresh token says of its key is read strictly, although it is signed: what is not known may be what limits it.
#[tokio::test]
async fn a_claim_that_does_not_read_is_no_key() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let laptop = Laptop::bound(&server, 1).await;
    let good = laptop.bound_to().unwrap();
    let mut more = good.clone();
    more["jwk"]["use"] = json!("sig");
    let mut other = good.clone();
    other["jkt"] = json!("x");
    let mut short = good.clone();
    short["jwk"]["x"] = json!("AAAA");
    for cnf in [
        json!(null),
        json!({}),
        json!({"jkt": "x"}),
        json!("x"),
        json!([]),
        json!({"jwk": null}),
        more,
        other,
        short,
    ] {
        let mut claims = laptop.refresh_claims();
        claims["cnf"] = cnf.clone();
        let mut forged = laptop.clone();
        let cookie = laptop.browser.refresh_cookie().value.clone();
        let token = forge_like(&cookie, &claims.to_string(), REFRESH_SECRET);
        for other in &mut forged.browser.cookies {
            if other.value == cookie {
                other.value.clone_from(&token);
            }
        }
        let answer = forged.browser.refresh(&server).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    let twice = laptop.refresh_claims().to_string();
    let twice = format!("{},\"cnf\":{good}}}", twice.strip_suffix('}').unwrap());
    let token = forge_like(
        &laptop.browser.refresh_cookie().value,
        &twice,
        REFRESH_SECRET,
    );
    let mut forged = laptop.clone();
    let cookie = laptop.browser.refresh_cookie().value.clone();
    for other in &mut forged.browser.cookies {
        if other.value == cookie {
            other.value.clone_from(&token);
        }
    }
    let answer = forged.browser.refresh(&server).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
}

/// Whatever comes after whatever: no answer has a token without the key, or with another.
#[tokio::test]
async fn no_order_of_events_loses_or_changes_the_key() {
    let clock = HeldClock::new();
    let (offers, reads) = (offered(&clock), crate::apps::reading(&clock));
    let (offers, reads) = (offers.serve().await, reads.serve().await);
    let mut random = 1_u64;
    let mut next = |below: u64| {
        // Knuth's constants.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..12 {
        let mut laptop = Laptop::bound(&offers, 1).await;
        let key = laptop.bound_to();
        for _ in 0..25 {
            let server = if next(2) == 0 { &offers } else { &reads };
            match next(7) {
                0 => clock.advance(next(2 * DAY)),
                1 => laptop.bound_cookie_ends(),
                2 => drop(laptop.browser.refresh(server).await),
                3 => drop(laptop.refresh(server).await),
                4 => {
                    let request = Request::post(REFRESH).header("Secure-Session-Skipped", "x");
                    laptop.browser.send(server, request).await;
                }
                5 => {
                    let other = Key::new(9).registration(&laptop.challenge);
                    let request = Request::post(DEVICE).header("Secure-Session-Response", other);
                    laptop.browser.send(server, request).await;
                }
                _ => drop(laptop.prove(server).await),
            }
            assert_eq!(laptop.bound_to(), key);
        }
    }
}
