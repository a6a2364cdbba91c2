//! `#[require_session(..)]`: who gets in, and when that is decided.

use crate::app::App;
use crate::support::{Answer, Browser, CHALLENGE, MINUTE, Request, Server};

const FORBIDDEN: Option<&str> = Some(r#"Bearer error="insufficient_scope""#);
const INVALID_TOKEN: Option<&str> = Some(r#"Bearer error="invalid_token""#);
const LOGIN_REQUIRED: Option<&str> =
    Some(r#"Bearer error="insufficient_user_authentication", max_age="300""#);

async fn logged_in(user: i64) -> (App, Server, Browser) {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    log_in(&server, &mut browser, user).await;
    (app, server, browser)
}

async fn log_in(server: &Server, browser: &mut Browser, user: i64) {
    let body = format!(r#"{{"user": {user}}}"#);
    let answer = browser
        .send(server, Request::post("/login").json(&body))
        .await;
    assert_eq!(answer.status, 200);
}

async fn call(server: &Server, browser: &mut Browser, method: &str, target: &str) -> Answer {
    browser.call(server, Request::new(method, target)).await
}

#[tokio::test]
async fn a_pattern_lets_in_whom_it_matches_and_nobody_else() {
    let (app, server, mut browser) = logged_in(1).await;
    let handled = app.handled();
    call(&server, &mut browser, "DELETE", "/todos/7")
        .await
        .assert_refused(403, "forbidden", FORBIDDEN);
    assert_eq!(app.handled(), handled);
    for (user, answer) in [(2, "Owner deleted 7"), (3, "Admin deleted 7")] {
        log_in(&server, &mut browser, user).await;
        assert_eq!(
            call(&server, &mut browser, "DELETE", "/todos/7").await.body,
            answer
        );
    }
    server.assert_logged("refused by the guard");
}

#[tokio::test]
async fn an_expression_sees_the_session_under_the_parameters_name() {
    let (_, server, mut browser) = logged_in(1).await;
    assert_eq!(call(&server, &mut browser, "GET", "/named").await.body, "1");
    log_in(&server, &mut browser, 2).await;
    call(&server, &mut browser, "GET", "/named")
        .await
        .assert_refused(403, "forbidden", FORBIDDEN);
}

#[tokio::test]
async fn stale_claims_are_refused_until_a_refresh() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(30);
    assert_eq!(
        call(&server, &mut browser, "GET", "/fresh").await.status,
        204
    );
    app.clock.advance(1);
    call(&server, &mut browser, "GET", "/fresh")
        .await
        .assert_refused(401, "stale_token", INVALID_TOKEN);
    browser.refresh(&server).await;
    assert_eq!(
        call(&server, &mut browser, "GET", "/fresh").await.status,
        204
    );
}

#[tokio::test]
async fn an_old_login_is_refused_until_a_new_one_and_no_refresh_helps() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(5 * MINUTE);
    assert_eq!(
        call(&server, &mut browser, "GET", "/recent").await.status,
        204
    );
    app.clock.advance(1);
    call(&server, &mut browser, "GET", "/recent")
        .await
        .assert_refused(401, "login_required", LOGIN_REQUIRED);
    browser.refresh(&server).await;
    call(&server, &mut browser, "GET", "/recent")
        .await
        .assert_refused(401, "login_required", LOGIN_REQUIRED);
    log_in(&server, &mut browser, 1).await;
    assert_eq!(
        call(&server, &mut browser, "GET", "/recent").await.status,
        204
    );
}

#[tokio::test]
async fn of_several_arguments_all_are_required() {
    let (app, server, mut browser) = logged_in(1).await;
    call(&server, &mut browser, "GET", "/everything")
        .await
        .assert_refused(403, "forbidden", FORBIDDEN);
    log_in(&server, &mut browser, 3).await;
    assert_eq!(
        call(&server, &mut browser, "GET", "/everything")
            .await
            .status,
        200
    );
    app.clock.advance(31);
    call(&server, &mut browser, "GET", "/everything")
        .await
        .assert_refused(401, "stale_token", INVALID_TOKEN);
    app.clock.advance(5 * MINUTE);
    browser.refresh(&server).await;
    call(&server, &mut browser, "GET", "/everything")
        .await
        .assert_refused(401, "login_required", LOGIN_REQUIRED);
    app.raise_generation(3);
    app.raise_generation(3);
    log_in(&server, &mut browser, 3).await;
    call(&server, &mut browser, "GET", "/everything")
        .await
        .assert_refused(403, "forbidden", FORBIDDEN);
}

#[tokio::test]
async fn nobody_logs_in_again_only_to_be_refused() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(6 * MINUTE);
    browser.refresh(&server).await;
    call(&server, &mut browser, "GET", "/everything")
        .await
        .assert_refused(403, "forbidden", FORBIDDEN);
}

#[tokio::test]
async fn the_guard_decides_before_any_other_extractor_runs() {
    let (app, server, mut browser) = logged_in(1).await;
    let handled = app.handled();
    for target in ["/todos/7", "/todos/seven"] {
        let answer = server.send(&Request::new("DELETE", target)).await;
        answer.assert_refused(401, "missing_token", Some(CHALLENGE));
        call(&server, &mut browser, "DELETE", target)
            .await
            .assert_refused(403, "forbidden", FORBIDDEN);
    }
    let endless = Request::post("/me").endless_body();
    server
        .send(&endless)
        .await
        .assert_refused(401, "missing_token", Some(CHALLENGE));
    server
        .send(&endless.bearer("x.y.z"))
        .await
        .assert_refused(401, "invalid_token", INVALID_TOKEN);
    assert_eq!(app.handled(), handled);
}
