//! A login that rests on an authentication of earlier: only `max_age` counts from it.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{FromRef, Path};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Login, Renew, Renewal, Session, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};

use crate::support::{Browser, DAY, HeldClock, MINUTE, Request, START, Server, keys, payload};

#[stateless_session(access = "15m", refresh = "7d", absolute = "7d", native)]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[derive(Clone)]
struct App(Sessions<Claims>);

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let sub = *session.subject();
        Ok(Some(Claims { sub }))
    }
}

async fn login(login: Login<Claims>, Path(at): Path<u64>) -> Result<TokenResponse, IssueError> {
    let then = UNIX_EPOCH + Duration::from_secs(at);
    login.authenticated_at(then).start(Claims { sub: 7 })
}

#[require_session(max_age = "5m")]
async fn close_account(_claims: Claims) {}

#[require_session]
async fn since(session: Session<Claims>) -> Json<u64> {
    let since = session.authenticated_at().duration_since(UNIX_EPOCH);
    Json(since.unwrap().as_secs())
}

async fn start() -> (HeldClock, Server) {
    let clock = HeldClock::new();
    let routes = Router::new()
        .route("/login/{at}", post(login))
        .route("/close-account", post(close_account))
        .route("/since", get(since))
        .merge(Claims::routes());
    let sessions = clock.hold(Sessions::new(keys()));
    (clock, Server::start(routes.with_state(App(sessions))).await)
}

async fn log_in(server: &Server, at: u64) -> Browser {
    let mut browser = Browser::default();
    let login = Request::post(&format!("/login/{at}"));
    assert_eq!(browser.send(server, login).await.status, 200);
    browser
}

async fn may_close(server: &Server, browser: &mut Browser) -> bool {
    let answer = browser.call(server, Request::post("/close-account")).await;
    if answer.status != 200 {
        assert_eq!(answer.json()["code"], "login_required");
    }
    answer.status == 200
}

#[tokio::test]
async fn max_age_counts_from_the_authentication_and_everything_else_from_the_login() {
    let (clock, server) = start().await;
    let mut browser = log_in(&server, START - 4 * MINUTE).await;
    let access = payload(browser.access_token.as_ref().unwrap());
    assert_eq!(
        (&access["auth_time"], &access["auth_age"]),
        (&START.into(), &(4 * MINUTE).into())
    );
    assert_eq!(
        payload(&browser.refresh_cookie().value)["auth_age"],
        4 * MINUTE
    );
    let since = browser.call(&server, Request::get("/since")).await;
    assert_eq!(since.body, START.to_string());
    assert!(may_close(&server, &mut browser).await);
    clock.advance(MINUTE);
    assert!(may_close(&server, &mut browser).await);
    clock.advance(1);
    assert!(!may_close(&server, &mut browser).await);
    // A refresh makes nobody younger, and one that hands out another cookie keeps it, too.
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert!(!may_close(&server, &mut browser).await);
    clock.set(START + 2 * DAY);
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(
        payload(&browser.refresh_cookie().value)["auth_age"],
        4 * MINUTE
    );
    clock.set(START + 7 * DAY - 1);
    assert_eq!(
        browser.refresh(&server).await.status,
        200,
        "the absolute end counts from the login"
    );
}

#[tokio::test]
async fn an_authentication_of_now_or_to_come_adds_nothing() {
    let (_, server) = start().await;
    for at in [START, START + DAY] {
        let mut browser = log_in(&server, at).await;
        let access = payload(browser.access_token.as_ref().unwrap());
        assert!(access.get("auth_age").is_none());
        assert!(may_close(&server, &mut browser).await);
    }
    let mut browser = log_in(&server, 0).await;
    assert!(!may_close(&server, &mut browser).await);
}

#[tokio::test]
async fn a_program_that_is_no_browser_is_as_old() {
    let (_, server) = start().await;
    let login = Request::post(&format!("/login/{}", START - 10 * MINUTE));
    let answer = server
        .send(&login.header("Session-Transport", "body"))
        .await;
    let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(payload(&token)["auth_age"], 10 * MINUTE);
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let refreshed = server
        .send(&Request::post("/auth/refresh").form(&form))
        .await;
    assert_eq!(payload(&refreshed.access_token())["auth_age"], 10 * MINUTE);
}
