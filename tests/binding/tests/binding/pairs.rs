//! Bound sessions beside a registry with rotation, programs that are no browsers, and pages.

use std::sync::{Arc, Mutex};

use serde_json::json;
use stateless_session::{EventKind, Sessions};

use crate::apps::{App, native, pages, rotating};
use crate::laptop::{Laptop, REFRESH, offered_challenge};
use crate::support::{
    Browser, HeldClock, REFRESH_SECRET, Request, Server, forge_like, keys, lock, payload,
};

const CHALLENGE: &str = r#"Bearer realm="shop""#;

#[tokio::test]
async fn rotation_hands_out_successors_that_are_bound_to_the_same_key() {
    let clock = HeldClock::new();
    let server = rotating(&clock).await.serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let key = laptop.bound_to();
    let mut issued = Vec::new();
    for _ in 0..5 {
        clock.advance(20 * 60);
        laptop.bound_cookie_ends();
        let answer = laptop.refresh(&server).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(laptop.bound_to(), key);
        issued.push(laptop.refresh_claims()["iat"].clone());
    }
    issued.dedup();
    assert_eq!(issued.len(), 5, "one each");
}

/// Or a thief without the key could have the session ended, by showing what its successor displaced.
#[tokio::test]
async fn a_copy_without_the_key_does_not_move_rotation_on() {
    let clock = HeldClock::new();
    let server = rotating(&clock).await.serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let mut thief = laptop.clone();
    thief.bound_cookie_ends();
    for _ in 0..4 {
        clock.advance(20 * 60);
        laptop.bound_cookie_ends();
        assert_eq!(laptop.refresh(&server).await.status, 200);
        let answer = thief.browser.refresh(&server).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    assert!(!server.log().contains("reused"));
}

/// A copy with what is left of the bound cookie moves on, and shows.
#[tokio::test]
async fn a_copy_with_a_stamp_shows_and_ends_the_session() {
    let clock = HeldClock::new();
    let server = rotating(&clock).await.serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let mut thief = laptop.clone();
    let mut refused = 0;
    for _ in 0..6 {
        for copy in [&mut laptop, &mut thief] {
            clock.advance(45);
            refused += usize::from(copy.browser.refresh(&server).await.status == 401);
        }
    }
    assert!(refused > 0);
    server.assert_logged("refresh token reused, session ended");
    let answer = laptop.browser.refresh(&server).await;
    answer.assert_refused(401, "session_ended", Some(CHALLENGE));
}

#[tokio::test]
async fn logout_and_end_end_a_bound_session_as_any_other() {
    let clock = HeldClock::new();
    let app = rotating(&clock).await;
    let server = app.serve().await;
    for by_logout in [true, false] {
        let mut laptop = Laptop::bound(&server, 1).await;
        let mut copy = laptop.clone();
        if by_logout {
            assert_eq!(laptop.browser.logout(&server).await.status, 204);
            assert!(laptop.browser.cookies.is_empty());
        } else {
            let session = laptop.session.clone().unwrap();
            assert!(app.sessions.end(&7, &session).await.unwrap());
        }
        // Its key is still good, and nothing else is: the browser is told to forget it.
        let answer = copy.prove(&server).await;
        answer.assert_refused(401, "session_ended", Some(CHALLENGE));
        let answer = copy.browser.refresh(&server).await;
        answer.assert_refused(401, "session_ended", Some(CHALLENGE));
    }
}

/// A refresh that the page sends at once may cross the registration.
#[tokio::test]
async fn a_refresh_beside_the_registration_ends_nothing() {
    for registration_lands_last in [true, false] {
        let clock = HeldClock::new();
        let server = rotating(&clock).await.serve().await;
        let mut laptop = Laptop::signed_in(&server, 1).await;
        clock.advance(60);
        let mut registering = laptop.clone();
        let registered = registering.register(&server).await;
        let refreshed = laptop.browser.refresh(&server).await;
        assert_eq!((registered.status, refreshed.status), (200, 200));
        if registration_lands_last {
            laptop.browser.keep(&registered);
            laptop.session = registering.session;
            assert!(laptop.bound_to().is_some());
        }
        for _ in 0..4 {
            clock.advance(10 * 60);
            assert_eq!(laptop.refresh(&server).await.status, 200);
        }
        assert_eq!(laptop.bound_to().is_some(), registration_lands_last);
    }
}

#[tokio::test]
async fn a_program_that_is_no_browser_is_offered_nothing_and_its_token_is_refused_where_it_has_a_key()
 {
    let clock = HeldClock::new();
    let app: App<native::Claims> = App::of(Sessions::new(keys()), &clock);
    let server = app.serve().await;
    let login = Request::post("/login")
        .json(r#"{"sub":7}"#)
        .header("Session-Transport", "body");
    let answer = server.send(&login).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("secure-session-registration"), None);
    let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let refresh = |token: &str| Request::post(REFRESH).form(&form(token));
    assert_eq!(server.send(&refresh(&token)).await.status, 200);
    // As a later release binds it: no proof can come, so it counts for nothing here.
    let mut claims = payload(&token);
    claims["cnf"] = json!({"jwk": crate::laptop::Key::new(1).jwk()});
    let bound = forge_like(&token, &claims.to_string(), REFRESH_SECRET);
    let answer = server.send(&refresh(&bound)).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(answer.json()["code"], "session_unknown");
    // Browsers beside it are bound.
    let mut laptop = Laptop::bound(&server, 1).await;
    laptop.bound_cookie_ends();
    assert_eq!(laptop.refresh(&server).await.status, 200);
    // A body token in the jar, and a bound cookie token in the body, are of another kind.
    let answer = server
        .send(&refresh(&laptop.browser.refresh_cookie().value))
        .await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

async fn pages_server(clock: &HeldClock) -> Server {
    let app: App<pages::Claims> = App::of(Sessions::new(keys()), clock);
    app.serve().await
}

/// The led refresh of a page.
fn led() -> Request {
    Request::get("/auth/refresh?to=/notes%3Fq%3D1")
        .header("Accept", "text/html")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Site", "same-origin")
}

/// As a browser would, without the query.
fn with_refresh_cookies(browser: &Browser, request: Request) -> Request {
    let pairs = browser
        .cookies
        .iter()
        .map(|cookie| format!("{}={}", cookie.name, cookie.value));
    request.header("Cookie", pairs.collect::<Vec<_>>().join("; "))
}

#[tokio::test]
async fn a_page_is_led_to_its_proof_and_back() {
    let clock = HeldClock::new();
    let server = pages_server(&clock).await;
    let mut laptop = Laptop::bound(&server, 1).await;
    let send = |laptop: &Laptop, request: Request| with_refresh_cookies(&laptop.browser, request);
    let answer = server.send(&send(&laptop, led())).await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("/notes?q=1"));
    // A stale stamp: to itself, with where it leads.
    clock.advance(16 * 60);
    let answer = server.send(&send(&laptop, led())).await;
    assert_eq!(answer.status, 307, "{answer:?}");
    assert_eq!(
        answer.header("location"),
        Some("/auth/refresh?to=/notes%3Fq%3D1")
    );
    laptop.browser.keep(&answer);
    assert_eq!(laptop.bound_cookie(), None);
    // It could not prove: a page that says so, and nothing is over.
    let skipped = led().header("Secure-Session-Skipped", "unreachable");
    let answer = server.send(&send(&laptop, skipped)).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    // It has no key: nobody, for a moment.
    let answer = server.send(&send(&laptop, led())).await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("/notes?q=1"));
    let over = answer.set_cookies();
    assert_eq!((&*over[0].value, over[0].max_age), ("over", Some(3)));
    // It proves.
    assert_eq!(laptop.prove(&server).await.status, 200);
    let answer = server.send(&send(&laptop, led())).await;
    assert_eq!(answer.status, 307);
    assert!(
        answer
            .set_cookies()
            .iter()
            .any(|cookie| cookie.name.contains("-access-"))
    );
    // By POST, as the browser module asks.
    assert_eq!(laptop.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_copied_jar_of_pages_is_worth_its_access_cookie() {
    let clock = HeldClock::new();
    let server = pages_server(&clock).await;
    let laptop = Laptop::bound(&server, 1).await;
    let mut thief = laptop.clone();
    thief.bound_cookie_ends();
    let me = || Request::get("/me");
    assert_eq!(thief.browser.send(&server, me()).await.status, 200);
    clock.advance(15 * 60 + 5);
    assert_eq!(thief.browser.send(&server, me()).await.status, 307);
    let answer = server
        .send(&with_refresh_cookies(&thief.browser, led()))
        .await;
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|cookie| cookie.value == "over")
    );
}

