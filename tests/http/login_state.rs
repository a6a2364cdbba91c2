//! Logins that come back from elsewhere: they count in the browser that went, once, and at their own callback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{FromRef, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stateless_session::{
    BeginLogin, IssueError, Keys, LocalPath, LoginCallback, Sessions, stateless_session,
};

use crate::support::{
    ACCESS_SECRET, Answer, Browser, HeldClock, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET,
    REFRESH_SECRET, Request, START, Server, SetCookie, forge_like, keys, payload,
};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    to: LocalPath,
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    clock: HeldClock,
    handled: Arc<AtomicUsize>,
}

impl App {
    fn new() -> Self {
        Self::with_keys(keys(), HeldClock::new())
    }

    fn with_keys(keys: Keys, clock: HeldClock) -> Self {
        Self {
            sessions: clock.hold(Sessions::new(keys)),
            clock,
            handled: Arc::default(),
        }
    }

    fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    async fn start(&self) -> Server {
        let nested = Router::new().route("/callback", get(callback));
        let routes = Router::new()
            .route("/begin", any(begin))
            .route("/callback", any(callback))
            .route("/other/callback", get(callback))
            .route("/of-others", get(of_other_claims))
            .nest("/nested", nested);
        Server::start(routes.with_state(self.clone())).await
    }
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

/// Another struct with the same keys, cookie and issuer.
#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Others {
    sub: u64,
}

impl FromRef<App> for Sessions<Others> {
    fn from_ref(app: &App) -> Self {
        app.clock.hold(Self::new(keys()))
    }
}

#[derive(Deserialize)]
struct Wanted {
    at: Option<String>,
    to: Option<LocalPath>,
}

/// What an application puts into the provider's URL, so that the test can be the provider.
async fn begin(
    begin: BeginLogin<Claims>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, IssueError> {
    let to = wanted.to.unwrap_or(LocalPath::new("/").unwrap());
    let path = wanted.at.unwrap_or_else(|| "/callback".to_owned());
    let on_its_way = begin.at(&path, &Kept { to })?;
    let verifier = Sha256::digest(on_its_way.pkce_verifier());
    assert_eq!(
        on_its_way.pkce_challenge(),
        URL_SAFE_NO_PAD.encode_to_string(verifier)
    );
    let url = json!({
        "state": on_its_way.state(), "nonce": on_its_way.nonce(), "verifier": on_its_way.pkce_verifier(),
    });
    Ok((on_its_way, Json(url)).into_response())
}

async fn callback(
    State(app): State<App>,
    LoginCallback {
        login,
        kept,
        pkce_verifier,
        nonce,
        ..
    }: LoginCallback<Claims, Kept>,
    Query(answer): Query<Value>,
) -> Result<Response, IssueError> {
    app.handled.fetch_add(1, Ordering::SeqCst);
    if answer["error"] == "access_denied" {
        return Ok(Redirect::to("/login").into_response());
    }
    let started = login.start(Claims { sub: 7 })?;
    let checks = [("X-Verifier", pkce_verifier), ("X-Nonce", nonce)];
    Ok((started.into_parts().1, checks, Redirect::to(&kept.to)).into_response())
}

async fn of_other_claims(State(app): State<App>, _: LoginCallback<Others, Kept>) {
    app.handled.fetch_add(1, Ordering::SeqCst);
}

/// What the provider is given.
struct Url {
    state: String,
    nonce: String,
    verifier: String,
}

async fn begin_at(server: &Server, browser: &mut Browser, target: &str) -> Url {
    let answer = browser.send(server, Request::get(target)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let url = answer.json();
    let text = |name: &str| url[name].as_str().unwrap().to_owned();
    Url {
        state: text("state"),
        nonce: text("nonce"),
        verifier: text("verifier"),
    }
}

async fn begin_in(server: &Server, browser: &mut Browser) -> Url {
    begin_at(server, browser, "/begin").await
}

fn at_callback(state: &str) -> Request {
    Request::get(&format!("/callback?code=abc&state={state}"))
}

async fn come_back(server: &Server, browser: &mut Browser, state: &str) -> Answer {
    browser.send(server, at_callback(state)).await
}

fn login_cookies(browser: &Browser) -> Vec<SetCookie> {
    let is_state = |cookie: &&SetCookie| cookie.name.contains("-login-");
    browser.cookies.iter().filter(is_state).cloned().collect()
}

#[track_caller]
fn assert_unknown(app: &App, answer: &Answer) {
    answer.assert_refused(403, "login_unknown", None);
    assert_eq!(app.handled(), 0, "the handler ran");
}

#[tokio::test]
async fn a_login_comes_back_to_the_browser_that_began_it() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_at(&server, &mut browser, "/begin?to=/notes?page=2").await;
    assert_eq!(
        (url.state.len(), url.nonce.len(), url.verifier.len()),
        (22, 43, 43)
    );
    let [cookie] = &login_cookies(&browser)[..] else {
        panic!("one cookie")
    };
    assert_eq!(
        cookie.line,
        format!(
            "{}={}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600; Expires=Fri, 15 Jan 2027 08:10:00 GMT",
            cookie.name, cookie.value
        )
    );
    let claims = payload(&cookie.value);
    let digest = URL_SAFE_NO_PAD.encode_to_string(&Sha256::digest(&url.state)[..16]);
    assert_eq!(
        claims,
        json!({
            "iss": "stateless-session", "aud": "http::login_state::Claims#login:/callback", "state": digest,
            "iat": START, "exp": START + 600, "kept": {"to": "/notes?page=2"},
        })
    );
    assert_eq!(
        cookie.name,
        format!("__Host-stateless-session-login-{}", &digest[..8])
    );
    assert!(!cookie.value.contains(&url.state) && !cookie.value.contains(&url.verifier));
    assert_ne!(
        url.nonce, url.verifier,
        "one is in the URL, the other must not"
    );

    let answer = come_back(&server, &mut browser, &url.state).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/notes?page=2"))
    );
    assert_eq!(answer.header("x-verifier"), Some(&*url.verifier));
    assert_eq!(answer.header("x-nonce"), Some(&*url.nonce));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(login_cookies(&browser).is_empty(), "it is used up");
    assert_eq!(
        browser.cookies.len(),
        2,
        "a session: its refresh cookie and its marker"
    );
}

