//! What tokens count: those issued here, and nothing that was made up.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};
use tower::ServiceExt;

use crate::forgeries::forgeries;
use crate::support::{
    ACCESS_SECRET, Answer, Browser, DAY, HeldClock, REFRESH_SECRET, Request, START, Server, forge,
    forge_like, header, keys, payload, payload_as_written,
};

#[stateless_session(
    access = "15m",
    refresh = "7d",
    issuer = "golden-issuer",
    audience = "golden-audience",
    cookie = "golden"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    sub: String,
    name: Option<String>,
    generation: u64,
}

fn ada() -> Claims {
    Claims {
        sub: "ada".into(),
        name: Some("Ada Lovelace".into()),
        generation: 3,
    }
}

#[derive(Clone)]
struct App(Sessions<Claims>);

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl Renew<Claims> for App {
    type Error = std::convert::Infallible;

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        Ok(Some(ada()))
    }
}

async fn login(login: Login<Claims>, State(_): State<App>) -> TokenResponse {
    login.start(ada()).unwrap()
}

#[require_session]
async fn me(claims: Claims) -> axum::Json<Claims> {
    axum::Json(claims)
}

fn router() -> Router {
    let sessions = HeldClock::new().hold(Sessions::new(keys()));
    Router::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .merge(Claims::routes())
        .with_state(App(sessions))
}

pub async fn logged_in() -> (Server, Browser) {
    let server = Server::start(router()).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    (server, browser)
}

pub async fn present(server: &Server, token: &str) -> Answer {
    server.send(&Request::get("/me").bearer(token)).await
}

