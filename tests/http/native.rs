//! Clients that are no browsers: one string in the platform's keystore, and RFC 6749, section 6.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use axum::extract::FromRef;
use axum::routing::{any, get};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionClaims, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};

use crate::app::App;
use crate::support::{
    ACCESS_SECRET, Answer, Browser, DAY, HeldClock, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET,
    REFRESH_SECRET, Request, START, Server, forge_like, header, keys, payload,
};

#[stateless_session(access = "15m", refresh = "7d", native)]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    generation: u32,
}

#[derive(Clone)]
struct Api {
    sessions: Sessions<Claims>,
    clock: HeldClock,
    generation: Arc<AtomicU32>,
    out: Arc<AtomicBool>,
    lookups: Arc<AtomicUsize>,
}

impl Api {
    fn new() -> Self {
        let clock = HeldClock::new();
        Self {
            sessions: clock.hold(Sessions::new(keys())),
            clock,
            generation: Arc::default(),
            out: Arc::default(),
            lookups: Arc::default(),
        }
    }

    fn redeployed(&self, keys: Keys) -> Self {
        Self {
            sessions: self.clock.hold(Sessions::new(keys)),
            ..self.clone()
        }
    }

    async fn start(&self) -> Server {
        let routes = Router::new()
            .route("/login", any(login))
            .route("/me", get(me))
            .merge(Claims::routes());
        Server::start(routes.with_state(self.clone())).await
    }
}

impl FromRef<Api> for Sessions<Claims> {
    fn from_ref(api: &Api) -> Self {
        api.sessions.clone()
    }
}

impl Renew<Claims> for Api {
    type Error = std::io::Error;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        if self.out.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("the database is down"));
        }
        Ok((*session.subject() == 7).then(|| Claims {
            sub: 7,
            generation: self.generation.load(Ordering::SeqCst),
        }))
    }
}

async fn login(login: Login<Claims>, user: Option<Json<u64>>) -> Result<TokenResponse, IssueError> {
    login.start(Claims {
        sub: user.map_or(7, |Json(user)| user),
        generation: 0,
    })
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.sub.to_string()
}

fn native_login() -> Request {
    Request::post("/login").header("Session-Transport", "body")
}

async fn log_in(server: &Server) -> String {
    let answer = server.send(&native_login()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    refresh_token(&answer).expect("a refresh token in the body")
}

fn refresh_token(answer: &Answer) -> Option<String> {
    Some(answer.json()["refresh_token"].as_str()?.to_owned())
}

async fn refresh(server: &Server, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    server
        .send(&Request::post("/auth/refresh").form(&form))
        .await
}

#[track_caller]
fn assert_form_refused(answer: &Answer, error: &str, code: &str) {
    answer.assert_refused(400, code, None);
    assert_eq!(answer.json()["error"], error);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_program_gets_its_refresh_token_in_the_body_and_no_cookie() {
    let server = Api::new().start().await;
    let answer = server.send(&native_login()).await;
    let token = refresh_token(&answer).unwrap();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"access_token":"{}","token_type":"Bearer","expires_in":900,"session_expires_in":604800,"refresh_token":"{token}","refresh_token_expires_in":604800}}"#,
            answer.access_token(),
        )
    );
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let claims = payload(&token);
    assert_eq!(
        claims,
        json!({
            "iss": "stateless-session", "aud": "http::native::Claims#native", "sub": "7", "sid": claims["sid"],
            "auth_time": START, "iat": START, "exp": START + 7 * DAY, "gen": 0,
        })
    );
    assert_eq!(header(&token)["typ"], "rt+jwt");
    let me = server
        .send(&Request::get("/me").bearer(&answer.access_token()))
        .await;
    assert_eq!((me.status, &*me.body), (200, "7"));
    assert_eq!(payload(&answer.access_token())["sid"], claims["sid"]);
    let other = payload(&log_in(&server).await);
    assert_ne!(
        other["sid"], claims["sid"],
        "every login is a session of its own"
    );
}

