//! Pages that the server renders: which session a request has, and where one is led that has none.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{FromRef, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Form, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};

use crate::app::{Lookup, Outage};
use crate::support::{
    Answer, Browser, DAY, HeldClock, MINUTE, Request, START, Server, SetCookie, forge_like, keys,
    lock, payload,
};

#[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    sub: String,
    admin: bool,
    notes: String,
}

/// The same claims without the key.
mod bearer {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d", audience = "stateless_session::pages")]
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: String,
    }
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    clock: HeldClock,
    lookup: Arc<Mutex<Lookup>>,
    lookups: Arc<AtomicUsize>,
    handled: Arc<AtomicUsize>,
}

impl App {
    fn new() -> Self {
        let clock = HeldClock::new();
        Self {
            sessions: clock.hold(Sessions::new(keys())),
            clock,
            lookup: Arc::new(Mutex::new(Lookup::User)),
            lookups: Arc::default(),
            handled: Arc::default(),
        }
    }

    fn find(&self, lookup: Lookup) {
        *lock(&self.lookup) = lookup;
    }

    fn lookups(&self) -> usize {
        self.lookups.swap(0, Ordering::SeqCst)
    }

    fn handled(&self) -> usize {
        self.handled.swap(0, Ordering::SeqCst)
    }

    fn router(&self) -> Router {
        Claims::pages(Self::routes()).with_state(self.clone())
    }

    fn routes() -> Router<Self> {
        Router::new()
            .route("/", get(home).post(save).delete(home))
            .route("/public", get(public).post(public))
            .route("/login", get(public).post(login).put(home))
            .route("/fresh", get(fresh).post(fresh))
            .route("/sensitive", get(sensitive).post(sensitive))
            .route("/admin", get(admin))
            .route("/cached", get(cached))
    }
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

fn claims(sub: &str) -> Claims {
    Claims {
        sub: sub.to_owned(),
        admin: false,
        notes: String::new(),
    }
}

impl Renew<Claims> for App {
    type Error = Outage;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let lookup = *lock(&self.lookup);
        match lookup {
            Lookup::Outage => Err(Outage),
            Lookup::Nobody => Ok(None),
            _ => Ok(Some(claims(session.subject()))),
        }
    }
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    #[serde(default)]
    notes: usize,
    #[serde(default)]
    remember: Option<bool>,
}

async fn login(
    mut login: Login<Claims>,
    Form(form): Form<Credentials>,
) -> Result<TokenResponse, IssueError> {
    if form.remember == Some(false) {
        login = login.not_persistent();
    }
    login.start(Claims {
        notes: "x".repeat(form.notes),
        ..claims(&form.user)
    })
}

#[require_session]
async fn home(claims: Claims, State(app): State<App>) -> String {
    app.handled.fetch_add(1, Ordering::SeqCst);
    format!("home of {}", claims.sub)
}

#[require_session]
async fn save(claims: Claims, State(app): State<App>, body: String) -> String {
    app.handled.fetch_add(1, Ordering::SeqCst);
    format!("{} bytes of {}", body.len(), claims.sub)
}

async fn public(claims: Option<Claims>, State(app): State<App>) -> String {
    app.handled.fetch_add(1, Ordering::SeqCst);
    claims.map_or("nobody".to_owned(), |claims| claims.sub)
}

#[require_session(fresh = "30s")]
async fn fresh(claims: Claims) -> String {
    claims.sub
}

#[require_session(max_age = "5m")]
async fn sensitive(claims: Claims) -> String {
    claims.sub
}

#[require_session(admin = true)]
async fn admin(claims: Claims) -> String {
    claims.sub
}

async fn cached() -> impl IntoResponse {
    ([(CACHE_CONTROL, "max-age=60")], "cached")
}

/// What a browser sends when somebody follows a link on this origin.
fn visit(target: &str) -> Request {
    site(Request::get(target), "same-origin")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
}

/// What it sends for a form.
fn form(target: &str, body: &str) -> Request {
    site(Request::post(target), "same-origin")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html,*/*;q=0.8")
        .form(body)
}

/// What it sends for a script or an image.
fn fetch(target: &str) -> Request {
    site(Request::get(target), "same-origin")
        .header("Sec-Fetch-Mode", "cors")
        .header("Accept", "*/*")
}

fn site(request: Request, site: &str) -> Request {
    request.header("Sec-Fetch-Site", site)
}

async fn signed_in(server: &Server, user: &str) -> Browser {
    let mut browser = Browser::default();
    let answer = browser
        .send(server, form("/login", &format!("user={user}")))
        .await;
    led(&answer, 200, "refresh", "0; url=/");
    browser
}

