//! Deployments: other lifetimes, other keys, other structs, and claims that no token can carry.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Policy, Renew, Renewal, SessionClaims, SessionRoutes, Sessions,
    TokenResponse, stateless_session,
};

use crate::app::App;
use crate::support::{
    ACCESS_SECRET, Browser, CHALLENGE, DAY, HOUR, HeldClock, MINUTE, NEXT_ACCESS_SECRET,
    NEXT_REFRESH_SECRET, REFRESH_SECRET, Request, START, Server, forge_like, keys, lock, payload,
};

/// An application for any claims: POST {prefix}/login starts a session with those that the state holds.
struct Serving<C> {
    sessions: Sessions<C>,
    claims: Arc<Mutex<C>>,
}

impl<C> Clone for Serving<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            claims: Arc::clone(&self.claims),
        }
    }
}

impl<C: SessionClaims> FromRef<Serving<C>> for Sessions<C> {
    fn from_ref(serving: &Serving<C>) -> Self {
        serving.sessions.clone()
    }
}

impl<C: SessionClaims + Clone> Renew<C> for Serving<C> {
    type Error = std::convert::Infallible;

    async fn renew(&self, _: &Renewal<C>) -> Result<Option<C>, Self::Error> {
        Ok(Some(lock(&self.claims).clone()))
    }
}

async fn login<C: SessionClaims + Clone>(
    login: Login<C>,
    State(serving): State<Serving<C>>,
) -> Result<TokenResponse, IssueError> {
    let claims = lock(&serving.claims).clone();
    login.start(claims)
}

async fn me<C: SessionClaims>(session: stateless_session::Session<C>) -> String {
    session.sid().to_owned()
}

fn serving<C: SessionClaims + Clone>(clock: &HeldClock, keys: Keys, claims: C) -> Serving<C> {
    Serving {
        sessions: clock.hold(Sessions::new(keys)),
        claims: Arc::new(Mutex::new(claims)),
    }
}

fn router<C: SessionClaims + Clone>(prefix: &str, serving: Serving<C>) -> Router {
    Router::new()
        .route(&format!("{prefix}/login"), post(login::<C>))
        .route(&format!("{prefix}/me"), get(me::<C>))
        .merge(C::routes())
        .with_state(serving)
}

mod users {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: String,
    }
}

mod admins {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d", path = "/admin/auth")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: String,
    }
}

