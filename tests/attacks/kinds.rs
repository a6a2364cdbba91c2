//! Every kind of token at every door, as it was issued and as somebody with the keys could make it of another kind's claims: none
//! counts but at its own.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, Query, State};
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use stateless_session::{
    BeginLogin, IssueError, Login, LoginBegun, LoginCallback, Purpose, RedeemError, Renew, Renewal,
    SessionRoutes, Sessions, TokenResponse, require_session, stateless_session,
};
use tower::ServiceExt;

use crate::support::{ACCESS_SECRET, HeldClock, REFRESH_SECRET, header, keys, payload};

#[stateless_session(access = "15m", refresh = "7d", native)]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
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
        let sub = session.subject().clone();
        Ok(Some(Claims { sub }))
    }
}

struct Invitation;

impl Purpose for Invitation {
    type Subject = String;
    const NAME: &str = "invitation";
    const LIFETIME: Duration = Duration::from_secs(600);
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(Claims { sub: "7".into() })
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.sub
}

async fn invite(State(App(sessions)): State<App>) -> Result<String, IssueError> {
    sessions.issue_one_time::<Invitation>(&"7".to_owned(), &0)
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn accept(
    State(App(sessions)): State<App>,
    Form(Token { token }): Form<Token>,
) -> Result<String, RedeemError> {
    let unchanged = sessions.redeem::<Invitation>(&token)?.unchanged(&0)?;
    Ok(unchanged.into_subject())
}

async fn begin(begin: BeginLogin<Claims>) -> Result<(LoginBegun, Json<Value>), IssueError> {
    let on_its_way = begin.at("/callback", &"kept")?;
    let state = on_its_way.state().to_owned();
    Ok((on_its_way, Json(json!(state))))
}

async fn callback(_: LoginCallback<Claims, String>, _: Query<Value>) -> &'static str {
    "7"
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Access,
    Refresh,
    Native,
    OneTime,
    LoginState,
}

const KINDS: [Kind; 5] = [
    Kind::Access,
    Kind::Refresh,
    Kind::Native,
    Kind::OneTime,
    Kind::LoginState,
];

impl Kind {
    fn secret(self) -> Vec<u8> {
        match self {
            Self::Access => ACCESS_SECRET.into(),
            Self::Refresh | Self::Native => REFRESH_SECRET.into(),
            Self::OneTime => derived("ot+jwt"),
            Self::LoginState => derived("ls+jwt"),
        }
    }
}