/// Sends what a browser does, and follows where it is led; the answers.
async fn follow(browser: &mut Browser, server: &Server, request: Request) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut request = request;
    for _ in 0..8 {
        let answer = browser.send(server, request.clone()).await;
        let location = answer.header("location");
        let document = answer.header("refresh");
        let next = match (location, document) {
            (Some(url), _) if answer.status == 303 => Some(visit(url)),
            (Some(url), _) => Some(request.to(url)),
            (None, Some(refresh)) => Some(visit(refresh.strip_prefix("0; url=").unwrap())),
            (None, None) => None,
        };
        answers.push(answer);
        match next {
            Some(next) => request = next,
            None => return answers,
        }
    }
    panic!("a loop: {answers:?}");
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[track_caller]
fn led(answer: &Answer, status: u16, header: &str, url: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header(header), Some(url), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    if status != 401 {
        assert_eq!(answer.body, "");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

fn access_cookies(cookies: &[SetCookie]) -> Vec<SetCookie> {
    let is_access = |cookie: &&SetCookie| cookie.name.contains("-access-");
    cookies.iter().filter(is_access).cloned().collect()
}

fn access_cookie(browser: &Browser) -> SetCookie {
    let cookies = access_cookies(&browser.cookies);
    let [cookie] = &cookies[..] else {
        panic!("{cookies:?}");
    };
    cookie.clone()
}

fn without(browser: &Browser, part: &str) -> Browser {
    let mut browser = browser.clone();
    browser.cookies.retain(|cookie| !cookie.name.contains(part));
    browser
}

fn is_marker(cookie: &SetCookie) -> bool {
    cookie.name.starts_with("__Host-") && !cookie.name.contains("-access-")
}

fn without_marker(browser: &Browser) -> Browser {
    let mut browser = browser.clone();
    browser.cookies.retain(|cookie| !is_marker(cookie));
    browser
}

/// The browser with another value in its access cookie.
fn with_token(browser: &Browser, value: &str) -> Browser {
    let mut browser = browser.clone();
    for cookie in &mut browser.cookies {
        if cookie.name.contains("-access-") {
            value.clone_into(&mut cookie.value);
        }
    }
    browser
}

#[tokio::test]
async fn a_login_by_a_form_leads_back_and_writes_the_access_cookie() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut browser = Browser::default();
    let first = browser.send(&server, visit("/admin?q=a%20b")).await;
    led(&first, 303, "location", "/login?to=/admin%3Fq%3Da%2520b");
    let page = first.header("location").unwrap();
    assert_eq!(browser.send(&server, visit(page)).await.body, "nobody");
    let answer = browser.send(&server, form(page, "user=ada")).await;
    led(&answer, 200, "refresh", "0; url=/admin?q=a%20b");
    let names: Vec<bool> = answer.set_cookies().iter().map(is_marker).collect();
    assert_eq!(names, [false, false, true], "the marker comes last");
    let cookie = access_cookie(&browser);
    let sid = payload(&cookie.value)["sid"].as_str().unwrap()[..8].to_owned();
    assert_eq!(
        cookie.name,
        format!("__Host-stateless-session-access-{sid}")
    );
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.line.contains(attribute), "{}", cookie.line);
    }
    assert_eq!(cookie.max_age, Some(7 * 24 * 60 * 60));
    assert_eq!(browser.send(&server, visit("/")).await.body, "home of ada");
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn only_a_form_is_led_on() {
    let server = Server::start(App::new().router()).await;
    for (target, to) in [
        ("/login", "/"),
        ("/login?to=/notes", "/notes"),
        ("/login?to=//evil.example", "/"),
        ("/login?to=https://evil.example", "/"),
        ("/login?to=/a&to=/b", "/"),
    ] {
        let answer = server.send(&form(target, "user=ada")).await;
        led(&answer, 200, "refresh", &format!("0; url={to}"));
        let turbo = Request::post(target)
            .form("user=ada")
            .header("Accept", "text/vnd.turbo-stream.html, text/html");
        led(&server.send(&turbo).await, 303, "location", to);
    }
    for accept in [
        None,
        Some("*/*"),
        Some("application/json"),
        Some("text/html2"),
        Some("x/text/html"),
    ] {
        let request = Request::post("/login?to=/notes").form("user=ada");
        let request = accept.map_or(request.clone(), |accept| request.header("Accept", accept));
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 200, "{accept:?}");
        assert_eq!(
            access_cookies(&answer.set_cookies())[0].value,
            answer.access_token()
        );
    }
    let answer = server
        .send(&form("/login", "user=ada&remember=false"))
        .await;
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|cookie| cookie.max_age.is_none())
    );
}

#[tokio::test]
async fn a_token_that_no_cookie_holds_is_not_issued() {
    let server = Server::start(App::new().router()).await;
    // 2,700 bytes of notes fit a token of 4096, but not beside the cookie's name.
    let largest = {
        let (mut fits, mut fails) = (2000, 4000);
        while fails - fits > 1 {
            let middle = usize::midpoint(fits, fails);
            let request = form("/login", &format!("user=ada&notes={middle}"));
            if server.send(&request).await.status == 200 {
                fits = middle;
            } else {
                fails = middle;
            }
        }
        fits
    };
    let answer = server
        .send(&form("/login", &format!("user=ada&notes={largest}")))
        .await;
    let cookie = &access_cookies(&answer.set_cookies())[0];
    let bytes = cookie.name.len() + cookie.value.len();
    assert!((4093..=4096).contains(&bytes), "{bytes}");
    let request = form("/login", &format!("user=ada&notes={}", largest + 1));
    server
        .send(&request)
        .await
        .assert_refused(500, "internal_error", None);
}

