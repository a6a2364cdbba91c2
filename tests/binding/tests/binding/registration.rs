//! How a session is bound, and what stays unbound.

use serde_json::{Value, json};

use crate::apps::{App, moved, offered, reading};
use crate::laptop::{DEVICE, Key, Laptop, offered_challenge};
use crate::support::{Answer, Browser, DAY, HeldClock, Request, Server, keys, payload};
use stateless_session::{SessionClaims, Sessions};

#[tokio::test]
async fn a_login_offers_and_a_registration_binds() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let before = laptop.refresh_claims();
    assert_eq!(before.get("cnf"), None);
    clock.advance(3);
    let answer = laptop.register(&server).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let sid = before["sid"].as_str().unwrap();
    let name = format!("__Secure-shop-bound-{}", &sid[..8]);
    let instructions = json!({
        "session_identifier": sid,
        "refresh_url": DEVICE,
        "scope": {"include_site": false},
        "credentials": [{
            "type": "cookie",
            "name": name,
            "attributes": "Path=/auth/refresh; Secure; HttpOnly; SameSite=Strict",
        }],
    });
    assert_eq!(answer.json(), instructions);
    // The same token, for as long, with the key in it.
    let mut after = laptop.refresh_claims();
    let cnf = after.as_object_mut().unwrap().remove("cnf");
    assert_eq!(cnf, Some(json!({"jwk": laptop.key.jwk()})));
    assert_eq!(after, before);
    let cookies = answer.set_cookies();
    let [token, bound] = &cookies[..] else {
        panic!("two cookies: {cookies:?}")
    };
    assert_eq!(token.name, format!("__Secure-shop-refresh-{}", &sid[..8]));
    assert_eq!(token.max_age, Some(7 * 86_400 - 3));
    assert_eq!(bound.name, name);
    let attributes = bound.line.split_once("; ").unwrap().1;
    assert_eq!(
        attributes,
        "HttpOnly; SameSite=Strict; Secure; Path=/auth/refresh; Max-Age=900; \
         Expires=Fri, 15 Jan 2027 08:15:03 GMT"
    );
    assert_eq!(bound.value.len(), 54);
    server.assert_logged("INFO stateless_session: the session is bound to the browser's key sid=");
    let refreshed = laptop.browser.refresh(&server).await;
    assert_eq!(refreshed.status, 200);
    assert_eq!(payload(&refreshed.access_token())["bound"], true);
    assert_eq!(payload(&refreshed.access_token()).get("cnf"), None);
}