/// A form's login is answered by a redirect or a document, which brings the offer as well.
#[tokio::test]
async fn a_login_by_a_form_offers() {
    let clock = HeldClock::new();
    let server = pages_server(&clock).await;
    for mode in ["navigate", "cors"] {
        let login = Request::post("/login")
            .json(r#"{"sub":7}"#)
            .header("Accept", "text/html")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", mode);
        let answer = server.send(&login).await;
        assert!(matches!(answer.status, 200 | 303), "{answer:?}");
        assert!(offered_challenge(&answer).is_some());
    }
}

/// What the hook hears of a copy: a refusal, and no end.
#[tokio::test]
async fn the_hook_hears_of_a_copy() {
    let clock = HeldClock::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&heard);
    let mut app = rotating(&clock).await;
    app.sessions = app.sessions.on_event(move |event| {
        let what = match event.kind {
            EventKind::Refused { code, cause } => format!("{code}: {cause}"),
            EventKind::Ended { why } => why.to_string(),
            _ => return,
        };
        lock(&events).push((event.sid().map(str::to_owned), what));
    });
    let server = app.serve().await;
    let mut laptop = Laptop::bound(&server, 1).await;
    laptop.bound_cookie_ends();
    laptop.browser.refresh(&server).await;
    let heard = lock(&heard).clone();
    let cause = "session_unknown: a bound refresh token without a proof: a copy, or the browser lost its key";
    assert_eq!(heard, [(laptop.session.clone(), cause.to_owned())]);
}