/// Whatever a page can add to a request, and whatever a program leaves out.
#[tokio::test]
async fn only_a_request_that_no_page_can_make_gets_it_in_the_body() {
    let server = Api::new().start().await;
    let same = format!("http://{}", server.address);
    let as_today = [
        Request::post("/login"),
        Request::post("/login").header("Session-Transport", "cookie"),
        Request::post("/login").header("Session-Transport", "Body"),
        Request::post("/login").header("Session-Transport", "body, body"),
        Request::post("/login").header("Session-Transport", ""),
        native_login().header("Session-Transport", "body"),
        native_login().header("Origin", &same),
        native_login().header("Sec-Fetch-Site", "same-origin"),
        native_login().header("Sec-Fetch-Site", "none"),
        native_login().header("Sec-Fetch-Mode", "cors"),
        native_login().header("Sec-Fetch-Dest", "empty"),
        native_login().header("Sec-Fetch-User", "?1"),
        native_login().header("Sec-Fetch-Storage-Access", "none"),
        native_login().header("Sec-Fetch-Of-The-Future", "1"),
        native_login().header("Cookie", "__Host-stateless-session=AAAAAAAAAAAAAAAAAAAAAA"),
        native_login().header("Cookie", "__Host-stateless-session="),
        native_login().header("Cookie", "__Secure-stateless-session-refresh-AAAAAAAA=x"),
        native_login().header("Cookie", "__Secure-stateless-session-refresh-AAAAAAAA="),
        Request::new("PUT", "/login").header("Session-Transport", "body"),
        Request::new("PATCH", "/login").header("Session-Transport", "body"),
        Request::new("DELETE", "/login").header("Session-Transport", "body"),
    ];
    for request in as_today {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 200, "{request:?}");
        assert_eq!(refresh_token(&answer), None, "{request:?}");
        assert!(answer.set_cookies().len() >= 2, "{request:?}");
    }
    for foreign in [
        native_login().header("Origin", "null"),
        native_login().header("Origin", ""),
        native_login().header("Origin", "https://evil.example"),
        native_login().header("Sec-Fetch-Site", "cross-site"),
    ] {
        let answer = server.send(&foreign).await;
        answer.assert_refused(403, "cross_origin", None);
    }
    let by_get = Request::get("/login").header("Session-Transport", "body");
    assert_eq!(server.send(&by_get).await.status, 405);
    let beside_others = native_login().header("Cookie", "theme=dark");
    assert!(refresh_token(&server.send(&beside_others).await).is_some());
}

#[tokio::test]
async fn a_refresh_repeats_and_hands_out_a_new_token_when_one_is_due() {
    let api = Api::new();
    let server = api.start().await;
    let token = log_in(&server).await;
    for _ in 0..3 {
        let answer = refresh(&server, &token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(refresh_token(&answer), None, "it is young");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            payload(&answer.access_token())["sid"],
            payload(&token)["sid"]
        );
    }
    api.clock.set(START + DAY);
    let answer = refresh(&server, &token).await;
    let next = refresh_token(&answer).expect("a seventh of its life is gone");
    assert_eq!(answer.json()["refresh_token_expires_in"], 7 * DAY);
    assert_eq!(payload(&next)["auth_time"], START);
    assert_eq!(payload(&next)["exp"], START + 8 * DAY);
    assert_eq!(
        refresh(&server, &token).await.status,
        200,
        "a lost answer costs nothing"
    );
    assert_eq!(refresh(&server, &next).await.status, 200);
    // The absolute end stays where the login put it.
    let mut last = next;
    for day in 2..30 {
        api.clock.set(START + day * DAY);
        let answer = refresh(&server, &last).await;
        assert_eq!(answer.status, 200, "day {day}");
        last = refresh_token(&answer).unwrap_or(last);
    }
    api.clock.set(START + 30 * DAY);
    assert_form_refused(
        &refresh(&server, &last).await,
        "invalid_grant",
        "session_ended",
    );
}

#[tokio::test]
async fn a_key_that_is_to_be_retired_is_replaced_at_the_next_refresh() {
    let api = Api::new();
    let token = log_in(&api.start().await).await;
    let next = || Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let rotated = next().with_previous(Some(ACCESS_SECRET), Some(REFRESH_SECRET));
    let server = api.redeployed(rotated.unwrap()).start().await;
    let successor = refresh_token(&refresh(&server, &token).await).unwrap();
    let server = api.redeployed(next()).start().await;
    assert_eq!(refresh(&server, &successor).await.status, 200);
    let refused = refresh(&server, &token).await;
    assert_form_refused(&refused, "invalid_grant", "session_unknown");
}