#[tokio::test]
async fn the_attackers_callback_is_refused_in_the_victims_browser() {
    let app = App::new();
    let server = app.start().await;
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let url = begin_in(&server, &mut attacker).await;
    let answer = come_back(&server, &mut victim, &url.state).await;
    assert_unknown(&app, &answer);
    server.assert_logged("a callback in a browser that did not begin this login");
    // Nor while the victim is about to log in, with whichever of the two states and names.
    let own = begin_in(&server, &mut victim).await;
    assert_unknown(&app, &come_back(&server, &mut victim, &url.state).await);
    let (theirs, mine) = (&login_cookies(&attacker)[0], &login_cookies(&victim)[0]);
    for cookie in [
        format!("{}={}", theirs.name, mine.value),
        format!("{}={}", mine.name, mine.value),
    ] {
        let answer = server
            .send(&at_callback(&url.state).header("Cookie", cookie))
            .await;
        assert_unknown(&app, &answer);
    }
    assert_eq!(
        come_back(&server, &mut victim, &own.state).await.status,
        303
    );
    assert_eq!(
        come_back(&server, &mut attacker, &url.state).await.status,
        303
    );
}

#[tokio::test]
async fn several_tabs_log_in_and_the_fourth_takes_the_oldests_place() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let mut urls = Vec::new();
    for _ in 0..4 {
        urls.push(begin_in(&server, &mut browser).await);
        assert!(login_cookies(&browser).len() <= 3);
    }
    assert_unknown(
        &app,
        &come_back(&server, &mut browser, &urls[0].state).await,
    );
    for url in &urls[1..] {
        assert_eq!(
            come_back(&server, &mut browser, &url.state).await.status,
            303
        );
    }
    // However full the jar is, an answer stays small.
    let jar: Vec<String> = (0..40)
        .map(|number| format!("__Host-stateless-session-login-{number:08}=x"))
        .collect();
    let answer = server
        .send(&Request::get("/begin").header("Cookie", jar.join("; ")))
        .await;
    assert_eq!(answer.set_cookies().len(), 11);
}