#[tokio::test]
async fn two_structs_of_one_name_live_side_by_side_and_refuse_one_anothers_tokens() {
    let clock = HeldClock::new();
    let user = serving(&clock, keys(), users::Claims { sub: "ada".into() });
    let admin = serving(&clock, keys(), admins::Claims { sub: "ada".into() });
    let server = Server::start(router("", user).merge(router("/admin", admin))).await;
    let mut browser = Browser::default();
    let user_token = browser
        .send(&server, Request::post("/login"))
        .await
        .access_token();
    let admin_token = browser
        .send(&server, Request::post("/admin/login"))
        .await
        .access_token();
    assert_eq!(browser.cookies.len(), 4);
    for (target, token, status) in [
        ("/me", &user_token, 200),
        ("/admin/me", &admin_token, 200),
        ("/me", &admin_token, 401),
        ("/admin/me", &user_token, 401),
    ] {
        assert_eq!(
            server
                .send(&Request::get(target).bearer(token))
                .await
                .status,
            status,
            "{target}"
        );
    }
    for target in ["/auth/refresh", "/admin/auth/refresh"] {
        assert_eq!(
            browser.send(&server, Request::post(target)).await.status,
            200
        );
    }
    // The cookies of one, renamed to those of the other.
    let renamed = |from: &str, to: &str| {
        let of_one = browser
            .cookies
            .iter()
            .filter(|cookie| cookie.name.contains("admin-auth") == from.contains("admin"));
        let pairs: Vec<String> = of_one
            .map(|cookie| format!("{}={}", cookie.name.replacen(from, to, 1), cookie.value))
            .collect();
        pairs.join("; ")
    };
    let (user, admin) = ("stateless-session", "stateless-session-admin-auth");
    for (target, cookies) in [
        ("/auth/refresh", renamed(admin, user)),
        ("/admin/auth/refresh", renamed(user, admin)),
    ] {
        let answer = server
            .send(&Request::post(target).header("Cookie", cookies))
            .await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    browser
        .send(&server, Request::post("/admin/auth/logout"))
        .await;
    assert_eq!(browser.cookies.len(), 2);
    assert_eq!(
        browser
            .send(&server, Request::post("/auth/refresh"))
            .await
            .status,
        200
    );
}

/// The same claims with lifetimes of one deployment and of another.
macro_rules! deployment {
    ($name:ident: $($lifetime:ident = $value:literal),*) => {
        mod $name {
            use super::{Deserialize, Serialize, stateless_session};

            #[stateless_session($($lifetime = $value),*, audience = "deployments")]
            #[derive(Clone, Serialize, Deserialize)]
            pub struct Claims {
                pub sub: u64,
            }
        }
    };
}

deployment!(usual: access = "15m", refresh = "7d");
deployment!(shorter: access = "5m", refresh = "3d", absolute = "10d");
deployment!(longer: access = "1h", refresh = "30d", absolute = "90d");
deployment!(endless: access = "15m", refresh = "7d", absolute = "never");

#[tokio::test]
async fn shorter_lifetimes_cut_what_is_out_there_and_log_out_nobody_who_is_active() {
    let clock = HeldClock::new();
    let before = Server::start(router(
        "",
        serving(&clock, keys(), longer::Claims { sub: 7 }),
    ))
    .await;
    let mut browser = Browser::default();
    let token = browser
        .send(&before, Request::post("/login"))
        .await
        .access_token();
    let after = Server::start(router(
        "",
        serving(&clock, keys(), shorter::Claims { sub: 7 }),
    ))
    .await;
    clock.advance(5 * MINUTE + 4);
    assert_eq!(
        after.send(&Request::get("/me").bearer(&token)).await.status,
        200
    );
    clock.advance(1);
    assert_eq!(
        after.send(&Request::get("/me").bearer(&token)).await.status,
        401,
        "cut to five minutes"
    );
    assert_eq!(
        before
            .send(&Request::get("/me").bearer(&token))
            .await
            .status,
        200
    );
    for _ in 0..9 {
        clock.advance(DAY);
        assert_eq!(browser.refresh(&after).await.status, 200);
    }
    clock.set(START + 10 * DAY + 5);
    assert_eq!(
        browser.clone().refresh(&before).await.status,
        401,
        "what is issued now ends earlier, too"
    );
    assert_eq!(browser.refresh(&after).await.status, 401, "cut to ten days");
}

#[tokio::test]
async fn a_longer_idle_lifetime_reaches_a_session_at_its_next_re_issue() {
    let clock = HeldClock::new();
    let before = Server::start(router(
        "",
        serving(&clock, keys(), usual::Claims { sub: 7 }),
    ))
    .await;
    let mut browser = Browser::default();
    let token = browser
        .send(&before, Request::post("/login"))
        .await
        .access_token();
    let after = Server::start(router(
        "",
        serving(&clock, keys(), longer::Claims { sub: 7 }),
    ))
    .await;
    clock.advance(16 * MINUTE);
    assert_eq!(
        after.send(&Request::get("/me").bearer(&token)).await.status,
        401,
        "its `exp` stays"
    );
    clock.advance(DAY);
    browser.refresh(&after).await;
    assert_eq!(browser.refresh_cookie().max_age, Some(2_592_000));
    // Within the life of the session marker, which is written at login only.
    clock.advance(28 * DAY);
    assert_eq!(browser.refresh(&after).await.status, 200);
}

#[tokio::test]
async fn a_session_without_an_absolute_end_lives_as_long_as_its_marker() {
    let clock = HeldClock::new();
    let server = Server::start(router(
        "",
        serving(&clock, keys(), endless::Claims { sub: 7 }),
    ))
    .await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(browser.marker().max_age, Some(400 * 86_400));
    for _ in 0..66 {
        clock.advance(6 * DAY);
        assert_eq!(browser.refresh(&server).await.status, 200);
    }
}

#[tokio::test]
async fn keys_rotate_in_two_deployments_and_retire_when_everybody_was_back() {
    let app = App::new();
    let old = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&old, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    // First the new keys as previous ones, everywhere.
    let learning = keys()
        .with_previous(Some(NEXT_ACCESS_SECRET), Some(NEXT_REFRESH_SECRET))
        .unwrap();
    let learning = Server::start(app.redeployed(learning).router()).await;
    assert_eq!(
        browser.call(&learning, Request::get("/me")).await.status,
        200
    );
    let answer = browser.refresh(&learning).await;
    assert_eq!(answer.status, 200);
    assert!(answer.set_cookies().is_empty());
    // Then swapped. While both deployments serve, everybody understands everybody.
    let next = || Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let swapped = next()
        .with_previous(Some(ACCESS_SECRET), Some(REFRESH_SECRET))
        .unwrap();
    let swapped = Server::start(app.redeployed(swapped).router()).await;
    assert_eq!(
        browser.call(&swapped, Request::get("/me")).await.status,
        200
    );
    let mut late_browser = browser.clone();
    let answer = browser.refresh(&swapped).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.set_cookies().len(),
        1,
        "re-issued, because another key signed it"
    );
    assert_eq!(
        browser.call(&learning, Request::get("/me")).await.status,
        200
    );
    assert_eq!(browser.refresh(&learning).await.set_cookies().len(), 1);
    browser.refresh(&swapped).await;
    // At last the old keys are retired.
    let retired = Server::start(app.redeployed(next()).router()).await;
    assert_eq!(browser.refresh(&retired).await.status, 200);
    assert_eq!(
        browser.call(&retired, Request::get("/me")).await.status,
        200
    );
    late_browser
        .refresh(&retired)
        .await
        .assert_refused(401, "session_unknown", Some(CHALLENGE));
    assert_eq!(
        late_browser
            .call(&retired, Request::get("/me"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_rotation_reaches_a_session_whose_end_no_longer_moves() {
    let app = App::new();
    let old = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&old, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    for _ in 0..24 {
        app.clock.advance(DAY);
        browser.refresh(&old).await;
    }
    let swapped = Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let swapped = swapped.with_previous(None, Some(REFRESH_SECRET)).unwrap();
    let swapped = Server::start(app.redeployed(swapped).router()).await;
    assert_eq!(browser.refresh(&swapped).await.set_cookies().len(), 1);
    assert_eq!(
        payload(&browser.refresh_cookie().value)["exp"],
        START + 30 * DAY
    );
    assert!(browser.refresh(&swapped).await.set_cookies().is_empty());
}

mod counted {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d", audience = "deployments")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: u64,
        pub generation: u64,
    }
}

#[tokio::test]
async fn a_generation_that_is_added_later_begins_at_zero() {
    let clock = HeldClock::new();
    let before = Server::start(router(
        "",
        serving(&clock, keys(), usual::Claims { sub: 7 }),
    ))
    .await;
    let mut browser = Browser::default();
    browser.send(&before, Request::post("/login")).await;
    let counting = serving(
        &clock,
        keys(),
        counted::Claims {
            sub: 7,
            generation: 0,
        },
    );
    let after = Server::start(router("", counting.clone())).await;
    assert_eq!(browser.refresh(&after).await.status, 200);
    lock(&counting.claims).generation = 1;
    browser
        .refresh(&after)
        .await
        .assert_refused(401, "session_ended", Some(CHALLENGE));
    assert_eq!(browser.refresh(&before).await.status, 200);
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Loose {
    sub: String,
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

impl Loose {
    fn new(sub: &str, name: &str, value: serde_json::Value) -> Self {
        Self {
            sub: sub.into(),
            other: BTreeMap::from([(name.to_owned(), value)]),
        }
    }
}

#[tokio::test]
async fn what_would_not_verify_is_never_issued() {
    let clock = HeldClock::new();
    let good = Loose::new("ada", "role", "admin".into());
    let app = serving(&clock, keys(), good.clone());
    let server = Server::start(router("", app.clone())).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    clock.advance(2 * DAY);
    for (claims, logged) in [
        (
            Loose::new("ada", "exp", 9.into()),
            "the claims hold the reserved name `exp`",
        ),
        (
            Loose::new("ada", "sid", 9.into()),
            "the claims hold the reserved name `sid`",
        ),
        (
            Loose::new("ada", "sub", "eve".into()),
            "the claims hold a name twice",
        ),
        (
            Loose::new("ada", "filler", "x".repeat(5_000).into()),
            "keep less in the claims",
        ),
        (
            Loose::new("", "role", "admin".into()),
            "`sub` must not be empty",
        ),
        (
            Loose::new(&"a".repeat(256), "role", "admin".into()),
            "`sub` must not be longer than 255 bytes",
        ),
    ] {
        let same_subject = claims.sub == "ada";
        *lock(&app.claims) = claims;
        let answer = server.send(&Request::post("/login")).await;
        answer.assert_refused(500, "internal_error", None);
        server.assert_logged(logged);
        if same_subject {
            browser
                .refresh(&server)
                .await
                .assert_refused(500, "internal_error", None);
        }
    }
    *lock(&app.claims) = good;
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Flag {
    sub: Flagged,
}

// The attribute sees through no type.
type Flagged = bool;

#[tokio::test]
async fn a_subject_that_is_neither_string_nor_integer_is_an_error_at_login() {
    let server = Server::start(router(
        "",
        serving(&HeldClock::new(), keys(), Flag { sub: true }),
    ))
    .await;
    server
        .send(&Request::post("/login"))
        .await
        .assert_refused(500, "internal_error", None);
    server.assert_logged("`sub` must be a string or an integer");
}

#[tokio::test]
async fn a_subject_of_255_bytes_and_claims_of_two_kilobytes_fit() {
    let sub = "a".repeat(255);
    let claims = Loose::new(&sub, "filler", "x".repeat(2_000).into());
    let server = Server::start(router("", serving(&HeldClock::new(), keys(), claims))).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
}

mod short {
    use super::{Deserialize, Serialize, stateless_session};

    #[stateless_session(
        access = "15m",
        refresh = "7d",
        cookie = "my-app",
        issuer = "my-app",
        audience = "my_app::Claims"
    )]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: String,
    }
}

#[tokio::test]
async fn a_refresh_token_for_a_subject_of_64_bytes_stays_below_400() {
    let sub = "a".repeat(64);
    let server = Server::start(router(
        "",
        serving(&HeldClock::new(), keys(), short::Claims { sub }),
    ))
    .await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert!(browser.refresh_cookie().value.len() < 400);
}

/// What serde makes of a struct when it is told to.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Shape {
    Optional(Option<Variant>),
    Variant(Variant),
    Wrapped(Wrapped),
    List(Vec<u8>),
    Number(u8),
}

#[derive(Serialize, Deserialize)]
enum Variant {
    Number(u8),
}

#[derive(Serialize, Deserialize)]
struct Wrapped(BTreeMap<String, u8>);

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Shape", into = "Shape")]
pub struct Shaped {
    sub: u8,
}

impl From<Shape> for Shaped {
    fn from(_: Shape) -> Self {
        Self { sub: 0 }
    }
}

impl From<Shaped> for Shape {
    fn from(shaped: Shaped) -> Self {
        match shaped.sub {
            0 => Self::Optional(Some(Variant::Number(0))),
            1 => Self::Variant(Variant::Number(1)),
            2 => Self::Wrapped(Wrapped(BTreeMap::from([("sub".into(), 2)]))),
            3 => Self::List(vec![3]),
            other => Self::Number(other),
        }
    }
}

#[tokio::test]
async fn claims_that_do_not_read_back_from_an_object_are_an_error_at_login() {
    for sub in 0..5 {
        let app = serving(&HeldClock::new(), keys(), Shaped { sub });
        let server = Server::start(router("", app)).await;
        let answer = server.send(&Request::post("/login")).await;
        answer.assert_refused(500, "internal_error", None);
        server.assert_logged("the claims do not serialize to a JSON object");
    }
}

/// What the attribute would never accept as a cookie's name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Unwritable {
    sub: u8,
}

impl SessionClaims for Unwritable {
    type Subject = u8;
    const POLICY: Policy = Policy::new(
        "two\nlines",
        "unwritable",
        Duration::from_secs(900),
        Duration::from_secs(604_800),
    );

    fn subject(&self) -> &u8 {
        &self.sub
    }
}

#[tokio::test]
async fn a_cookie_that_no_header_can_carry_is_an_error_and_not_another_header() {
    let app = serving(&HeldClock::new(), keys(), Unwritable { sub: 7 });
    let routes = Router::new()
        .route("/login", post(login::<Unwritable>))
        .with_state(app);
    let server = Server::start(routes).await;
    let answer = server.send(&Request::post("/login")).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("a cookie holds a character that no header may");
}

/// By how many bytes the payload of a token may grow until the token is of `size` bytes.
fn room(token: &str, size: usize) -> usize {
    let encoded = token.split('.').nth(1).unwrap().len();
    let (now, then) = (encoded, size - token.len() + encoded);
    then * 3 / 4 - now * 3 / 4
}

#[tokio::test]
async fn an_access_token_of_4096_bytes_counts_and_a_longer_one_is_never_issued() {
    let claims = |bytes| Loose::new("ada", "filler", "x".repeat(bytes).into());
    let app = serving(&HeldClock::new(), keys(), claims(0));
    let server = Server::start(router("", app.clone())).await;
    let mut browser = Browser::default();
    let short = browser.send(&server, Request::post("/login")).await;
    let room = room(&short.access_token(), 4096);
    *lock(&app.claims) = claims(room);
    let answer = browser.refresh(&server).await;
    assert_eq!(answer.access_token().len(), 4096);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    *lock(&app.claims) = claims(room + 1);
    let answer = browser.refresh(&server).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("keep less in the claims");
}

#[tokio::test]
async fn a_cookie_that_browsers_would_drop_is_never_issued() {
    let named = |audience: String| {
        let claims = short::Claims { sub: "ada".into() };
        let serving = serving(&HeldClock::new(), keys(), claims);
        let sessions = serving.sessions.with_audience(audience);
        router(
            "",
            Serving {
                sessions,
                ..serving
            },
        )
    };
    let server = Server::start(named("a".into())).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    let cookie = browser.refresh_cookie();
    let room = room(&cookie.value, 4096 - cookie.name.len());
    let server = Server::start(named("a".repeat(1 + room))).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    let cookie = browser.refresh_cookie();
    assert_eq!(cookie.name.len() + cookie.value.len(), 4096);
    assert_eq!(browser.refresh(&server).await.status, 200);
    let server = Server::start(named("a".repeat(2 + room))).await;
    let answer = server.send(&Request::post("/login")).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("keep less in the claims");
}

#[tokio::test]
async fn a_slow_look_up_is_waited_for_and_expires_in_says_what_is_left() {
    #[derive(Clone)]
    struct Slow(Sessions<usual::Claims>, HeldClock);

    impl FromRef<Slow> for Sessions<usual::Claims> {
        fn from_ref(slow: &Slow) -> Self {
            slow.0.clone()
        }
    }

    impl Renew<usual::Claims> for Slow {
        type Error = std::convert::Infallible;

        async fn renew(
            &self,
            session: &Renewal<usual::Claims>,
        ) -> Result<Option<usual::Claims>, Self::Error> {
            self.1.advance(5);
            Ok(Some(usual::Claims {
                sub: *session.subject(),
            }))
        }
    }

    let clock = HeldClock::new();
    let sessions = clock.hold(Sessions::new(keys()));
    let token = sessions
        .login_checked_elsewhere(usual::Claims { sub: 7 })
        .unwrap();
    let pairs: Vec<String> = token
        .into_parts()
        .1
        .into_iter()
        .map(|cookie| cookie.stripped().to_string())
        .collect();
    let app = usual::Claims::routes().with_state(Slow(sessions, clock.clone()));
    let server = Server::start(app).await;
    clock.advance(HOUR);
    let answer = server
        .send(&Request::post("/auth/refresh").header("Cookie", pairs.join("; ")))
        .await;
    let claims = payload(&answer.access_token());
    assert_eq!(claims["iat"], START + HOUR, "read before the look-up");
    assert_eq!(claims["exp"], START + HOUR + 900);
    assert_eq!(answer.json()["expires_in"], 895);
}

#[tokio::test]
async fn keys_are_replaced_while_requests_are_served() {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    let next = || Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let swapped = next().with_previous(Some(ACCESS_SECRET), Some(REFRESH_SECRET));
    app.sessions.set_keys(swapped.unwrap());
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    let answer = browser.refresh(&server).await;
    assert_eq!(answer.set_cookies().len(), 1, "re-issued by the new key");
    app.sessions.set_keys(next());
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    assert_eq!(browser.refresh(&server).await.status, 200);
    app.sessions.set_keys(keys());
    let answer = browser.call(&server, Request::get("/me")).await;
    answer.assert_refused(
        401,
        "invalid_token",
        Some(r#"Bearer error="invalid_token""#),
    );
    server.assert_logged("its header is none that the keys here make for this kind of token");
}

#[tokio::test]
async fn one_build_serves_deployments_of_other_issuers_and_audiences() {
    let clock = HeldClock::new();
    let deployed = |deploy: fn(Sessions<users::Claims>) -> Sessions<users::Claims>| {
        let serving = serving(&clock, keys(), users::Claims { sub: "ada".into() });
        Serving {
            sessions: deploy(serving.sessions),
            ..serving
        }
    };
    let shop = deployed(|sessions| {
        sessions
            .with_issuer("https://a.example")
            .with_audience("shop")
    });
    let other_issuer = deployed(|sessions| {
        sessions
            .with_issuer("https://b.example")
            .with_audience("shop")
    });
    let billing = deployed(|sessions| {
        let sessions = sessions.with_issuer("https://a.example");
        sessions.with_audience("billing").accept_audience("shop")
    });
    let shop = Server::start(router("", shop)).await;
    let other_issuer = Server::start(router("", other_issuer)).await;
    let billing = Server::start(router("", billing)).await;
    let mut browser = Browser::default();
    let token = browser
        .send(&shop, Request::post("/login"))
        .await
        .access_token();
    assert_eq!(payload(&token)["iss"], "https://a.example");
    assert_eq!(payload(&token)["aud"], "shop");
    let refresh_token = &browser.refresh_cookie().value;
    assert_eq!(payload(refresh_token)["aud"], "shop#refresh");
    for (server, status) in [(&shop, 200), (&billing, 200), (&other_issuer, 401)] {
        let answer = server.send(&Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(browser.refresh(&shop).await.status, 200);
    for server in [&billing, &other_issuer] {
        let answer = browser.refresh(server).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    let answer = billing.send(&Request::post("/login")).await;
    let answer = shop
        .send(&Request::get("/me").bearer(&answer.access_token()))
        .await;
    assert_eq!(answer.status, 401, "accepting goes one way");
    billing.assert_logged("code=\"invalid_token\" cause=its issuer is another");
    billing.assert_logged("code=\"invalid_token\" cause=its audience is another");
}

/// This build is without the feature `binding`, as a deployment is that went back. The token is the one of `tests/binding`
/// (`deployments`).
#[tokio::test]
async fn a_refresh_token_bound_to_a_key_is_refused_where_nobody_can_ask_for_the_proof() {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&server, Request::post("/login").json(r#"{"user":1}"#))
        .await;
    let token = browser.refresh_cookie().value.clone();
    let mut claims = payload(&token);
    claims["cnf"] = serde_json::json!({"jwk": {
        "kty": "EC",
        "crv": "P-256",
        "x": "b_A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY",
        "y": "PE91OlW_AdxT9sCwx-7ni0DG_30lqW4igrmJzvccFEo",
    }});
    let bound = forge_like(&token, &claims.to_string(), REFRESH_SECRET);
    for cookie in &mut browser.cookies {
        if cookie.value == token {
            cookie.value.clone_from(&bound);
        }
    }
    for day in 0..3 {
        // As one is issued anew, whose key must not be left out.
        app.clock.set(START + day * 2 * DAY);
        let answer = browser.refresh(&server).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    assert_eq!(app.lookups(), 0);
    let log = server.log();
    let says = "a refresh token bound to a key, which needs the feature `binding`";
    let line = log.lines().find(|line| line.contains(says));
    assert!(line.is_some_and(|line| line.contains("ERROR")), "{log}");
    let proof = Request::post("/auth/device").header("Secure-Session-Response", "x");
    assert_eq!(browser.send(&server, proof).await.status, 404);
    assert_eq!(browser.logout(&server).await.status, 204);
    assert!(browser.cookies.is_empty());
}