#[tokio::test]
async fn without_a_registration_a_session_is_as_it_is_without_the_key() {
    let clock = HeldClock::new();
    let (with, without) = (offered(&clock), reading(&clock));
    let (with, without) = (with.serve().await, without.serve().await);
    let shape = |answer: &Answer| -> Vec<(String, String)> {
        let varies = |name: &str| name == "set-cookie" || name == "date";
        let headers = answer.headers.iter().filter(|(name, _)| !varies(name));
        let is_offer = |name: &str| name == "secure-session-registration";
        headers
            .filter(|(name, _)| !is_offer(name))
            .cloned()
            .collect()
    };
    let login = Request::post("/login").json(r#"{"sub":7}"#);
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let of_one = one.send(&with, login.clone()).await;
    let of_other = other.send(&without, login).await;
    assert!(offered_challenge(&of_one).is_some());
    assert_eq!(offered_challenge(&of_other), None);
    assert_eq!(shape(&of_one), shape(&of_other));
    assert_eq!(of_one.set_cookies().len(), of_other.set_cookies().len());
    for seconds in [0, 600, DAY, DAY] {
        clock.advance(seconds);
        let (of_one, of_other) = (one.refresh(&with).await, other.refresh(&without).await);
        assert_eq!(of_one.status, 200);
        assert_eq!(shape(&of_one), shape(&of_other));
        assert_eq!(of_one.header("secure-session-registration"), None);
        assert_eq!(payload(&of_one.access_token())["bound"], false);
        assert_eq!(of_one.set_cookies().len(), of_other.set_cookies().len());
        let claims = payload(&one.refresh_cookie().value);
        assert_eq!(claims.get("cnf"), None);
    }
    let (of_one, of_other) = (one.logout(&with).await, other.logout(&without).await);
    assert_eq!(shape(&of_one), shape(&of_other));
    assert_eq!(of_one.set_cookies().len(), 2);
    assert_eq!(of_other.set_cookies().len(), 2);
}

/// Every registration that proves nothing is 400, and the session goes on without a key.
#[tokio::test]
async fn a_registration_that_proves_nothing_binds_nothing() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let stranger = Laptop::signed_in(&server, 2).await;
    let (key, other) = (laptop.key.clone(), Key::new(9));
    let challenge = laptop.challenge.clone();
    let payload = json!({"jti": challenge});
    let with = |more: &Value| {
        let mut header = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": key.jwk()});
        let more = more.as_object().unwrap().clone();
        header.as_object_mut().unwrap().extend(more);
        key.sign(&header, &payload)
    };
    let mut private = key.jwk();
    private["d"] = json!("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE");
    let mut off_the_curve = key.jwk();
    off_the_curve["y"] = off_the_curve["x"].clone();
    let mut rows: Vec<(&str, String)> = vec![
        ("does not read", String::new()),
        ("does not read", "nonsense".to_owned()),
        ("without a key", key.proof(&challenge)),
        ("did not sign", with(&json!({"jwk": other.jwk()}))),
        ("did not sign", with(&json!({"jwk": off_the_curve}))),
        ("does not read", with(&json!({"jwk": private}))),
        ("does not read", with(&json!({"typ": "dpop+jwt"}))),
        ("does not read", with(&json!({"alg": "none"}))),
        ("does not read", with(&json!({"crit": ["x"]}))),
        ("counts no more", key.registration(&stranger.challenge)),
        ("counts no more", key.registration("1800000000.AAAA")),
        ("counts no more", key.registration("")),
    ];
    let bound = Laptop::bound(&server, 3).await;
    rows.push((
        "counts no more",
        key.registration(bound.bound_cookie().unwrap()),
    ));
    for (cause, proof) in rows {
        let request = Request::post(DEVICE).header("Secure-Session-Response", &proof);
        let answer = laptop.browser.send(&server, request).await;
        assert_invalid(&answer);
        server.assert_logged(cause);
    }
    assert_invalid(&laptop.browser.send(&server, Request::post(DEVICE)).await);
    let good = key.registration(&challenge);
    let twice = Request::post(DEVICE)
        .header("Secure-Session-Response", &good)
        .header("Secure-Session-Response", &good);
    assert_invalid(&laptop.browser.send(&server, twice).await);
    assert_eq!(laptop.bound_to(), None);
    assert_eq!(laptop.browser.refresh(&server).await.status, 200);
    // And it is still there to be bound.
    assert_eq!(laptop.register(&server).await.status, 200);
}

fn assert_invalid(answer: &Answer) {
    answer.assert_refused(400, "invalid_request", None);
}

#[tokio::test]
async fn a_bound_session_takes_no_other_key() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let bound_to = laptop.bound_to();
    for key in [1, 2] {
        let mut thief = laptop.clone();
        thief.key = Key::new(key);
        assert_invalid(&thief.register(&server).await);
    }
    assert_eq!(laptop.bound_to(), bound_to);
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_registration_of_no_session_known_here_is_503() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let laptop = Laptop::signed_in(&server, 1).await;
    let proof = laptop.key.registration(&laptop.challenge);
    let request = Request::post(DEVICE).header("Secure-Session-Response", proof);
    let answer = server.send(&request).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
}