#[tokio::test]
async fn a_login_counts_once_and_for_ten_minutes() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_in(&server, &mut browser).await;
    let before = browser.clone();
    app.clock.set(START + 604);
    assert_eq!(
        come_back(&server, &mut browser.clone(), &url.state)
            .await
            .status,
        303
    );
    app.handled.store(0, Ordering::SeqCst);
    app.clock.set(START + 605);
    assert_unknown(
        &app,
        &come_back(&server, &mut before.clone(), &url.state).await,
    );
    app.clock.set(START - 6);
    assert_unknown(
        &app,
        &come_back(&server, &mut before.clone(), &url.state).await,
    );
    app.clock.set(START);
    assert_eq!(
        come_back(&server, &mut browser, &url.state).await.status,
        303
    );
    app.handled.store(0, Ordering::SeqCst);
    assert_unknown(&app, &come_back(&server, &mut browser, &url.state).await);
}

#[tokio::test]
async fn who_cancels_or_fails_may_try_again() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_in(&server, &mut browser).await;
    let canceled = Request::get(&format!(
        "/callback?error=access_denied&state={}",
        url.state
    ));
    let answer = browser.send(&server, canceled).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
    let again = begin_in(&server, &mut browser).await;
    assert_eq!(
        come_back(&server, &mut browser, &again.state).await.status,
        303
    );
}

#[tokio::test]
async fn a_login_counts_at_its_own_callback_alone() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_in(&server, &mut browser).await;
    for other in ["/other/callback", "/nested/callback", "/of-others"] {
        let request = Request::get(&format!("{other}?code=abc&state={}", url.state));
        assert_unknown(&app, &browser.send(&server, request).await);
    }
    server
        .assert_logged("the login was begun for the callback at another path, or for other claims");
    let nested = begin_at(&server, &mut browser, "/begin?at=/nested/callback").await;
    let request = Request::get(&format!("/nested/callback?state={}", nested.state));
    assert_eq!(browser.send(&server, request).await.status, 303);
}

#[tokio::test]
async fn a_state_is_taken_as_it_was_sent_and_stands_once() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_in(&server, &mut browser).await;
    let state = &url.state;
    let swapped: String = state
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    let queries = [
        String::new(),
        "code=abc".to_owned(),
        "state=".to_owned(),
        format!("state={}", &state[1..]),
        format!("state={}", &state[..21]),
        format!("state={state}="),
        format!("state={state}&state={state}"),
        format!("state={state}&state=x"),
        format!("STATE={state}"),
        format!("xstate={state}"),
        format!("state=%20{state}"),
        format!("state={swapped}"),
        "state=AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ];
    for query in queries {
        let request = Request::get(&format!("/callback?{query}"));
        assert_unknown(&app, &browser.send(&server, request).await);
    }
    let in_body = Request::post("/callback").form(&format!("code=abc&state={state}"));
    assert_unknown(&app, &browser.send(&server, in_body.clone()).await);
    server.assert_logged("ask the provider for `response_mode=query` instead of `form_post`");
    // As it comes from another site: without Lax cookies.
    assert_unknown(&app, &server.send(&in_body).await);
    let with_query = Request::post(&format!("/callback?state={state}"));
    assert_unknown(&app, &server.send(&with_query).await);
    assert_eq!(come_back(&server, &mut browser, state).await.status, 303);
}

#[tokio::test]
async fn a_login_under_way_survives_a_rotation_and_dies_with_its_key() {
    let app = App::new();
    let mut browser = Browser::default();
    let url = begin_in(&app.start().await, &mut browser).await;
    let next = || Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let retired = App::with_keys(next(), app.clock.clone());
    assert_unknown(
        &retired,
        &come_back(&retired.start().await, &mut browser, &url.state).await,
    );
    let rotated = next().with_previous(Some(ACCESS_SECRET), Some(REFRESH_SECRET));
    let rotated = App::with_keys(rotated.unwrap(), app.clock.clone());
    let answer = come_back(&rotated.start().await, &mut browser, &url.state).await;
    assert_eq!(
        (answer.status, answer.header("x-verifier")),
        (303, Some(&*url.verifier))
    );
}