/// The rows of the table of sessions.
#[tokio::test]
async fn which_session_a_request_has() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    let bob = signed_in(&server, "bob").await;
    let to_refresh = |answer: &Answer| led(answer, 307, "location", "/auth/refresh?to=/public");
    let visit_of = |browser: &Browser| browser.with_cookies(visit("/public"));
    let fetch_of = |browser: &Browser| browser.with_cookies(fetch("/public"));

    // None and none.
    assert_eq!(server.send(&visit("/public")).await.body, "nobody");
    // None and one: by a document where one is shown, nobody otherwise, and never 200 without the handler.
    let marker_lost = without_marker(&ada);
    app.handled();
    for request in [
        visit_of(&marker_lost),
        marker_lost.with_cookies(Request::get("/public").header("Accept", "text/html")),
        site(
            marker_lost.with_cookies(Request::get("/public")),
            "cross-site",
        )
        .header("Sec-Fetch-Mode", "navigate"),
    ] {
        let answer = server.send(&request).await;
        led(&answer, 200, "refresh", "0; url=/auth/refresh?to=/public");
    }
    assert_eq!(app.handled(), 0);
    for request in [
        fetch_of(&marker_lost),
        marker_lost.with_cookies(form("/public", "")),
        marker_lost.with_cookies(Request::get("/public")),
        fetch_of(&marker_lost).header("Accept", "text/html"),
    ] {
        assert_eq!(server.send(&request).await.body, "nobody");
        assert_eq!(app.handled(), 1);
    }
    // None and several.
    let mut both = marker_lost.clone();
    both.cookies.extend(access_cookies(&bob.cookies));
    led(
        &server.send(&visit_of(&both)).await,
        200,
        "refresh",
        "0; url=/auth/refresh?to=/public",
    );
    // One and its own.
    assert_eq!(server.send(&visit_of(&ada)).await.body, "ada");
    assert_eq!(server.send(&fetch_of(&ada)).await.body, "ada");
    // One and its own over; only over.
    let over = with_token(&ada, "over");
    assert_eq!(server.send(&visit_of(&over)).await.body, "nobody");
    assert_eq!(
        server.send(&visit_of(&without_marker(&over))).await.body,
        "nobody"
    );
    // One without its own, or with one that does not verify.
    to_refresh(&server.send(&visit_of(&without(&ada, "-access-"))).await);
    to_refresh(&server.send(&fetch_of(&without(&ada, "-access-"))).await);
    to_refresh(&server.send(&visit_of(&with_token(&ada, "x.y.z"))).await);
    to_refresh(&server.send(&visit_of(&with_token(&ada, "Over"))).await);
    // Another's, under its own name, and under the name of this marker's session.
    let mut other = without(&ada, "-access-");
    other.cookies.extend(access_cookies(&bob.cookies));
    to_refresh(&server.send(&visit_of(&other)).await);
    let swapped = with_token(&ada, &access_cookie(&bob).value);
    to_refresh(&server.send(&visit_of(&swapped)).await);
    // A refresh token is no access token.
    let refresh_token = with_token(&ada, &ada.refresh_cookie().value);
    to_refresh(&server.send(&visit_of(&refresh_token)).await);
    // One and both: its own counts.
    let mut both = ada.clone();
    both.cookies.extend(access_cookies(&bob.cookies));
    assert_eq!(server.send(&visit_of(&both)).await.body, "ada");
    // Two markers.
    let mut two = ada.clone();
    two.cookies.extend(bob.cookies.clone());
    let challenge = r#"Bearer realm="stateless-session""#;
    let answer = server.send(&visit_of(&two)).await;
    answer.assert_refused(401, "session_unknown", Some(challenge));
    // A marker of no right form is none.
    let mut formless = ada.clone();
    formless
        .cookies
        .iter_mut()
        .filter(|cookie| is_marker(cookie))
        .for_each(|cookie| cookie.value = "x".to_owned());
    led(
        &server.send(&visit_of(&formless)).await,
        200,
        "refresh",
        "0; url=/auth/refresh?to=/public",
    );
    // Ahead of the clock.
    app.clock.set(START - 6);
    let answer = server.send(&visit_of(&ada)).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    server.assert_logged("the clocks of two servers are 6 s apart");
    app.clock.set(START - 5);
    assert_eq!(server.send(&visit_of(&ada)).await.body, "ada");
    // Expired.
    app.clock.set(START + 15 * MINUTE + 5);
    to_refresh(&server.send(&visit_of(&ada)).await);
    assert_eq!(app.lookups(), 0);
}