#[tokio::test]
async fn what_a_page_gets_as_401_is_an_invalid_grant_and_an_outage_stays_one() {
    let api = Api::new();
    let server = api.start().await;
    let token = log_in(&server).await;

    api.out.store(true, Ordering::SeqCst);
    let answer = refresh(&server, &token).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    assert_eq!(answer.header("retry-after"), Some("5"));
    api.out.store(false, Ordering::SeqCst);

    let gone = server.send(&native_login().json("8")).await;
    let gone = refresh(&server, &refresh_token(&gone).unwrap()).await;
    assert_form_refused(&gone, "invalid_grant", "session_ended");

    api.clock.set(START - 6);
    let ahead = refresh(&server, &token).await;
    ahead.assert_refused(503, "temporarily_unavailable", None);
    api.clock.set(START - 2 * DAY);
    let ahead = refresh(&server, &token).await;
    assert_form_refused(&ahead, "invalid_grant", "session_unknown");
    api.clock.set(START);

    api.generation.store(1, Ordering::SeqCst);
    let moved = refresh(&server, &token).await;
    assert_form_refused(&moved, "invalid_grant", "session_ended");
    api.generation.store(0, Ordering::SeqCst);

    api.clock.set(START + 7 * DAY + 5);
    let expired = refresh(&server, &token).await;
    assert_form_refused(&expired, "invalid_grant", "session_ended");
}

#[tokio::test]
async fn every_mistake_in_the_form_has_its_error() {
    let api = Api::new();
    let server = api.start().await;
    let token = log_in(&server).await;
    let to_refresh = || Request::post("/auth/refresh");
    let good = format!("grant_type=refresh_token&refresh_token={token}");
    let form = |body: &str| to_refresh().form(body);
    let invalid = [
        ("nothing", form("")),
        ("no grant type", form(&format!("refresh_token={token}"))),
        ("no token", form("grant_type=refresh_token")),
        (
            "an empty token",
            form("grant_type=refresh_token&refresh_token="),
        ),
        (
            "an empty grant type",
            form(&format!("grant_type=&refresh_token={token}")),
        ),
        (
            "two grant types",
            form(&format!("grant_type=refresh_token&{good}")),
        ),
        ("two tokens", form(&format!("{good}&refresh_token={token}"))),
        (
            "two tokens, one escaped",
            form(&format!("{good}&refresh%5Ftoken={token}")),
        ),
        (
            "the names in capitals",
            form(&good.replace("refresh_token=", "REFRESH_TOKEN=")),
        ),
        (
            "JSON",
            to_refresh()
                .json(&json!({"grant_type": "refresh_token", "refresh_token": token}).to_string()),
        ),
        (
            "plain text",
            to_refresh()
                .header("Content-Type", "text/plain")
                .body(&good),
        ),
        (
            "a multipart form",
            to_refresh()
                .header("Content-Type", "multipart/form-data; boundary=x")
                .body(&good),
        ),
        (
            "an empty content type",
            to_refresh().header("Content-Type", "").body(&good),
        ),
        (
            "two content types",
            form(&good).header("Content-Type", "application/x-www-form-urlencoded"),
        ),
        (
            "more than 8 kB",
            form(&format!("{good}&x={}", "x".repeat(8192))),
        ),
        (
            "an endless form",
            form(&format!("x={}", "x".repeat(9000))).endless_body(),
        ),
    ];
    for (what, request) in invalid {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert_form_refused(&answer, "invalid_request", "invalid_request");
    }
    for grant_type in [
        "password",
        "client_credentials",
        "authorization_code",
        "REFRESH_TOKEN",
        "refresh_token%20",
    ] {
        let answer = server
            .send(&form(&format!(
                "grant_type={grant_type}&refresh_token={token}"
            )))
            .await;
        assert_form_refused(&answer, "unsupported_grant_type", "unsupported_grant_type");
    }
    assert_eq!(
        api.lookups.load(Ordering::SeqCst),
        0,
        "nobody was looked up"
    );
    let accepted = [
        form(&format!("{good}&client_id=cli&scope=all&client_id=twice")),
        form(&format!("&&{good}&&&unknown")),
        form(&format!(
            "grant%5Ftype=refresh%5ftoken&refresh_token={}",
            token.replace('.', "%2E")
        )),
        to_refresh()
            .header(
                "Content-Type",
                "Application/X-WWW-Form-Urlencoded ; charset=utf-8",
            )
            .body(&good),
        form(&format!("{good}&x={}", "x".repeat(8192 - good.len() - 3))),
        form(&good).header("Session-Transport", "body"),
        form(&good).header("Cookie", "theme=dark"),
        form(&good).header("Authorization", "Basic Y2xpOg=="),
    ];
    for request in accepted {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 200, "{request:?}: {answer:?}");
    }
}