#[tokio::test]
async fn every_truncation_and_every_changed_bit_of_the_cookie_is_refused() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    let url = begin_in(&server, &mut browser).await;
    let cookie = login_cookies(&browser)[0].clone();
    let send = async |value: &[u8]| {
        let line = [cookie.name.as_bytes(), b"=", value].concat();
        server
            .send(&at_callback(&url.state).header("Cookie", line))
            .await
            .status
    };
    let value = cookie.value.as_bytes();
    for length in (0..value.len()).step_by(3).chain([value.len() - 1]) {
        assert_eq!(send(&value[..length]).await, 403, "cut to {length}");
    }
    for position in (0..value.len()).step_by(2) {
        let mut changed = value.to_vec();
        changed[position] ^= 1;
        assert_eq!(send(&changed).await, 403, "byte {position}");
    }
    let claims = payload(&cookie.value).to_string();
    for secret in [ACCESS_SECRET, REFRESH_SECRET] {
        let forged = forge_like(&cookie.value, &claims, secret);
        assert_eq!(
            send(forged.as_bytes()).await,
            403,
            "the sessions' keys are others"
        );
    }
    assert_eq!(app.handled(), 0);
    assert_eq!(send(value).await, 303);
}

#[tokio::test]
async fn a_login_keeps_little_and_says_so() {
    let app = App::new();
    let server = app.start().await;
    let long = |length| Request::get(&format!("/begin?to=/{}", "x".repeat(length)));
    let answer = server.send(&long(400)).await;
    assert_eq!(answer.status, 200);
    let cookie = &answer.set_cookies()[0];
    assert!(cookie.name.len() + cookie.value.len() <= 1024);
    let answer = server.send(&long(800)).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("bytes of 1024; keep less until the callback");
    let elsewhere = server.send(&Request::get("/begin?to=//evil.example")).await;
    assert_eq!(
        elsewhere.status, 400,
        "axum refuses what is no path of this origin"
    );
}

/// A session that is there already is replaced, as by any login.
#[tokio::test]
async fn a_login_that_comes_back_replaces_the_session_of_the_browser() {
    let app = App::new();
    let server = app.start().await;
    let mut browser = Browser::default();
    for _ in 0..2 {
        let url = begin_in(&server, &mut browser).await;
        assert_eq!(
            come_back(&server, &mut browser, &url.state).await.status,
            303
        );
    }
    let markers = browser
        .cookies
        .iter()
        .filter(|cookie| cookie.name == "__Host-stateless-session");
    assert_eq!(markers.count(), 1);
}

mod paged {
    use super::*;

    #[stateless_session(access = "15m", refresh = "7d", pages = "/sign-in")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct PagedClaims {
        sub: u64,
    }

    async fn callback(_: LoginCallback<PagedClaims, Kept>) -> &'static str {
        "7"
    }

    pub async fn start() -> Server {
        let routes = Router::new().route("/callback", get(callback));
        Server::start(routes.with_state(Sessions::<PagedClaims>::new(keys()))).await
    }
}

/// A victim who is led to the attacker's callback, or a user who came back too late, sees the login page; what the address held is
/// taken nowhere.
#[tokio::test]
async fn a_callback_that_counts_nothing_leads_a_page_to_the_login() {
    let server = paged::start().await;
    for target in ["/callback", "/callback?state=AAAAAAAAAAAAAAAAAAAAAA&code=7"] {
        let navigation = Request::get(target).header("Accept", "text/html,*/*;q=0.8");
        let answer = server.send(&navigation).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/sign-in"));
        assert!(answer.set_cookies().is_empty());
        server
            .send(&Request::get(target))
            .await
            .assert_refused(403, "login_unknown", None);
    }
    server.assert_logged("a callback without the one `state` of a login");
}