/// Every set of our cookies, with every kind of request: a session comes of one set alone.
#[tokio::test]
async fn no_other_combination_of_cookies_is_a_session() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    let bob = signed_in(&server, "bob").await;
    let pick = |browser: &Browser, wanted: fn(&SetCookie) -> bool| {
        let cookie = browser
            .cookies
            .iter()
            .find(|cookie| wanted(cookie))
            .unwrap();
        (cookie.name.clone(), cookie.value.clone())
    };
    let of_access = |cookie: &SetCookie| cookie.name.contains("-access-");
    let (ada_marker, ada_access) = (pick(&ada, is_marker), pick(&ada, of_access));
    let (bob_marker, bob_access) = (pick(&bob, is_marker), pick(&bob, of_access));
    let claims = payload(&ada_access.1).to_string();
    let forged = forge_like(&ada_access.1, &claims, "another secret of the attacker");
    let cut = ada_access.1[..ada_access.1.len() - 1].to_owned();
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let parts = [
        ada_marker.clone(),
        bob_marker.clone(),
        ada_access.clone(),
        bob_access.clone(),
        named(&ada_access.0, &bob_access.1),
        named(&bob_access.0, &ada_access.1),
        named(&ada_access.0, &forged),
        named(&ada_access.0, &cut),
        named(&ada_access.0, "over"),
        named(&ada_access.0, ""),
        named(&ada_access.0.replace("__Host-", ""), &ada_access.1),
        named(&ada_access.0.replace("-access-", "-Access-"), &ada_access.1),
    ];
    for chosen in 0..1_u32 << parts.len() {
        if chosen.count_ones() > 3 {
            continue;
        }
        let chosen: Vec<_> = (0..parts.len())
            .filter(|bit| chosen >> bit & 1 == 1)
            .collect();
        let pairs: Vec<String> = chosen
            .iter()
            .map(|at| format!("{}={}", parts[*at].0, parts[*at].1))
            .collect();
        let has = |part: usize| chosen.contains(&part);
        let expected = match (has(0), has(1)) {
            (true, false) if has(2) => Some("ada"),
            (false, true) if has(3) => Some("bob"),
            _ => None,
        };
        let request = fetch("/public").header("Cookie", pairs.join("; "));
        let answer = server.send(&request).await;
        match expected {
            Some(user) => assert_eq!(answer.body, user, "{chosen:?}"),
            None => assert!(
                !["ada", "bob"].contains(&&*answer.body),
                "{chosen:?}: {answer:?}"
            ),
        }
    }
}

/// As soon as a cookie of ours is there, a page elsewhere has nothing done but a navigation that reads.
#[tokio::test]
async fn what_a_page_of_another_origin_has_a_browser_send() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    let expired = ada.clone();
    let with = |method: &str, headers: &[(&str, &str)]| {
        let mut request = Request::new(method, "/public");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request
    };
    let own = format!("http://{}", server.address);
    let rows = [
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "navigate"),
                ],
            ),
            true,
        ),
        (
            with(
                "HEAD",
                &[
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Mode", "navigate"),
                ],
            ),
            true,
        ),
        (
            with(
                "POST",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "navigate"),
                ],
            ),
            false,
        ),
        (
            with(
                "PUT",
                &[
                    ("Sec-Fetch-Site", "cross-site"),
                    ("Sec-Fetch-Mode", "navigate"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "no-cors"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "cors"),
                    ("Origin", "http://evil.example"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "cors"),
                    ("Sec-Fetch-Mode", "navigate"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "navigate"),
                    ("Sec-Fetch-Mode", "cors"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[
                    ("Sec-Fetch-Site", "same-site"),
                    ("Sec-Fetch-Mode", "websocket"),
                    ("Origin", "http://evil.example"),
                ],
            ),
            false,
        ),
        (
            with(
                "GET",
                &[("Origin", "http://evil.example"), ("Upgrade", "websocket")],
            ),
            false,
        ),
        (with("GET", &[("Origin", "null")]), false),
        (with("GET", &[("Origin", "")]), false),
        (with("GET", &[("Origin", &own)]), true),
        (with("POST", &[("Origin", &own)]), true),
        (with("OPTIONS", &[("Origin", "http://evil.example")]), false),
        (
            with(
                "GET",
                &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "no-cors")],
            ),
            true,
        ),
        (with("GET", &[]), true),
        (
            with(
                "DELETE",
                &[
                    ("Sec-Fetch-Site", "same-origin"),
                    ("Sec-Fetch-Mode", "cors"),
                ],
            ),
            true,
        ),
    ];
    let any = Router::new()
        .route("/public", axum::routing::any(public))
        .route("/", get(home));
    let server = Server::start(Claims::pages(any).with_state(app.clone())).await;
    for (request, passes) in rows {
        let request = request.header("Host", server_host(&own));
        let answer = server.send(&expired.with_cookies(request.clone())).await;
        if passes {
            assert_eq!(answer.status, 307, "{request:?}: {answer:?}");
        } else {
            answer.assert_refused(403, "cross_origin", None);
        }
        // One cookie is enough, and none is nobody.
        for few in [without_marker(&expired), without(&expired, "-access-")] {
            let answer = server.send(&few.with_cookies(request.clone())).await;
            assert_eq!(answer.status == 403, !passes, "{request:?}: {answer:?}");
        }
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 200, "{request:?}");
    }
    assert_eq!(app.lookups(), 0);
}

fn server_host(origin: &str) -> String {
    origin.strip_prefix("http://").unwrap().to_owned()
}

