//! Every row of what `{path}/device` and the refresh answer once a session is bound.

use serde_json::json;

use crate::apps::{offered, offered_with, reading};
use crate::laptop::{DEVICE, Key, Laptop, REFRESH, offered_challenge};
use crate::support::{ACCESS_SECRET, Answer, DAY, HeldClock, NEXT_REFRESH_SECRET, Request, Server};
use stateless_session::Keys;

const CHALLENGE: &str = r#"Bearer realm="shop""#;

async fn bound() -> (HeldClock, Server, Laptop) {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let laptop = Laptop::bound(&server, 1).await;
    (clock, server, laptop)
}

fn assert_challenge(answer: &Answer, laptop: &Laptop) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let header = answer.header("secure-session-challenge").unwrap();
    let (stamp, id) = header.split_once(';').unwrap();
    assert_eq!(stamp.len(), 54 + 2);
    let session = laptop.session.as_ref().unwrap();
    assert_eq!(id, format!("id=\"{session}\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.set_cookies().is_empty());
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_proof_over_a_current_challenge_is_200_and_the_bound_cookie() {
    let (_, server, mut laptop) = bound().await;
    laptop.bound_cookie_ends();
    for proof in [
        laptop.key.proof(&laptop.challenge),
        format!("\"{}\"", laptop.key.proof(&laptop.challenge)),
    ] {
        let answer = laptop.send(&server, laptop.asks(Some(&proof))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let cookies = answer.set_cookies();
        assert_eq!(cookies.len(), 1);
        assert_eq!(
            (&*cookies[0].path, cookies[0].max_age),
            (REFRESH, Some(900))
        );
    }
    // The session's name as Chromium may send it, too.
    let bare = laptop.session.clone().unwrap();
    let request = Request::post(DEVICE)
        .header("Sec-Secure-Session-Id", bare)
        .header(
            "Secure-Session-Response",
            laptop.key.proof(&laptop.challenge),
        );
    assert_eq!(laptop.send(&server, request).await.status, 200);
    server.assert_logged("DEBUG stateless_session: the browser proved its key sid=");
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn no_proof_or_one_over_an_old_challenge_is_403_and_a_challenge() {
    let (_, server, mut laptop) = bound().await;
    laptop.bound_cookie_ends();
    let answer = laptop.send(&server, laptop.asks(None)).await;
    assert_challenge(&answer, &laptop);
    let stranger = Laptop::bound(&server, 2).await;
    for old in [
        "",
        "1800000000",
        &stranger.challenge,
        stranger.bound_cookie().unwrap(),
    ] {
        let proof = laptop.key.proof(old);
        let answer = laptop.send(&server, laptop.asks(Some(&proof))).await;
        assert_challenge(&answer, &laptop);
        assert_eq!(laptop.bound_cookie(), None);
    }
    assert_eq!(laptop.prove(&server).await.status, 200);
}

#[tokio::test]
async fn the_key_of_an_earlier_login_ends_and_the_new_session_goes_on() {
    let (clock, server, mut laptop) = bound().await;
    let earlier = laptop.clone();
    clock.advance(1);
    let answer = laptop.login(&server, 8).await;
    let deletes_bound = |cookie: &crate::support::SetCookie| {
        cookie.name.contains("-bound-") && cookie.max_age == Some(0) && cookie.path == REFRESH
    };
    assert!(answer.set_cookies().iter().any(deletes_bound), "{answer:?}");
    assert_eq!(laptop.bound_cookie(), None);
    let proof = earlier.key.proof(&earlier.challenge);
    for request in [earlier.asks(None), earlier.asks(Some(&proof))] {
        let answer = laptop.browser.send(&server, request).await;
        answer.assert_refused(401, "session_ended", Some(CHALLENGE));
    }
    laptop.challenge = offered_challenge(&answer).unwrap();
    laptop.key = Key::new(3);
    assert_eq!(laptop.register(&server).await.status, 200);
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_proof_by_another_key_is_session_unknown() {
    let (_, server, mut laptop) = bound().await;
    laptop.bound_cookie_ends();
    let challenge = laptop.challenge.clone();
    let (key, other) = (laptop.key.clone(), Key::new(2));
    let good = key.proof(&challenge);
    let of_typ = |typ: &str| {
        key.sign(
            &json!({"alg": "ES256", "typ": typ}),
            &json!({"jti": challenge}),
        )
    };
    let mut cut = good.clone();
    cut.pop();
    for proof in [
        other.proof(&challenge),
        other.registration(&challenge),
        key.registration(&challenge),
        of_typ("dpop+jwt"),
        of_typ("jwt"),
        cut,
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(3000),
    ] {
        let answer = laptop.send(&server, laptop.asks(Some(&proof))).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
        server.assert_logged("a proof that is not by the refresh token's key");
    }
    assert_eq!(laptop.prove(&server).await.status, 200);
}

#[tokio::test]
async fn a_proof_for_an_unbound_token_is_session_unknown() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let sid = laptop.refresh_claims()["sid"].clone();
    laptop.session = Some(sid.as_str().unwrap().to_owned());
    let proof = laptop.key.proof(&laptop.challenge);
    for request in [laptop.asks(None), laptop.asks(Some(&proof))] {
        let answer = laptop.browser.send(&server, request).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    server.assert_logged("a proof for a refresh token that is bound to no key");
    laptop.session = None;
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_session_that_is_over_is_session_ended() {
    let (clock, server, laptop) = bound().await;
    let proof = laptop.key.proof(&laptop.challenge);
    let start = clock.now();
    clock.set(start + 7 * DAY + 4);
    let answer = server
        .send(&laptop.browser.with_cookies(laptop.asks(None)))
        .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    clock.set(start + 7 * DAY + 5);
    for request in [laptop.asks(None), laptop.asks(Some(&proof))] {
        let answer = server.send(&laptop.browser.with_cookies(request)).await;
        answer.assert_refused(401, "session_ended", Some(CHALLENGE));
    }
    // The cookie alone went.
    let mut without = laptop.clone();
    without
        .browser
        .cookies
        .retain(|cookie| cookie.name.starts_with("__Host-"));
    let answer = server
        .send(&without.browser.with_cookies(without.asks(None)))
        .await;
    answer.assert_refused(401, "session_ended", Some(CHALLENGE));
}

#[tokio::test]
async fn the_absolute_end_is_an_end() {
    let (clock, server, mut laptop) = bound().await;
    let start = clock.now();
    for day in (6..30).step_by(6) {
        clock.set(start + day * DAY);
        laptop.bound_cookie_ends();
        assert_eq!(laptop.refresh(&server).await.status, 200, "{day}");
    }
    clock.set(start + 30 * DAY - 1);
    laptop.bound_cookie_ends();
    assert_eq!(laptop.prove(&server).await.status, 200);
    clock.set(start + 30 * DAY);
    let answer = laptop.send(&server, laptop.asks(None)).await;
    answer.assert_refused(401, "session_ended", Some(CHALLENGE));
    let answer = laptop.browser.refresh(&server).await;
    answer.assert_refused(401, "session_ended", Some(CHALLENGE));
}

/// Nothing of it is final, and a 4xx would be.
#[tokio::test]
async fn what_is_not_known_here_is_503() {
    let (clock, server, laptop) = bound().await;
    let answer = server.send(&laptop.asks(None)).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    assert_eq!(answer.header("retry-after"), Some("5"));
    let keys = Keys::from_secrets(ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let other = offered_with(keys, &clock).serve().await;
    let proof = laptop.key.proof(&laptop.challenge);
    for request in [laptop.asks(None), laptop.asks(Some(&proof))] {
        let answer = other.send(&laptop.browser.with_cookies(request)).await;
        answer.assert_refused(503, "temporarily_unavailable", None);
    }
    clock.set(clock.now() - 6);
    let answer = server
        .send(&laptop.browser.with_cookies(laptop.asks(None)))
        .await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    // Two markers, of which somebody else set one.
    clock.set(clock.now() + 6);
    let mut two = laptop.clone();
    let mut marker = two.browser.marker().clone();
    marker.value = "BBBBBBBBBBBBBBBBBBBBBB".to_owned();
    two.browser.cookies.push(marker);
    let answer = server.send(&two.browser.with_cookies(two.asks(None))).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
}

#[tokio::test]
async fn two_headers_of_a_kind_are_400() {
    let (_, server, mut laptop) = bound().await;
    let proof = laptop.key.proof(&laptop.challenge);
    let once = laptop.asks(Some(&proof));
    let session = laptop.session.clone().unwrap();
    for twice in [
        once.clone().header("Secure-Session-Response", &proof),
        once.header("Sec-Secure-Session-Id", session),
    ] {
        let answer = laptop.browser.send(&server, twice).await;
        answer.assert_refused(400, "invalid_request", None);
    }
}

#[tokio::test]
async fn other_methods_are_405() {
    let (_, server, laptop) = bound().await;
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let request = laptop.browser.with_cookies(Request::new(method, DEVICE));
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[tokio::test]
async fn a_refresh_with_the_bound_cookie_is_as_ever() {
    let (clock, server, mut laptop) = bound().await;
    let answer = laptop.browser.refresh(&server).await;
    assert_eq!(answer.status, 200);
    assert!(answer.set_cookies().is_empty());
    // A seventh of its life later it is issued anew, with the same key.
    let key = laptop.bound_to();
    clock.advance(2 * DAY);
    laptop.bound_cookie_ends();
    let answer = laptop.refresh(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(laptop.bound_to(), key);
    assert_eq!(laptop.refresh_claims()["iat"], clock.now());
}

#[tokio::test]
async fn a_refresh_without_it_is_session_unknown() {
    let (_, server, mut laptop) = bound().await;
    laptop.bound_cookie_ends();
    let answer = laptop.browser.refresh(&server).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    server.assert_logged("WARN stateless_session: refused");
    server.assert_logged(
        "a bound refresh token without a proof: a copy, or the browser lost its key",
    );
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_browser_that_cannot_prove_now_is_not_logged_out() {
    let (_, server, mut laptop) = bound().await;
    laptop.bound_cookie_ends();
    for reason in [
        "server_error",
        "unreachable;session_identifier=\"x\"",
        "quota_exceeded",
        "",
    ] {
        let request = Request::post(REFRESH).header("Secure-Session-Skipped", reason);
        let answer = laptop.browser.send(&server, request).await;
        answer.assert_refused(503, "temporarily_unavailable", None);
        server.assert_logged(&format!(
            "now; the session lives on: {}",
            reason.replace('"', "\\\"")
        ));
    }
    let request = Request::post(REFRESH).header("Secure-Session-Skipped", "x".repeat(5000));
    laptop.browser.send(&server, request).await;
    assert!(!server.log().contains(&"x".repeat(300)));
    assert!(!server.log().contains("ERROR"));
    // It means nothing beside a proof, nor where there is no key.
    assert_eq!(laptop.prove(&server).await.status, 200);
    for mut laptop in [laptop, Laptop::signed_in(&server, 2).await] {
        let request = Request::post(REFRESH).header("Secure-Session-Skipped", "unreachable");
        assert_eq!(laptop.browser.send(&server, request).await.status, 200);
    }
}

#[tokio::test]
async fn a_bound_cookie_that_counts_no_more_is_307_and_goes() {
    let (clock, server, mut laptop) = bound().await;
    let good = laptop.bound_cookie().unwrap().to_owned();
    clock.advance(1000);
    let set = |laptop: &mut Laptop, value: &str| {
        for cookie in &mut laptop.browser.cookies {
            if cookie.name.contains("-bound-") {
                value.clone_into(&mut cookie.value);
            }
        }
    };
    let stranger = Laptop::bound(&server, 2).await;
    for value in [
        &good,
        stranger.bound_cookie().unwrap(),
        &laptop.challenge.clone(),
        "nonsense",
        "",
    ] {
        let mut laptop = laptop.clone();
        set(&mut laptop, value);
        let answer = laptop.browser.refresh(&server).await;
        assert_eq!(answer.status, 307, "{value}: {answer:?}");
        assert_eq!(answer.header("location"), Some(REFRESH));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(laptop.bound_cookie(), None, "deleted");
        assert_eq!(laptop.refresh(&server).await.status, 200);
    }
    server.assert_logged(
        "INFO stateless_session: a proof that counts no more, in a cookie that should be gone",
    );
    // One that counts, beside one that somebody tossed.
    set(&mut laptop, "tossed");
    let mut tossed = laptop.browser.cookies.clone();
    assert_eq!(laptop.refresh(&server).await.status, 200);
    tossed.retain(|cookie| cookie.name.contains("-bound-"));
    laptop.browser.cookies.extend(tossed);
    assert_eq!(laptop.browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_logout_takes_the_bound_cookie_with_it() {
    for module in [false, true] {
        for reads in [false, true] {
            let (clock, server, mut laptop) = bound().await;
            let server = if reads {
                reading(&clock).serve().await
            } else {
                server
            };
            if module {
                // The browser module has removed it before it asks.
                let cookies = &mut laptop.browser.cookies;
                cookies.retain(|cookie| !cookie.name.starts_with("__Host-"));
            }
            let copy = laptop.clone();
            assert_eq!(laptop.browser.logout(&server).await.status, 204);
            assert!(
                laptop.browser.cookies.is_empty(),
                "{:?}",
                laptop.browser.cookies
            );
            drop(copy);
        }
    }
}

/// Where a refresh deletes what an earlier login left.
#[tokio::test]
async fn what_an_earlier_bound_session_left_is_deleted() {
    let (clock, server, mut laptop) = bound().await;
    let left = laptop.browser.cookies.clone();
    clock.advance(60);
    let answer = laptop.login(&server, 8).await;
    assert!(offered_challenge(&answer).is_some());
    let is_of_tokens = |name: &str| name.starts_with("__Secure-");
    let left: Vec<_> = left
        .into_iter()
        .filter(|cookie| is_of_tokens(&cookie.name))
        .collect();
    assert_eq!(left.len(), 2);
    laptop.browser.cookies.extend(left);
    let answer = laptop.browser.refresh(&server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.set_cookies().len(), 2);
    assert_eq!(laptop.browser.cookies.len(), 2);
}