#[tokio::test]
async fn the_kinds_never_mix() {
    let (server, browser) = logged_in().await;
    let (access_token, refresh_token) = (
        browser.access_token.clone().unwrap(),
        browser.refresh_cookie().value.clone(),
    );
    present(&server, &refresh_token).await.assert_refused(
        401,
        "invalid_token",
        Some(r#"Bearer error="invalid_token""#),
    );
    // Not even when all but one of kind, key and audience fit.
    let claims = payload(&access_token).to_string();
    let as_refresh = claims.replace("golden-audience", "golden-audience#refresh");
    for token in [
        forge_like(&refresh_token, &claims, REFRESH_SECRET),
        forge_like(&refresh_token, &claims, ACCESS_SECRET),
        forge_like(&access_token, &claims, REFRESH_SECRET),
        forge_like(&access_token, &as_refresh, ACCESS_SECRET),
    ] {
        assert_eq!(present(&server, &token).await.status, 401);
    }
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    for (name, forged) in forgeries(&token) {
        let answer = present(&server, &forged).await;
        assert_eq!(answer.status, 401, "accepted: {name}");
        assert_eq!(answer.json()["code"], "invalid_token");
    }
    assert_eq!(present(&server, &token).await.status, 200);
}

#[tokio::test]
async fn what_other_libraries_let_pass_is_refused_all_the_same() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    let claims = payload(&token).to_string();
    let json = header(&token).to_string();
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = payload(&token);
        claims[name] = value;
        forge_like(&token, &claims.to_string(), ACCESS_SECRET)
    };
    let verbatim = |payload: &str| forge_like(&token, payload, ACCESS_SECRET);
    let with_header = |header: &str| forge(header, &claims, ACCESS_SECRET);
    let member = |member: &str| with_header(&json.replacen('{', &format!("{{{member},"), 1));
    let rows: Vec<(&str, String)> = vec![
        (
            "no typ",
            with_header(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#)),
        ),
        ("typ JWT", with_header(&json.replace("at+jwt", "JWT"))),
        (
            "typ of the refresh token",
            with_header(&json.replace("at+jwt", "rt+jwt")),
        ),
        (
            "other order",
            with_header(&format!(
                r#"{{"kid":"{kid}","alg":"HS256","typ":"at+jwt"}}"#
            )),
        ),
        (
            "a blank",
            with_header(&format!(
                r#"{{"typ": "at+jwt","alg":"HS256","kid":"{kid}"}}"#
            )),
        ),
        ("no kid", with_header(r#"{"typ":"at+jwt","alg":"HS256"}"#)),
        ("unknown kid", with_header(&json.replace(&kid, "unknown"))),
        (
            "kid a path",
            with_header(&json.replace(&kid, "../../dev/null")),
        ),
        ("kid SQL", with_header(&json.replace(&kid, "' OR 1=1 --"))),
        ("jku", member(r#""jku":"https://evil.example/jwks.json""#)),
        ("x5u", member(r#""x5u":"https://evil.example/x5u""#)),
        ("jwk", member(r#""jwk":{"kty":"oct","k":"AAAA"}"#)),
        ("crit", member(r#""crit":["exp"],"exp":1"#)),
        ("crit b64", member(r#""crit":["b64"],"b64":false"#)),
        ("zip", member(r#""zip":"DEF""#)),
        ("cty", member(r#""cty":"JWT""#)),
        ("aud an array", with("aud", vec!["golden-audience"].into())),
        (
            "aud an array of several",
            with("aud", vec!["golden-audience", "other"].into()),
        ),
        ("iss an array", with("iss", vec!["golden-issuer"].into())),
        ("sub empty", with("sub", "".into())),
        ("sub with NUL", with("sub", "ada\0".into())),
        ("sub of 10 KB", with("sub", "a".repeat(10_000).into())),
        ("sub of 256 bytes", with("sub", "a".repeat(256).into())),
        ("sid of another length", with("sid", "AAAA".into())),
        (
            "sid not canonical",
            with("sid", "AAAAAAAAAAAAAAAAAAAAAB".into()),
        ),
        ("jti a number", with("jti", 7.into())),
        (
            "jti twice",
            verbatim(&claims.replacen('{', r#"{"jti":"7","jti":"8","#, 1)),
        ),
        ("nbf in the future", with("nbf", (START + 6).into())),
        ("nbf a string", with("nbf", "1".into())),
        ("iat in the future", with("iat", (START + 6).into())),
        (
            "auth_time in the future",
            with("auth_time", (START + 6).into()),
        ),
        ("exp now", with("exp", (START - 5).into())),
        ("exp zero", with("exp", 0.into())),
        ("iat long ago", with("iat", (START - 905).into())),
        (
            "auth_time long ago",
            with("auth_time", (START - 30 * DAY - 5).into()),
        ),
        ("auth_time zero", with("auth_time", 0.into())),
        (
            "a field of the struct twice",
            verbatim(&claims.replacen('{', r#"{"name":"Eve","#, 1)),
        ),
        (
            "a field of the struct twice, once escaped",
            verbatim(&claims.replacen('{', r#"{"n\u0061me":"Eve","#, 1)),
        ),
        ("a field of another type", with("generation", "3".into())),
        ("a field missing", {
            let mut claims = payload(&token);
            claims.as_object_mut().unwrap().remove("generation");
            verbatim(&claims.to_string())
        }),
        ("5 KB", with("filler", "x".repeat(5_000).into())),
    ];
    for (name, forged) in rows {
        let answer = present(&server, &forged).await;
        assert_eq!(answer.status, 401, "accepted: {name}");
        assert_eq!(answer.json()["code"], "invalid_token");
    }
}

#[tokio::test]
async fn what_is_unknown_and_harmless_is_accepted() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = payload(&token);
        claims[name] = value;
        forge_like(&token, &claims.to_string(), ACCESS_SECRET)
    };
    for token in [
        with("unknown", "claim".into()),
        with("__proto__", serde_json::json!({ "admin": true })),
        // What no field takes is skipped without recursion, and 4096 bytes bound its depth.
        with(
            "deep",
            (0..200).fold(serde_json::Value::Null, |inner, _| vec![inner].into()),
        ),
        with("nbf", START.into()),
        with("jti", "7".into()),
        with("exp", u64::MAX.into()),
        with("iat", (START + 5).into()),
    ] {
        let answer = present(&server, &token).await;
        assert_eq!(
            answer.body,
            r#"{"sub":"ada","name":"Ada Lovelace","generation":3}"#
        );
    }
}

/// Payloads that begin as those written here do are read from behind their `iss` and `aud`.
#[tokio::test]
async fn what_begins_like_our_payloads_is_read_as_strictly() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    let written = payload_as_written(&token);
    let beginning = r#"{"iss":"golden-issuer","aud":"golden-audience""#;
    let rest = written.strip_prefix(beginning).unwrap();
    let members = rest.strip_prefix(',').unwrap().strip_suffix('}').unwrap();
    let answer = async |payload: &str| {
        let token = forge_like(&token, payload, ACCESS_SECRET);
        present(&server, &token).await.status
    };
    for accepted in [
        written.clone(),
        format!("{beginning} ,{members}}}"),
        format!("{beginning}, {members} }}"),
        format!("{{{members},{}}}", &beginning[1..]),
        written.replacen("golden-issuer", r"golden\u002dissuer", 1),
    ] {
        assert_eq!(answer(&accepted).await, 200, "refused: {accepted}");
    }
    for refused in [
        format!("{beginning},{members},{}}}", &beginning[1..]),
        format!(r#"{beginning},"iss":"golden-issuer",{members}}}"#),
        format!(r#"{beginning},{members},"iss":"mallory"}}"#),
        format!(r#"{beginning},{members},"aud":"golden-audience"}}"#),
        format!(r#"{beginning},{members},"\u0061ud":"golden-audience"}}"#),
        format!("{beginning}{members}}}"),
        format!("{beginning},,{members}}}"),
        format!("{beginning},{{{members}}}"),
        format!("{beginning},{members}}}}}"),
        format!("{beginning},{members}"),
        format!("{beginning},}}"),
        format!("{beginning},"),
        format!("{beginning}}}"),
        beginning.to_owned(),
        written.replacen("golden-audience\"", "golden-audience#refresh\"", 1),
        written.replacen("golden-issuer", "golden-issuer\0", 1),
    ] {
        assert_eq!(answer(&refused).await, 401, "accepted: {refused}");
    }
}

#[tokio::test]
async fn every_truncation_and_every_changed_bit_is_refused() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.clone().unwrap();
    let router = router();
    let status = async |token: &[u8]| {
        let credentials = [b"Bearer ", token].concat();
        let Ok(value) = axum::http::HeaderValue::from_bytes(&credentials) else {
            return 400;
        };
        let request = axum::http::Request::get("/me").header("Authorization", value);
        let response = router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        response.status().as_u16()
    };
    assert_eq!(status(token.as_bytes()).await, 200);
    for length in 0..token.len() {
        assert_ne!(
            status(&token.as_bytes()[..length]).await,
            200,
            "cut to {length}"
        );
    }
    for position in 0..token.len() {
        for bit in 0..8 {
            let mut changed = token.clone().into_bytes();
            changed[position] ^= 1 << bit;
            assert_ne!(status(&changed).await, 200, "bit {bit} of byte {position}");
        }
    }
    drop(server);
}