#[tokio::test]
async fn where_nobody_is_led() {
    let server = Server::start(App::new().router()).await;
    let referer = format!("http://{}/notes?page=2", server.address);
    let html = |request: Request| request.header("Accept", "text/html");
    for (request, location) in [
        (html(Request::get("/?a=b")), "/login?to=/%3Fa%3Db"),
        (html(Request::new("HEAD", "/")), "/login?to=/"),
        (html(Request::post("/")), "/login"),
        (
            html(Request::post("/")).header("Referer", &referer),
            "/login?to=/notes%3Fpage%3D2",
        ),
        (
            html(Request::new("DELETE", "/")).header("Referer", "http://evil.example/x"),
            "/login",
        ),
        (
            html(Request::post("/")).header("Referer", "not a URL"),
            "/login",
        ),
        (
            html(Request::get("//evil.example").header("Sec-Fetch-Mode", "navigate")),
            "",
        ),
    ] {
        let answer = server.send(&request).await;
        if location.is_empty() {
            assert_eq!(answer.status, 404, "no route takes it");
        } else {
            led(&answer, 303, "location", location);
        }
    }
    let long = format!("/?{}", "a".repeat(2047));
    led(
        &server.send(&html(Request::get(&long))).await,
        303,
        "location",
        "/login",
    );
    // htmx, which swaps in what it gets.
    let challenge = r#"Bearer realm="stateless-session""#;
    let by_htmx = |request: Request| request.header("HX-Request", "true");
    for (request, location) in [
        (
            by_htmx(Request::get("/")).header("Referer", &referer),
            "/login?to=/notes%3Fpage%3D2",
        ),
        (by_htmx(Request::post("/")), "/login"),
        (html(by_htmx(Request::get("/"))), "/login"),
    ] {
        let answer = server.send(&request).await;
        led(&answer, 401, "hx-redirect", location);
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        assert_eq!(answer.json()["code"], "login_required");
        assert_eq!(answer.json()["status"], 401);
    }
    // Any other, and the login page itself.
    for request in [
        Request::get("/"),
        fetch("/"),
        Request::get("/").header("Accept", "application/json"),
        html(Request::new("PUT", "/login?to=/x")),
        by_htmx(Request::new("PUT", "/login")),
    ] {
        let answer = server.send(&request).await;
        answer.assert_refused(401, "missing_token", Some(challenge));
    }
    server.assert_logged("led to the login page");
    assert!(!server.log().contains("page=2"));
}

#[tokio::test]
async fn an_expired_session_goes_on_with_method_and_body() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut ada = signed_in(&server, "ada").await;
    for request in [
        visit("/?a=b"),
        fetch("/"),
        site(Request::new("DELETE", "/"), "same-origin"),
        Request::get("/"),
    ] {
        app.clock.advance(16 * MINUTE);
        let answers = follow(&mut ada, &server, request).await;
        assert_eq!(statuses(&answers), [307, 307, 200]);
        assert_eq!(answers[2].body, "home of ada");
        assert_eq!(app.lookups(), 1);
        let set = answers[1].set_cookies();
        assert_eq!(access_cookies(&set).len(), 1, "{set:?}");
    }
    app.clock.advance(16 * MINUTE);
    app.handled();
    let body = format!("note={}", "x".repeat(200_000));
    let answers = follow(&mut ada, &server, form("/", &body)).await;
    assert_eq!(statuses(&answers), [307, 307, 200]);
    assert_eq!(answers[2].body, "200005 bytes of ada");
    assert_eq!((app.lookups(), app.handled()), (1, 1));
    server.assert_logged("led to a refresh");
    // Handshakes follow no redirect, and neither do URLs that servers might not take.
    app.clock.advance(16 * MINUTE);
    let challenge = Some(r#"Bearer error="invalid_token""#);
    let long = format!("/?{}", "a".repeat(2047));
    for request in [
        Request::get("/")
            .header("Upgrade", "websocket")
            .header("Origin", format!("http://{}", server.address)),
        visit(&long),
    ] {
        let answer = server.send(&ada.with_cookies(request)).await;
        answer.assert_refused(401, "invalid_token", challenge);
    }
    let longest = format!("/?{}", "a".repeat(2046));
    assert_eq!(
        server.send(&ada.with_cookies(visit(&longest))).await.status,
        307
    );
}