/// The key of another kind, as SECURITY.md describes it: each part with its length before it.
fn derived(typ: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(REFRESH_SECRET.as_bytes()).unwrap();
    for part in ["stateless-session", "key", typ] {
        mac.update(&u64::try_from(part.len()).unwrap().to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

fn signed(head: &str, claims: &str, secret: &[u8]) -> String {
    let encode = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let signed = format!("{head}.{}", encode(claims.as_bytes()));
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", encode(&signature))
}

/// A session in a browser and one in a program, a link and a login under way.
struct Victim {
    router: Router,
    tokens: [String; 5],
    marker: String,
    refresh_name: String,
    state: String,
    state_name: String,
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, Vec<String>, String) {
    let answer = router.clone().oneshot(request).await.unwrap();
    let cookies = answer.headers().get_all("set-cookie").iter();
    let pair = |line: &str| line.split(';').next().unwrap().to_owned();
    let cookies = cookies.map(|line| pair(line.to_str().unwrap())).collect();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, cookies, String::from_utf8(body.to_vec()).unwrap())
}

fn split(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

impl Victim {
    async fn new() -> Self {
        let sessions = HeldClock::new().hold(Sessions::new(keys()));
        let router = Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .route("/invite", post(invite))
            .route("/accept", post(accept))
            .route("/begin", get(begin))
            .route("/callback", get(callback))
            .merge(Claims::routes())
            .with_state(App(sessions));
        let post = |target: &str| Request::post(target).body(Body::empty()).unwrap();
        let (_, cookies, body) = answer(&router, post("/login")).await;
        let access = serde_json::from_str::<Value>(&body).unwrap()["access_token"].clone();
        let (refresh_name, refresh) = split(&cookies[0]);
        let native = Request::post("/login").header("Session-Transport", "body");
        let (_, _, body) = answer(&router, native.body(Body::empty()).unwrap()).await;
        let native = serde_json::from_str::<Value>(&body).unwrap()["refresh_token"].clone();
        let (_, _, link) = answer(&router, post("/invite")).await;
        let begin = Request::get("/begin").body(Body::empty()).unwrap();
        let (_, cookies_of_state, state) = answer(&router, begin).await;
        let (state_name, login_state) = split(&cookies_of_state[0]);
        let text = |value: Value| value.as_str().unwrap().to_owned();
        Self {
            router,
            tokens: [text(access), refresh, text(native), link, login_state],
            marker: cookies[1].clone(),
            refresh_name,
            state: serde_json::from_str(&state).unwrap(),
            state_name,
        }
    }

    fn token(&self, kind: Kind) -> &str {
        let [access, refresh, native, link, login_state] = &self.tokens;
        match kind {
            Kind::Access => access,
            Kind::Refresh => refresh,
            Kind::Native => native,
            Kind::OneTime => link,
            Kind::LoginState => login_state,
        }
    }

    /// Presents a token where this kind is taken.
    async fn present(&self, door: Kind, token: &str) -> StatusCode {
        let form = "application/x-www-form-urlencoded";
        let request = match door {
            Kind::Access => Request::get("/me")
                .header("Authorization", format!("Bearer {token}"))
                .body(Body::empty()),
            Kind::Refresh => Request::post("/auth/refresh")
                .header(
                    "Cookie",
                    format!("{}; {}={token}", self.marker, self.refresh_name),
                )
                .body(Body::empty()),
            Kind::Native => Request::post("/auth/refresh")
                .header("Content-Type", form)
                .body(format!("grant_type=refresh_token&refresh_token={token}").into()),
            Kind::OneTime => Request::post("/accept")
                .header("Content-Type", form)
                .body(format!("token={token}").into()),
            Kind::LoginState => Request::get(format!("/callback?state={}", self.state))
                .header("Cookie", format!("{}={token}", self.state_name))
                .body(Body::empty()),
        };
        answer(&self.router, request.unwrap()).await.0
    }
}

fn refusal(door: Kind) -> u16 {
    match door {
        Kind::Access | Kind::Refresh => 401,
        Kind::Native | Kind::OneTime => 400,
        Kind::LoginState => 403,
    }
}

#[tokio::test]
async fn every_kind_counts_at_its_own_door_alone() {
    let victim = Victim::new().await;
    for door in KINDS {
        for kind in KINDS {
            let status = victim.present(door, victim.token(kind)).await;
            let expected = if door == kind { 200 } else { refusal(door) };
            assert_eq!(status, expected, "{kind:?} at the door of {door:?}");
        }
        for nothing in ["..", "a.b.c", "null", &victim.state] {
            let status = victim.present(door, nothing).await;
            assert_eq!(status, refusal(door), "{nothing:?} at the door of {door:?}");
        }
    }
}

/// The claims of one kind behind the header of another, signed with the key of a third.
#[tokio::test]
async fn every_kind_of_claims_header_and_key_is_refused_but_the_three_that_belong_together() {
    let victim = Victim::new().await;
    let mut accepted = Vec::new();
    for door in KINDS {
        for claims in KINDS {
            for head in KINDS {
                for key in KINDS {
                    let first = victim.token(head).split('.').next().unwrap();
                    let claims_of = payload(victim.token(claims)).to_string();
                    let token = signed(first, &claims_of, &key.secret());
                    match victim.present(door, &token).await.as_u16() {
                        200 => accepted.push((door, claims, head, key)),
                        status => assert_eq!(
                            status,
                            refusal(door),
                            "{door:?} {claims:?} {head:?} {key:?}"
                        ),
                    }
                }
            }
        }
    }
    // Those two have one key and one header, and differ by their audience.
    let same = |one: Kind, other: Kind| one == other || one.secret() == other.secret();
    for (door, claims, head, key) in &accepted {
        assert_eq!(door, claims);
        assert!(
            same(*head, *door) && same(*key, *door),
            "{door:?} {head:?} {key:?}"
        );
    }
    assert_eq!(accepted.len(), 3 + 2 * 4);
    assert_eq!(
        header(victim.token(Kind::Refresh)),
        header(victim.token(Kind::Native))
    );
}

/// Claims of each kind with one member left out, twice, of another type or of another party, signed as they should be.
#[tokio::test]
async fn claims_of_the_new_kinds_are_complete_and_no_more() {
    let victim = Victim::new().await;
    for kind in [Kind::Native, Kind::OneTime, Kind::LoginState] {
        let first = victim.token(kind).split('.').next().unwrap();
        let claims = payload(victim.token(kind));
        let sign = |claims: &str| signed(first, claims, &kind.secret());
        assert_eq!(victim.present(kind, &sign(&claims.to_string())).await, 200);
        let mut bad = vec![
            "null".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            String::new(),
            "7".to_owned(),
            "{".to_owned(),
            format!("{claims}{claims}"),
            format!("{claims},"),
            format!("[{claims}]"),
            format!("\u{feff}{claims}"),
        ];
        for (name, value) in claims.as_object().unwrap() {
            let mut without = claims.clone();
            without.as_object_mut().unwrap().remove(name);
            bad.push(without.to_string());
            let member = format!("{}:{value}", json!(name));
            bad.push(claims.to_string().replacen('{', &format!("{{{member},"), 1));
            let escaped = format!("\"\\u{:04x}{}\":{value}", name.as_bytes()[0], &name[1..]);
            bad.push(
                claims
                    .to_string()
                    .replacen('{', &format!("{{{escaped},"), 1),
            );
            for other in [
                json!(null),
                json!([]),
                json!({}),
                json!(1.5),
                json!(-1),
                json!(true),
            ] {
                let mut changed = claims.clone();
                changed[name] = other;
                bad.push(changed.to_string());
            }
        }
        for (name, other) in [
            ("iss", json!("another")),
            ("aud", json!("another")),
            ("exp", json!(0)),
            ("iat", json!(u64::MAX)),
            ("aud", json!([claims["aud"]])),
            ("cnf", json!({"jkt": "x"})),
            ("act", json!({"sub": "x"})),
            ("more", json!(1)),
        ] {
            let mut changed = claims.clone();
            changed[name] = other;
            bad.push(changed.to_string());
        }
        for claims in bad {
            let status = victim.present(kind, &sign(&claims)).await;
            assert_eq!(status, refusal(kind), "{kind:?}: {claims}");
        }
    }
}
