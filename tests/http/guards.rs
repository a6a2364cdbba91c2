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
    server.assert_logged("code=\"forbidden\" cause=the guard `http::app::DeleteTodoGuard`");
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

/// Where no extractor runs: a GraphQL resolver, a WebSocket, a job.
#[test]
fn a_guard_that_is_checked_by_hand_asks_for_everything_that_it_declares() {
    use std::time::Duration;

    use stateless_session::{Guard, Require, Session, SessionRejection, Sessions};

    use crate::app::{Claims, Role, UserId};
    use crate::support::{HeldClock, keys};

    enum FreshGuard {}

    impl Guard<Claims> for FreshGuard {
        const FRESH: Duration = Duration::from_secs(30);
    }

    enum RecentGuard {}

    impl Guard<Session<Claims>> for RecentGuard {
        const MAX_AGE: Duration = Duration::from_mins(5);
    }

    enum AdminGuard {}

    impl Guard<Claims> for AdminGuard {
        const FRESH: Duration = Duration::from_secs(30);
        const MAX_AGE: Duration = Duration::from_mins(5);

        fn allows(claims: &Claims) -> bool {
            claims.role == Role::Admin
        }
    }

    let clock = HeldClock::new();
    let sessions = clock.hold(Sessions::<Claims>::new(keys()));
    let login = |role| {
        let claims = Claims {
            sub: UserId(1),
            role,
            generation: 0,
        };
        let login = sessions.login_checked_elsewhere(claims).unwrap();
        login.access_token().to_owned()
    };
    let (user, admin) = (login(Role::User), login(Role::Admin));
    let session = |token: &str| sessions.verify(token).unwrap();
    let refused = |result: Result<(), SessionRejection>| result.unwrap_err().code();
    let fresh = |token| Require::<_, FreshGuard>::check(session(token)).map(drop);
    let recent = |token| Require::<_, RecentGuard>::check(session(token)).map(drop);
    let by_admin = |token| Require::<_, AdminGuard>::check(session(token)).map(drop);

    clock.advance(30);
    assert!(fresh(&user).is_ok() && recent(&user).is_ok() && by_admin(&admin).is_ok());
    assert_eq!(refused(by_admin(&user)), "forbidden");
    clock.advance(1);
    assert_eq!(refused(fresh(&user)), "stale_token");
    assert_eq!(refused(by_admin(&user)), "stale_token");
    clock.advance(5 * MINUTE - 31);
    assert!(recent(&user).is_ok());
    clock.advance(1);
    assert_eq!(refused(recent(&user)), "login_required");

    let Require {
        session: claims, ..
    } = {
        let token = login(Role::Admin);
        Require::<Claims, AdminGuard>::check(session(&token)).unwrap()
    };
    assert_eq!(claims.role, Role::Admin);
}