#[tokio::test]
async fn what_a_guard_refuses_is_mended_where_it_can_be() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut ada = signed_in(&server, "ada").await;
    app.clock.advance(6 * MINUTE);
    let answers = follow(&mut ada, &server, visit("/fresh")).await;
    assert_eq!(statuses(&answers), [307, 307, 200]);
    led(
        &ada.send(&server, visit("/sensitive")).await,
        303,
        "location",
        "/login?to=/sensitive",
    );
    let referer = format!("http://{}/sensitive", server.address);
    let answer = ada
        .send(
            &server,
            form("/sensitive", "a=b").header("Referer", &referer),
        )
        .await;
    led(&answer, 303, "location", "/login?to=/sensitive");
    let htmx = fetch("/sensitive")
        .header("HX-Request", "true")
        .header("Referer", &referer);
    led(
        &ada.send(&server, htmx).await,
        401,
        "hx-redirect",
        "/login?to=/sensitive",
    );
    let max_age = Some(r#"Bearer error="insufficient_user_authentication", max_age="300""#);
    ada.send(&server, fetch("/sensitive"))
        .await
        .assert_refused(401, "login_required", max_age);
    let scope = Some(r#"Bearer error="insufficient_scope""#);
    ada.send(&server, visit("/admin"))
        .await
        .assert_refused(403, "forbidden", scope);
    // Whoever sends the access token is told.
    app.clock.advance(MINUTE);
    let token = access_cookie(&ada).value;
    let request = ada.with_cookies(visit("/fresh")).bearer(&token);
    let invalid = Some(r#"Bearer error="invalid_token""#);
    server
        .send(&request)
        .await
        .assert_refused(401, "stale_token", invalid);
    let request = ada.with_cookies(visit("/sensitive")).bearer(&token);
    server
        .send(&request)
        .await
        .assert_refused(401, "login_required", max_age);
    let answers = follow(&mut ada, &server, form("/login?to=/sensitive", "user=ada")).await;
    assert_eq!(statuses(&answers), [200, 200]);
}

#[tokio::test]
async fn a_session_that_is_over_is_not_asked_for_again() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut ada = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    app.find(Lookup::Nobody);
    let answers = follow(&mut ada, &server, visit("/public")).await;
    assert_eq!(statuses(&answers), [307, 307, 200]);
    assert_eq!(answers[2].body, "nobody");
    let over = access_cookie(&ada);
    assert_eq!((&*over.value, over.max_age), ("over", Some(15 * 60)));
    assert_eq!(ada.cookies.len(), 3, "nothing else is written");
    assert_eq!(app.lookups(), 1);
    for (request, expected) in [
        (visit("/public"), vec![200]),
        (visit("/login"), vec![200]),
        (visit("/"), vec![303, 200]),
        (fetch("/"), vec![401]),
    ] {
        assert_eq!(
            statuses(&follow(&mut ada, &server, request).await),
            expected
        );
    }
    assert_eq!(app.lookups(), 0);
    // Unknown is not final.
    app.find(Lookup::User);
    let mut bob = signed_in(&server, "bob").await;
    app.clock.advance(16 * MINUTE);
    bob.cookies
        .iter_mut()
        .filter(|cookie| cookie.name.contains("-refresh-"))
        .for_each(|cookie| cookie.value = "x".to_owned());
    let answers = follow(&mut bob, &server, visit("/public")).await;
    assert_eq!(statuses(&answers), [307, 307, 200]);
    let over = access_cookie(&bob);
    assert_eq!((&*over.value, over.max_age), ("over", Some(3)));
    // A login ends it.
    let answers = follow(&mut bob, &server, form("/login", "user=bob")).await;
    assert_eq!(statuses(&answers), [200, 200]);
    assert_ne!(access_cookie(&bob).name, over.name);
}

#[tokio::test]
async fn an_outage_is_no_end() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut ada = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    app.find(Lookup::Outage);
    let before = ada.cookies.clone();
    let answers = follow(&mut ada, &server, visit("/")).await;
    assert_eq!(statuses(&answers), [307, 503]);
    answers[1].assert_refused(503, "temporarily_unavailable", None);
    assert_eq!(answers[1].header("retry-after"), Some("5"));
    assert_eq!(ada.cookies, before);
    app.find(Lookup::User);
    let answers = follow(&mut ada, &server, visit("/auth/refresh?to=/")).await;
    assert_eq!(statuses(&answers), [307, 200]);
}

#[tokio::test]
async fn an_arrival_from_elsewhere_takes_a_document() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    let lax = without(&without_marker(&ada), "-refresh-");
    let foreign = |target: &str| {
        site(Request::get(target), "cross-site")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Accept", "text/html")
    };
    let answer = server.send(&lax.with_cookies(foreign("/?a=b"))).await;
    led(&answer, 200, "refresh", "0; url=/auth/refresh?to=/%3Fa%3Db");
    let mut browser = ada.clone();
    let answers = follow(&mut browser, &server, visit("/auth/refresh?to=/%3Fa%3Db")).await;
    assert_eq!(statuses(&answers), [307, 200]);
    // A link to the refresh itself.
    let answer = server
        .send(&lax.with_cookies(foreign("/auth/refresh?to=/public")))
        .await;
    led(&answer, 200, "refresh", "0; url=/auth/refresh?to=/public");
    assert!(answer.set_cookies().is_empty());
    // In a foreign frame, the document's own request brings no cookie either.
    let answer = server.send(&visit("/auth/refresh?to=/public")).await;
    led(&answer, 307, "location", "/public");
    assert!(answer.set_cookies().is_empty());
    // Visitors without a session take no detour.
    led(
        &server.send(&foreign("/")).await,
        303,
        "location",
        "/login?to=/",
    );
    assert_eq!(server.send(&foreign("/public")).await.body, "nobody");
    // A foreign form writes nothing, and no foreign page refreshes.
    let post = site(Request::post("/"), "cross-site")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html");
    led(&server.send(&post).await, 303, "location", "/login");
    for (method, mode) in [("POST", "navigate"), ("GET", "no-cors"), ("PUT", "cors")] {
        let request = site(Request::new(method, "/auth/refresh?to=/"), "cross-site")
            .header("Sec-Fetch-Mode", mode);
        server
            .send(&request)
            .await
            .assert_refused(403, "cross_origin", None);
        server
            .send(&ada.with_cookies(request))
            .await
            .assert_refused(403, "cross_origin", None);
    }
    let logout = site(Request::post("/auth/logout"), "cross-site").header("Accept", "text/html");
    server
        .send(&logout)
        .await
        .assert_refused(403, "cross_origin", None);
}

