//! A session that ends with the browser, because nobody asked to be remembered.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use stateless_session::{Login, SessionRoutes, TokenResponse};

use crate::app::{App, Claims, UserId};
use crate::support::{Browser, DAY, Request, Server, lock, payload};

async fn login_here(login: Login<Claims>, State(app): State<App>) -> TokenResponse {
    let claims = lock(&app.users)[&UserId(1)].clone();
    login.not_persistent().start(claims).unwrap()
}

async fn logged_in() -> (App, Server, Browser) {
    let app = App::new();
    let router = Router::new()
        .route("/login-here", post(login_here))
        .merge(App::routes())
        .merge(Claims::routes())
        .with_state(app.clone());
    let server = Server::start(router).await;
    let mut browser = Browser::default();
    let answer = browser.send(&server, Request::post("/login-here")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.set_cookies().len(), 2);
    assert_ends_with_the_browser(&browser);
    (app, server, browser)
}

fn assert_ends_with_the_browser(browser: &Browser) {
    for cookie in &browser.cookies {
        let line = cookie.line.to_ascii_lowercase();
        assert!(
            !line.contains("max-age") && !line.contains("expires"),
            "{line}"
        );
        assert!(line.contains("; secure") && line.contains("samesite=strict"));
    }
}

#[tokio::test]
async fn neither_cookie_outlives_the_browser_and_every_refresh_keeps_it_so() {
    let (app, server, mut browser) = logged_in().await;
    for _ in 0..3 {
        app.clock.advance(2 * DAY);
        let answer = browser.refresh(&server).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), 1, "it is due");
        assert_ends_with_the_browser(&browser);
    }
    // The lifetimes of the attribute count all the same.
    app.clock.advance(8 * DAY);
    assert_eq!(browser.refresh(&server).await.status, 401);
}

#[tokio::test]
async fn whoever_asked_to_be_remembered_has_no_byte_more() {
    let (_, server, mut browser) = logged_in().await;
    let own = payload(&browser.refresh_cookie().value);
    assert_eq!(own["persistent"], false);
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    browser.send(&server, login).await;
    assert_eq!(
        payload(&browser.refresh_cookie().value).get("persistent"),
        None
    );
    assert!(browser.refresh_cookie().line.contains("Max-Age=604800"));
}

#[tokio::test]
async fn an_answer_says_how_long_the_session_lasts() {
    let (app, server, mut browser) = logged_in().await;
    for (day, left) in [(0, 7), (0, 7), (1, 7), (6, 7), (6, 7), (6, 7), (6, 5)] {
        app.clock.advance(day * DAY);
        let answer = browser.refresh(&server).await;
        let seconds = answer.json()["session_expires_in"].as_u64().unwrap();
        assert_eq!(seconds, left * DAY);
    }
}