/// A page never has one: what it sends is answered as if there were no such form, and its body is not read.
#[tokio::test]
async fn a_form_from_a_page_is_a_pages_refresh() {
    let api = Api::new();
    let server = api.start().await;
    let token = log_in(&server).await;
    let same = format!("http://{}", server.address);
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    for (name, value) in [
        ("Origin", &*same),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "no-cors"),
    ] {
        let request = Request::post("/auth/refresh")
            .form(&body)
            .header(name, value);
        let answer = server.send(&request).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (401, &json!("session_unknown")),
            "{name}"
        );
        let endless = Request::post("/auth/refresh")
            .form(&body)
            .header(name, value);
        assert_eq!(
            server.send(&endless.endless_body()).await.status,
            401,
            "{name}: the body is not read"
        );
    }
    assert_eq!(api.lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_browser_logs_in_refreshes_and_logs_out_as_without_native() {
    let server = Api::new().start().await;
    let mut browser = Browser::default();
    let login = Request::post("/login").header("Origin", format!("http://{}", server.address));
    let answer = browser.send(&server, login).await;
    assert_eq!(refresh_token(&answer), None);
    let body = format!(
        r#"{{"access_token":"{}","token_type":"Bearer","expires_in":900,"session_expires_in":604800}}"#,
        answer.access_token()
    );
    assert_eq!(answer.body, body);
    assert_eq!(browser.refresh(&server).await.status, 200);
    // Forms and other bodies of clients with a jar change nothing, but a token in one.
    let with_form = Request::post("/auth/refresh").form("x=1");
    assert_eq!(browser.send(&server, with_form).await.status, 200);
    let with_json = Request::post("/auth/refresh").json("{}");
    assert_eq!(browser.send(&server, with_json).await.status, 200);
    let token = log_in(&server).await;
    let both = Request::post("/auth/refresh")
        .form(&format!("grant_type=refresh_token&refresh_token={token}"));
    assert_form_refused(
        &browser.send(&server, both).await,
        "invalid_request",
        "invalid_request",
    );
    let both = Request::post("/auth/logout").form(&format!("token={token}"));
    assert_form_refused(
        &browser.send(&server, both).await,
        "invalid_request",
        "invalid_request",
    );
    assert_eq!(browser.logout(&server).await.status, 204);
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn a_logout_answers_200_whatever_the_token_is() {
    let server = Api::new().start().await;
    let token = log_in(&server).await;
    let logout = |body: &str| Request::post("/auth/logout").form(body);
    for body in [
        format!("token={token}"),
        format!("token={token}&token_type_hint=refresh_token"),
        "token=unknown".to_owned(),
    ] {
        let answer = server.send(&logout(&body)).await;
        assert_eq!((answer.status, &*answer.body), (200, ""), "{answer:?}");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(
        server.log().matches("logout sid=").count(),
        2,
        "{}",
        server.log()
    );
    // Without a registry a copy lives on, as a cookie's does.
    assert_eq!(refresh(&server, &token).await.status, 200);
    for body in ["", "token=", "refresh_token=x", "token=a&token=b"] {
        let answer = server.send(&logout(body)).await;
        assert_form_refused(&answer, "invalid_request", "invalid_request");
    }
    let other_type = Request::post("/auth/logout").json(r#"{"token": "x"}"#);
    assert_form_refused(
        &server.send(&other_type).await,
        "invalid_request",
        "invalid_request",
    );
    assert_eq!(
        server.send(&Request::post("/auth/logout")).await.status,
        204
    );
}

#[tokio::test]
async fn a_token_of_a_cookie_and_one_of_a_body_never_pass_for_one_another() {
    let server = Api::new().start().await;
    let native = log_in(&server).await;
    let mut browser = Browser::default();
    assert_eq!(
        browser.send(&server, Request::post("/login")).await.status,
        200
    );
    let (cookie, access) = (
        browser.refresh_cookie().value.clone(),
        browser.access_token.clone().unwrap(),
    );
    for other in [
        &cookie,
        &access,
        &browser.marker().value,
        &payload(&native)["sid"].to_string(),
    ] {
        let refused = refresh(&server, other).await;
        assert_form_refused(&refused, "invalid_grant", "session_unknown");
    }
    let name = browser.refresh_cookie().name.clone();
    let marker = format!("{}={}", browser.marker().name, browser.marker().value);
    let as_cookie = format!("{marker}; {name}={native}");
    let refused = server
        .send(&Request::post("/auth/refresh").header("Cookie", as_cookie))
        .await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (401, &json!("session_unknown"))
    );
    // Nor where its claims are another kind's, signed with the right key.
    let claims = payload(&cookie).to_string().replace("#refresh", "");
    for claims in [
        claims.clone(),
        claims.replace("native::Claims", "native::Claims#native#refresh"),
    ] {
        let forged = forge_like(&cookie, &claims, REFRESH_SECRET);
        let refused = refresh(&server, &forged).await;
        assert_form_refused(&refused, "invalid_grant", "session_unknown");
    }
    let bearer = server.send(&Request::get("/me").bearer(&native)).await;
    assert_eq!(
        (bearer.status, &bearer.json()["code"]),
        (401, &json!("invalid_token"))
    );
    let mut claims: Value = payload(&native);
    claims["cnf"] = json!({"jkt": "x"});
    let bound = forge_like(&native, &claims.to_string(), REFRESH_SECRET);
    let refused = refresh(&server, &bound).await;
    assert_form_refused(&refused, "invalid_grant", "session_unknown");
}

#[tokio::test]
async fn every_truncation_and_every_changed_bit_is_refused() {
    let server = Api::new().start().await;
    let token = log_in(&server).await;
    for length in (1..token.len()).step_by(7).chain([token.len() - 1]) {
        assert_eq!(
            refresh(&server, &token[..length]).await.status,
            400,
            "cut to {length}"
        );
    }
    for position in (0..token.len()).step_by(11) {
        let mut changed = token.clone().into_bytes();
        changed[position] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            refresh(&server, &changed).await.status,
            400,
            "byte {position}"
        );
    }
}

/// A struct that did not opt in does not look at any of it.
#[tokio::test]
async fn without_native_nothing_is_read_and_nothing_is_given() {
    let server = Server::start(App::new().router()).await;
    let login = Request::post("/login")
        .header("Session-Transport", "body")
        .json(r#"{"user": 1}"#);
    let answer = server.send(&login).await;
    assert_eq!(refresh_token(&answer), None);
    assert_eq!(answer.set_cookies().len(), 2);
    for (target, status) in [("/auth/refresh", 401), ("/auth/logout", 204)] {
        let form = Request::post(target).form("grant_type=refresh_token&refresh_token=x&token=x");
        assert_eq!(server.send(&form).await.status, status);
        assert_eq!(
            server.send(&form.endless_body()).await.status,
            status,
            "the body is not read"
        );
    }
    const { assert!(!crate::app::Claims::POLICY.native) };
    assert_eq!(
        Claims::POLICY.to_string().lines().last(),
        Some("native     `Session-Transport: body`")
    );
}

#[test]
fn no_debug_shows_a_token() {
    let api = Api::new();
    let answer = api
        .sessions
        .login_checked_elsewhere(Claims {
            sub: 7,
            generation: 0,
        })
        .unwrap();
    assert_eq!(answer.refresh_token(), None, "a request has to ask for it");
}

/// The same struct for pages and for programs: `pages` changes nothing for what no browser sends.
mod beside_pages {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d", pages = "/login", native)]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: u64,
    }
}

impl Renew<beside_pages::Claims> for Sessions<beside_pages::Claims> {
    type Error = std::convert::Infallible;

    async fn renew(
        &self,
        _: &Renewal<beside_pages::Claims>,
    ) -> Result<Option<beside_pages::Claims>, Self::Error> {
        Ok(Some(beside_pages::Claims { sub: 7 }))
    }
}

#[tokio::test]
async fn programs_refresh_and_log_out_beside_pages() {
    async fn login(login: Login<beside_pages::Claims>) -> Result<TokenResponse, IssueError> {
        login.start(beside_pages::Claims { sub: 7 })
    }
    let app = beside_pages::Claims::pages(Router::new().route("/login", any(login)));
    let app = app.with_state(Sessions::<beside_pages::Claims>::new(keys()));
    let server = Server::start(app).await;
    let token = log_in(&server).await;
    let answer = refresh(&server, &token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.set_cookies().is_empty());
    assert_form_refused(
        &refresh(&server, "x").await,
        "invalid_grant",
        "session_unknown",
    );
    let form = Request::post("/auth/refresh").form("grant_type=password");
    let error = "unsupported_grant_type";
    assert_form_refused(&server.send(&form).await, error, error);
    let logout = Request::post("/auth/logout").form(&format!("token={token}"));
    assert_eq!(server.send(&logout).await.status, 200);

    // And browsers go on as ever, by script and by the way back.
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    let script = browser.send(&server, Request::post("/auth/refresh")).await;
    assert_eq!(script.status, 200, "{script:?}");
    let led = Request::get("/auth/refresh?to=/login");
    let led = browser.send(&server, led).await;
    assert_eq!((led.status, led.header("location")), (307, Some("/login")));
    let get = server.send(&Request::get("/auth/refresh")).await;
    get.assert_refused(405, "method_not_allowed", None);
}