#[tokio::test]
async fn the_refresh_leads_to_paths_of_this_origin_only() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    for to in [
        "//evil.example",
        "/%5Cevil",
        "/\\evil",
        "https://evil.example",
        "/%09/evil",
        "%2F%2Fevil",
        "/%0D%0ALocation:%20//evil",
        "",
        "/%E2%80%A8",
        "javascript:alert(1)",
        "%",
        "notes",
    ] {
        let target = format!("/auth/refresh?to={to}");
        let answer = server.send(&ada.with_cookies(visit(&target))).await;
        answer.assert_refused(405, "method_not_allowed", None);
        assert_eq!(answer.header("location"), None);
        let answer = server
            .send(&ada.with_cookies(site(Request::post(&target), "same-origin")))
            .await;
        assert_eq!((answer.status, answer.header("location")), (200, None));
    }
    for method in ["GET", "POST", "PUT", "DELETE", "HEAD"] {
        let request = site(
            Request::new(method, "/auth/refresh?to=/x%3Fa%3D%2525"),
            "same-origin",
        );
        let answer = server.send(&ada.with_cookies(request)).await;
        led(&answer, 307, "location", "/x?a=%25");
    }
    server
        .send(&ada.with_cookies(visit("/auth/refresh")))
        .await
        .assert_refused(405, "method_not_allowed", None);
}

#[tokio::test]
async fn a_browser_that_keeps_no_access_cookie_sees_one_answer() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    // From before `pages` was switched on: one hop more, and in.
    let mut migrated = without(&ada, "-access-");
    let answers = follow(&mut migrated, &server, visit("/")).await;
    assert_eq!(statuses(&answers), [307, 307, 307, 200]);
    assert_eq!(app.lookups(), 1);
    // Stripped on the way.
    let keeps_none = without(&ada, "-access-");
    let first = server.send(&keeps_none.with_cookies(visit("/"))).await;
    let second = server
        .send(&keeps_none.with_cookies(visit(first.header("location").unwrap())))
        .await;
    let third = server
        .send(&keeps_none.with_cookies(visit(second.header("location").unwrap())))
        .await;
    third.assert_refused(500, "internal_error", None);
    server.assert_logged("the access cookie did not come back");
    assert_eq!(app.lookups(), 1);
    // A client without a cookie jar.
    let mut nothing = Browser::default();
    let answer = server.send(&form("/login?to=/", "user=ada")).await;
    led(&answer, 200, "refresh", "0; url=/");
    assert_eq!(
        statuses(&follow(&mut nothing, &server, visit("/")).await),
        [303, 200]
    );
    // The marker was lost: one refresh, nobody, and the rest is deleted.
    let mut lost = without_marker(&ada);
    let answers = follow(&mut lost, &server, visit("/")).await;
    assert_eq!(statuses(&answers), [200, 307, 303, 200]);
    assert!(access_cookies(&lost.cookies).is_empty());
}

#[tokio::test]
async fn answers_that_come_late_touch_their_own_session_only() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut browser = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    // Ada's refresh is held, she logs out, and it lands.
    let held = server
        .send(&browser.with_cookies(visit("/auth/refresh?to=/")))
        .await;
    let ended = server
        .send(&browser.with_cookies(
            site(Request::post("/auth/logout"), "same-origin").header("Accept", "text/html"),
        ))
        .await;
    led(&ended, 303, "location", "/login");
    browser.keep(&ended);
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    browser.keep(&held);
    assert_eq!(access_cookies(&browser.cookies).len(), 1);
    assert_eq!(browser.send(&server, fetch("/public")).await.body, "nobody");
    let answers = follow(&mut browser.clone(), &server, visit("/")).await;
    assert_eq!(statuses(&answers), [200, 307, 303, 200]);
    // Bob logs in, and both are there: bob.
    let late = browser.cookies.clone();
    browser.cookies.clear();
    follow(&mut browser, &server, form("/login", "user=bob")).await;
    browser.cookies.extend(late);
    assert_eq!(access_cookies(&browser.cookies).len(), 2);
    assert_eq!(browser.send(&server, visit("/public")).await.body, "bob");
    // His next refresh deletes hers.
    app.clock.advance(16 * MINUTE);
    let answers = follow(&mut browser, &server, visit("/public")).await;
    assert_eq!(answers[2].body, "bob");
    assert_eq!(access_cookies(&browser.cookies).len(), 1);
    // Hers failed late: `over` is hers alone.
    let mut ada = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    app.find(Lookup::Nobody);
    let failed = server
        .send(&ada.with_cookies(visit("/auth/refresh?to=/")))
        .await;
    app.find(Lookup::User);
    follow(&mut ada, &server, form("/login", "user=bob")).await;
    ada.keep(&failed);
    assert_eq!(ada.send(&server, visit("/public")).await.body, "bob");
}

#[tokio::test]
async fn a_logout_deletes_what_there_is() {
    let server = Server::start(App::new().router()).await;
    let mut ada = signed_in(&server, "ada").await;
    let answer = ada
        .send(&server, site(Request::post("/auth/logout"), "same-origin"))
        .await;
    assert_eq!(answer.status, 204);
    assert!(ada.cookies.is_empty());
    // The browser module takes the marker itself, and cannot take this cookie: no answer is 200 but a handler's.
    let bob = without_marker(&signed_in(&server, "bob").await);
    for (request, status) in [(fetch("/"), 401), (fetch("/public"), 200)] {
        assert_eq!(server.send(&bob.with_cookies(request)).await.status, status);
    }
}