#[tokio::test]
async fn a_page_of_another_origin_registers_nothing_unless_it_is_allowed() {
    let clock = HeldClock::new();
    let mut app = offered(&clock);
    for origin in ["https://app.example.com", "https://admin.example.com:8443"] {
        app.sessions = app.sessions.allow_origin(origin).unwrap();
    }
    let server = app.serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let proof = laptop.key.registration(&laptop.challenge);
    let request = Request::post(DEVICE).header("Secure-Session-Response", proof);
    let foreign = request.clone().header("Sec-Fetch-Site", "same-site");
    let answer = laptop
        .browser
        .send(
            &server,
            foreign.header("Origin", "https://evil.example.com"),
        )
        .await;
    answer.assert_refused(403, "cross_origin", None);
    assert_eq!(laptop.bound_to(), None);
    // The hosts, because the browser knows no more of them.
    let answer = laptop.register(&server).await;
    assert_eq!(
        answer.json()["allowed_refresh_initiators"],
        json!(["app.example.com", "admin.example.com"])
    );
}

#[tokio::test]
async fn a_path_of_its_own_stands_in_the_offer_and_in_the_instructions() {
    let clock = HeldClock::new();
    let app: App<moved::Claims> = App::of(Sessions::new(keys()), &clock);
    let server = app.serve().await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"sub":7}"#);
    let answer = browser.send(&server, login).await;
    let offer = answer.header("secure-session-registration").unwrap();
    let rest = offer.strip_prefix(r#"(ES256);path="/shop/auth/device";challenge=""#);
    let challenge = rest.unwrap().trim_end_matches('"');
    let proof = Key::new(1).registration(challenge);
    let request = Request::post("/shop/auth/device").header("Secure-Session-Response", proof);
    let answer = browser.send(&server, request).await;
    let instructions = answer.json();
    assert_eq!(instructions["refresh_url"], "/shop/auth/device");
    assert_eq!(
        instructions["credentials"][0]["attributes"],
        "Path=/shop/auth/refresh; Secure; HttpOnly; SameSite=Strict"
    );
    assert_eq!(answer.set_cookies()[1].path, "/shop/auth/refresh");
}

#[tokio::test]
async fn a_session_that_ends_with_the_browser_stays_so() {
    // The policy prints what it is.
    assert!(
        offered::Claims::POLICY
            .to_string()
            .ends_with("\nbinding    offered, __Secure-shop-bound-*")
    );
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let mut laptop = Laptop::signed_in(&server, 1).await;
    let claims = laptop.refresh_claims().to_string();
    let claims = claims.replacen('{', r#"{"persistent":false,"#, 1);
    let cookie = laptop.browser.refresh_cookie().value.clone();
    let token = crate::support::forge_like(&cookie, &claims, crate::support::REFRESH_SECRET);
    for other in &mut laptop.browser.cookies {
        if other.value == cookie {
            other.value.clone_from(&token);
        }
    }
    let answer = laptop.register(&server).await;
    assert_eq!(answer.set_cookies()[0].max_age, None);
    assert_eq!(laptop.refresh_claims()["persistent"], false);
    clock.advance(2 * DAY);
    laptop.bound_cookie_ends();
    let answer = laptop.refresh(&server).await;
    assert_eq!(answer.set_cookies()[0].max_age, None);
    assert!(laptop.bound_to().is_some());
}

#[tokio::test]
async fn no_key_and_no_proof_is_in_the_log() {
    let clock = HeldClock::new();
    let server: Server = offered(&clock).serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    laptop.bound_cookie_ends();
    assert_eq!(laptop.refresh(&server).await.status, 200);
    let mut thief = laptop.clone();
    thief.bound_cookie_ends();
    thief.key = Key::new(2);
    thief.prove(&server).await;
    thief.register(&server).await;
    let log = server.log();
    for key in [1, 2] {
        let jwk = Key::new(key).jwk();
        for coordinate in ["x", "y"] {
            let text = jwk[coordinate].as_str().unwrap();
            assert!(!log.contains(&text[..12]), "{log}");
        }
    }
    for stamp in [&*laptop.challenge, laptop.bound_cookie().unwrap()] {
        let (_, mac) = stamp.split_once('.').unwrap();
        assert!(!log.contains(&mac[..12]), "{log}");
    }
}
