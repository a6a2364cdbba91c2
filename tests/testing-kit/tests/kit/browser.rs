//! Browser, requests and tokens, against an application that is right.

use axum::http::header::{AUTHORIZATION, HeaderName};
use stateless_session::testing::{Browser, delete, get, post};

use crate::application::{App, Claims, claims};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[tokio::test]
async fn a_handler_is_tested_in_a_line_for_each_case() {
    let app = App::new();
    let (router, sessions) = (app.router(), &app.sessions);
    let ada = || claims("ada");

    let answer = get("/me").session(sessions, ada()).send(&router).await;
    assert_eq!(answer.json::<Claims>(), ada());
    let purge = |token: &dyn std::fmt::Display| delete("/todos").bearer(token).send(&router);
    assert_eq!(purge(&sessions.issue(ada())).await.status, 204);
    assert_eq!(purge(&sessions.issue(claims("eve"))).await.status, 403);
    let stale = purge(&sessions.issue(ada()).read("31s")).await;
    assert_eq!(stale.code().as_deref(), Some("stale_token"));
    let expired = purge(&sessions.issue(ada()).read("16m")).await;
    assert_eq!(expired.code().as_deref(), Some("invalid_token"));
    let close = |token: &dyn std::fmt::Display| delete("/account").bearer(token).send(&router);
    assert_eq!(
        close(&sessions.issue(ada()).logged_in("5m")).await.status,
        204
    );
    let old = close(&sessions.issue(ada()).logged_in("6m")).await;
    assert_eq!(old.code().as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_browser_keeps_its_session_as_the_module_does() {
    let app = App::new();
    let mut browser = Browser::new(app.router());
    assert_eq!(
        browser.fetch(get("/me")).await.code().as_deref(),
        Some("missing_token")
    );
    assert_eq!(
        browser.post_json("/login", &("ada", "guess")).await.status,
        401
    );
    assert!(!browser.has_session() && browser.token().is_none());

    assert_eq!(
        browser.post_json("/login", &("ada", "ada")).await.status,
        200
    );
    assert!(browser.has_session());
    assert_eq!(browser.send(get("/me")).await.status, 200);
    app.clock.advance("16m");
    assert_eq!(browser.send(get("/me")).await.status, 401);
    assert_eq!(browser.fetch(get("/me")).await.status, 200);
    browser.reload();
    assert_eq!(
        browser.fetch(get("/me")).await.json::<Claims>(),
        claims("ada")
    );
    app.clock.advance("31s");
    assert_eq!(browser.fetch(delete("/todos")).await.status, 204);

    assert_eq!(browser.logout().await.status, 204);
    assert!(!browser.has_session());
    assert_eq!(browser.fetch(get("/me")).await.status, 401);
    app.clock.set_back("1m");
    browser.sign_in(&app.sessions, claims("eve"));
    assert_eq!(
        browser.fetch(get("/me")).await.json::<Claims>(),
        claims("eve")
    );
    app.clock.advance("8d");
    assert_eq!(
        browser.refresh().await.code().as_deref(),
        Some("session_ended")
    );
}

#[tokio::test]
async fn a_request_says_what_a_page_of_ours_would_say_unless_told_otherwise() {
    let app = App::new();
    let mut browser = Browser::new(app.router());
    let foreign = post("/login")
        .json(&("ada", "ada"))
        .header(SEC_FETCH_SITE, "cross-site");
    let answer = browser.send(foreign).await;
    assert_eq!(answer.code().as_deref(), Some("cross_origin"));
    assert!(!browser.has_session());
    browser.sign_in(&app.sessions, claims("ada"));
    let answer = browser
        .send(get("/me").header(AUTHORIZATION, "Basic x"))
        .await;
    assert_eq!(answer.code().as_deref(), Some("missing_token"));
}

#[test]
fn nothing_prints_a_token() {
    let app = App::new();
    let token = app.sessions.issue(claims("ada")).to_string();
    let mut browser = Browser::new(app.router());
    browser.sign_in(&app.sessions, claims("ada"));
    let printed = format!("{:?} {browser:?}", get("/me").bearer(&token));
    let payload = token.split('.').nth(1).unwrap();
    assert!(!printed.contains(payload), "{printed}");
    assert!(!printed.contains(browser.token().unwrap()), "{printed}");
}

#[test]
#[should_panic(expected = "invalid lifetime `16 minutes`")]
fn a_lifetime_is_written_as_in_the_attributes() {
    App::new().clock.advance("16 minutes");
}