#[tokio::test]
async fn whoever_sends_the_access_token_sees_no_difference() {
    let pages = App::new();
    let with = Server::start(pages.router()).await;
    let without = {
        use bearer::Claims;

        #[require_session]
        async fn home(claims: Claims) -> String {
            format!("home of {}", claims.sub)
        }
        let sessions = pages.clock.hold(Sessions::<Claims>::new(keys()));
        let router = Router::new()
            .route("/", get(home))
            .with_state(sessions.clone());
        (Server::start(router).await, sessions)
    };
    let (without, sessions) = without;
    let ada = signed_in(&with, "ada").await;
    let good = access_cookie(&ada).value;
    let same = sessions
        .login_checked_elsewhere(bearer::Claims {
            sub: "ada".to_owned(),
        })
        .unwrap();
    for (ours, theirs) in [
        (
            format!("Bearer {good}"),
            format!("Bearer {}", same.access_token()),
        ),
        ("Bearer x".to_owned(), "Bearer x".to_owned()),
        ("Bearer".to_owned(), "Bearer".to_owned()),
        ("bearer a b".to_owned(), "bearer a b".to_owned()),
    ] {
        let request = visit("/").header("Authorization", &ours);
        let ours = with.send(&ada.with_cookies(request)).await;
        let theirs = without
            .send(&visit("/").header("Authorization", &theirs))
            .await;
        assert_eq!(ours.status, theirs.status);
        assert_eq!(ours.body, theirs.body);
        let headers = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| name != "date");
            headers
        };
        assert_eq!(headers(&ours), headers(&theirs));
    }
    // Another scheme leaves the cookies what they are.
    let basic = ada
        .with_cookies(visit("/"))
        .header("Authorization", "Basic YTpi");
    assert_eq!(with.send(&basic).await.body, "home of ada");
}

#[tokio::test]
async fn nothing_is_cached_that_a_handler_did_not_say() {
    let server = Server::start(App::new().router()).await;
    let ada = signed_in(&server, "ada").await;
    for request in [visit("/"), visit("/public"), fetch("/nothing-here")] {
        let answer = server.send(&ada.with_cookies(request.clone())).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            server.send(&request).await.header("cache-control"),
            Some("no-store")
        );
    }
    let answer = server.send(&ada.with_cookies(visit("/cached"))).await;
    assert_eq!(answer.header("cache-control"), Some("max-age=60"));
    let bearer = Request::get("/").bearer(&access_cookie(&ada).value);
    assert_eq!(server.send(&bearer).await.header("cache-control"), None);
}

#[tokio::test]
async fn a_body_is_read_only_where_a_session_is_led_on() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let ada = signed_in(&server, "ada").await;
    app.clock.advance(16 * MINUTE);
    // Nobody's: the answer comes at once.
    let answer = server.send(&form("/", "").endless_body()).await;
    led(&answer, 303, "location", "/login");
    // A session's: not before the end.
    let request = ada.with_cookies(form("/", "").endless_body());
    let waiting =
        tokio::time::timeout(std::time::Duration::from_millis(300), server.send(&request));
    assert!(waiting.await.is_err());
    let large = ada.with_cookies(form("/", &"x".repeat(8_000_000)));
    assert_eq!(server.send(&large).await.status, 307);
}

#[tokio::test]
async fn cookies_outside_of_the_layer_are_a_mistake_that_the_log_explains() {
    let app = App::new();
    let inside = Server::start(app.router()).await;
    let ada = signed_in(&inside, "ada").await;
    let forgotten = App::routes()
        .merge(Claims::routes())
        .with_state(app.clone());
    let server = Server::start(forgotten).await;
    let answer = server.send(&ada.with_cookies(visit("/"))).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("call it last");
    let token = access_cookie(&ada).value;
    assert_eq!(
        server
            .send(&ada.with_cookies(visit("/")).bearer(&token))
            .await
            .body,
        "home of ada"
    );
    // By hand, as beside a router of another type.
    let by_hand = App::routes()
        .merge(Claims::routes())
        .layer(Claims::pages_layer());
    let server = Server::start(by_hand.with_state(app.clone())).await;
    assert_eq!(
        server.send(&ada.with_cookies(visit("/"))).await.body,
        "home of ada"
    );
    // Nested.
    let nested = Router::new().nest("/app", Claims::pages(App::routes()));
    let server = Server::start(nested.with_state(app.clone())).await;
    let answer = server
        .send(&ada.with_cookies(visit("/app/auth/refresh?to=/")))
        .await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("or call `pages(router)` on the outermost router");
}

#[tokio::test]
async fn the_idle_lifetime_ends_it_as_ever() {
    let app = App::new();
    let server = Server::start(app.router()).await;
    let mut ada = signed_in(&server, "ada").await;
    app.clock.advance(8 * DAY);
    let answers = follow(&mut ada, &server, visit("/")).await;
    assert_eq!(statuses(&answers), [307, 307, 303, 200]);
}
