//! What the hook of `Sessions::on_event` hears: the same as the log, with the whole `sid` and the subject.

use std::sync::{Arc, Mutex};

use stateless_session::{EventKind, SessionEvent};

use crate::app::{App, Claims, Lookup, UserId};
use crate::support::{Browser, DAY, HOUR, MINUTE, Request, Server, lock, payload};

#[derive(Clone, Debug, PartialEq)]
struct Heard {
    what: String,
    sid: Option<String>,
    user: Option<UserId>,
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Heard>>>);

impl Ear {
    fn hear(&self, event: &SessionEvent<'_, Claims>) {
        let what = match event.kind {
            EventKind::Refused { code, cause } => format!("refused {code}: {cause}"),
            EventKind::Refreshed { reissued, .. } => format!("refreshed {reissued}"),
            EventKind::Unavailable { cause } => format!("unavailable: {cause}"),
            kind => format!("{kind:?}"),
        };
        let sid = event.sid().map(str::to_owned);
        assert!(
            sid.is_none_or(|sid| !format!("{event:?}").contains(&sid)),
            "`Debug` cuts it short"
        );
        lock(&self.0).push(Heard {
            what,
            sid: event.sid().map(str::to_owned),
            user: event.subject().copied(),
        });
    }

    /// What was heard since the last time.
    fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut lock(&self.0))
    }
}

async fn logged_in() -> (App, Ear, Server, Browser) {
    let (mut app, ear) = (App::new(), Ear::default());
    let listener = ear.clone();
    app.sessions = app.sessions.on_event(move |event| listener.hear(event));
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    assert_eq!(browser.send(&server, login).await.status, 200);
    (app, ear, server, browser)
}

fn sid_of(browser: &Browser) -> String {
    let claims = payload(browser.access_token.as_ref().unwrap());
    claims["sid"].as_str().unwrap().to_owned()
}

fn event(what: &str, sid: Option<&str>, user: Option<i64>) -> Vec<Heard> {
    vec![Heard {
        what: what.to_owned(),
        sid: sid.map(str::to_owned),
        user: user.map(UserId),
    }]
}

#[tokio::test]
async fn a_sessions_life_is_heard_with_its_name_and_whose_it_is() {
    let (app, ear, server, mut browser) = logged_in().await;
    let sid = sid_of(&browser);
    assert_eq!(ear.heard(), event("Login", Some(&sid), Some(1)));
    browser.refresh(&server).await;
    assert_eq!(ear.heard(), event("refreshed false", Some(&sid), Some(1)));
    app.clock.advance(DAY);
    browser.refresh(&server).await;
    assert_eq!(ear.heard(), event("refreshed true", Some(&sid), Some(1)));
    let before = browser.clone();
    browser.send(&server, Request::post("/auth/logout")).await;
    assert_eq!(ear.heard(), event("LoggedOut", Some(&sid), Some(1)));

    // A copy of the cookies, until each of what ends a session.
    let ending = |why: &str| format!("Ended {{ why: {why} }}");
    app.find(Lookup::Nobody);
    before.clone().refresh(&server).await;
    assert_eq!(ear.heard(), event(&ending("UserGone"), Some(&sid), Some(1)));
    app.find(Lookup::User);
    lock(&app.users).get_mut(&UserId(1)).unwrap().generation += 1;
    before.clone().refresh(&server).await;
    assert_eq!(
        ear.heard(),
        event(&ending("Generation"), Some(&sid), Some(1))
    );
    let mut without = before.clone();
    without
        .cookies
        .retain(|cookie| !cookie.name.contains("-refresh-"));
    without.refresh(&server).await;
    assert_eq!(ear.heard(), event(&ending("CookieGone"), Some(&sid), None));
    app.clock.advance(8 * DAY);
    before.clone().refresh(&server).await;
    assert_eq!(ear.heard(), event(&ending("Idle"), Some(&sid), None));
}

#[tokio::test]
async fn what_was_refreshed_to_its_end_did_not_idle() {
    let (app, ear, server, mut browser) = logged_in().await;
    let sid = sid_of(&browser);
    for _ in 0..29 {
        app.clock.advance(DAY);
        assert_eq!(browser.refresh(&server).await.status, 200);
    }
    for day_or_two in [DAY, 2 * DAY] {
        app.clock.advance(day_or_two);
        ear.heard();
        browser.clone().refresh(&server).await;
        let heard = ear.heard();
        let [ended] = &heard[..] else {
            panic!("{heard:?}");
        };
        assert_eq!(ended.what, "Ended { why: Absolute }");
        assert_eq!(ended.sid.as_deref(), Some(&*sid));
    }
}

#[tokio::test]
async fn refusals_are_heard_with_the_cause_that_no_answer_tells() {
    let (app, ear, server, browser) = logged_in().await;
    let (sid, token) = (sid_of(&browser), browser.access_token.clone().unwrap());
    ear.heard();
    let me = || Request::get("/me");
    server.send(&me()).await;
    let what = "refused missing_token: no access token";
    assert_eq!(ear.heard(), event(what, None, None));
    server.send(&me().bearer("x.y.z")).await;
    assert!(
        ear.heard()[0]
            .what
            .starts_with("refused invalid_token: its")
    );
    let forbidden = Request::new("DELETE", "/todos/1").bearer(&token);
    assert_eq!(server.send(&forbidden).await.status, 403);
    let heard = ear.heard();
    assert_eq!(heard[0].sid.as_ref(), Some(&sid));
    assert!(heard[0].what.starts_with("refused forbidden: the guard"));
    server
        .send(&Request::post("/auth/refresh").header("Sec-Fetch-Site", "cross-site"))
        .await;
    assert!(ear.heard()[0].what.starts_with("refused cross_origin:"));
    server.send(&Request::post("/auth/refresh")).await;
    let what = "refused session_unknown: a refresh without a session";
    assert_eq!(ear.heard(), event(what, None, None));
    app.find(Lookup::Outage);
    browser.clone().refresh(&server).await;
    let heard = ear.heard();
    assert!(heard[0].what.starts_with("unavailable: the user could not"));
    assert_eq!(
        (heard[0].sid.as_ref(), heard[0].user),
        (Some(&sid), Some(UserId(1)))
    );
    app.find(Lookup::OtherSubject);
    browser.clone().refresh(&server).await;
    assert!(ear.heard()[0].what.starts_with("refused internal_error:"));
    // And a request that is let in is none.
    assert_eq!(server.send(&me().bearer(&token)).await.status, 200);
    app.clock.advance(HOUR + MINUTE);
    assert_eq!(ear.heard(), []);
}

#[tokio::test]
async fn nobody_logs_out_a_session_whose_refresh_token_he_lacks() {
    let (_app, ear, server, browser) = logged_in().await;
    ear.heard();
    let mut stranger = browser.clone();
    for cookie in &mut stranger.cookies {
        if cookie.name.contains("-refresh-") {
            cookie.value = "guessed".into();
        }
    }
    let answer = stranger.send(&server, Request::post("/auth/logout")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(ear.heard(), []);
}

#[tokio::test]
async fn a_hook_that_panics_changes_no_answer() {
    let mut app = App::new();
    app.sessions = app.sessions.on_event(|_| panic!("a panic in the hook"));
    let server = Server::start(app.router()).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    assert_eq!(browser.send(&server, login).await.status, 200);
    assert_eq!(browser.refresh(&server).await.status, 200);
    server.send(&Request::get("/me")).await.assert_refused(
        401,
        "missing_token",
        Some(crate::support::CHALLENGE),
    );
    server.assert_logged("the hook of `Sessions::on_event` panicked");
}
