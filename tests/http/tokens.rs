//! What tokens count: those issued here, and nothing that was made up. `jsonwebtoken` is the oracle.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};
use tower::ServiceExt;

use crate::support::{
    ACCESS_SECRET, Answer, Browser, DAY, HeldClock, NEXT_ACCESS_SECRET, REFRESH_SECRET, Request,
    START, Server, forge, forge_like, header, keys, payload, payload_as_written,
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

async fn logged_in() -> (Server, Browser) {
    let server = Server::start(router()).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    (server, browser)
}

async fn present(server: &Server, token: &str) -> Answer {
    server.send(&Request::get("/me").bearer(token)).await
}

fn policy(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["golden-issuer"]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = 5;
    validation.validate_nbf = true;
    // The oracle's clock cannot be held; times are tried elsewhere.
    validation.validate_exp = false;
    validation
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what the oracle reads is whether it reads")]
struct OracleClaims {
    sub: String,
    sid: String,
    auth_time: u64,
    iat: u64,
    exp: u64,
}

fn oracle_accepts(token: &str, secret: &str, audience: &str) -> bool {
    let key = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<OracleClaims>(token, &key, &policy(audience)).is_ok()
}

#[tokio::test]
async fn every_token_issued_decodes_with_jsonwebtoken() {
    let (server, mut browser) = logged_in().await;
    let mut access_tokens = vec![browser.access_token.clone().unwrap()];
    access_tokens.push(browser.refresh(&server).await.access_token());
    for token in access_tokens {
        assert!(oracle_accepts(&token, ACCESS_SECRET, "golden-audience"));
        assert!(!oracle_accepts(&token, REFRESH_SECRET, "golden-audience"));
        assert!(!oracle_accepts(
            &token,
            ACCESS_SECRET,
            "golden-audience#refresh"
        ));
    }
    let refresh_token = &browser.refresh_cookie().value;
    assert!(oracle_accepts(
        refresh_token,
        REFRESH_SECRET,
        "golden-audience#refresh"
    ));
    assert!(!oracle_accepts(
        refresh_token,
        ACCESS_SECRET,
        "golden-audience#refresh"
    ));
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
async fn forged_tokens_are_refused_here_and_by_jsonwebtoken() {
    let (server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    let claims = payload(&token).to_string();
    let [header_segment, payload_segment, signature] = token.split('.').collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    let json = header(&token).to_string();
    let without = |name: &str| {
        let mut claims = payload(&token);
        claims.as_object_mut().unwrap().remove(name);
        forge_like(&token, &claims.to_string(), ACCESS_SECRET)
    };
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = payload(&token);
        claims[name] = value;
        forge_like(&token, &claims.to_string(), ACCESS_SECRET)
    };
    let verbatim = |payload: &str| forge_like(&token, payload, ACCESS_SECRET);
    let with_header = |header: &str| forge(header, &claims, ACCESS_SECRET);
    let rows: Vec<(&str, String)> = vec![
        ("alg none", with_header(&json.replace("HS256", "none"))),
        ("alg None", with_header(&json.replace("HS256", "None"))),
        ("alg nOnE", with_header(&json.replace("HS256", "nOnE"))),
        ("alg none without signature", {
            let token = with_header(&json.replace("HS256", "none"));
            token[..=token.rfind('.').unwrap()].to_owned()
        }),
        ("alg HS512", with_header(&json.replace("HS256", "HS512"))),
        ("alg RS256", with_header(&json.replace("HS256", "RS256"))),
        ("alg missing", with_header(r#"{"typ":"at+jwt"}"#)),
        ("alg a number", with_header(r#"{"typ":"at+jwt","alg":256}"#)),
        (
            "alg in lower case",
            with_header(&json.replace("HS256", "hs256")),
        ),
        ("header an array", with_header("[]")),
        ("header no JSON", with_header("{")),
        ("other key", forge_like(&token, &claims, NEXT_ACCESS_SECRET)),
        (
            "the other kind's key",
            forge_like(&token, &claims, REFRESH_SECRET),
        ),
        ("empty key", forge_like(&token, &claims, "")),
        ("key `secret`", forge_like(&token, &claims, "secret")),
        (
            "no signature",
            format!("{header_segment}.{payload_segment}."),
        ),
        ("one segment", header_segment.to_owned()),
        (
            "two segments",
            format!("{header_segment}.{payload_segment}"),
        ),
        ("four segments", format!("{token}.{signature}")),
        ("trailing dot", format!("{token}.")),
        ("leading dot", format!(".{token}")),
        ("padding", format!("{token}=")),
        (
            "the alphabet of plain base64",
            token.replacen(".e", ".+", 1),
        ),
        (
            "another payload",
            format!(
                "{header_segment}.{}.{signature}",
                payload_segment.replace('a', "b")
            ),
        ),
        ("payload an array", verbatim("[]")),
        ("payload a string", verbatim("\"x\"")),
        ("payload a number", verbatim("1")),
        ("payload null", verbatim("null")),
        ("payload empty", verbatim("")),
        ("payload an empty object", verbatim("{}")),
        ("two objects", verbatim(&format!("{claims}{claims}"))),
        ("trailing comma", verbatim(&claims.replace('}', ",}"))),
        ("byte order mark", verbatim(&format!("\u{feff}{claims}"))),
        ("NaN", verbatim(&claims.replace(&START.to_string(), "NaN"))),
        ("no exp", without("exp")),
        ("no iat", without("iat")),
        ("no iss", without("iss")),
        ("no aud", without("aud")),
        ("no sub", without("sub")),
        ("no sid", without("sid")),
        ("no auth_time", without("auth_time")),
        ("exp null", with("exp", ().into())),
        ("exp true", with("exp", true.into())),
        ("exp a string", with("exp", "1800000900".into())),
        ("exp a fraction", with("exp", 1_800_000_900.5.into())),
        ("exp huge", with("exp", 1e300.into())),
        ("exp negative", with("exp", (-1).into())),
        ("exp an array", with("exp", vec![START].into())),
        ("iat a string", with("iat", "x".into())),
        ("auth_time negative", with("auth_time", (-1).into())),
        ("sid a number", with("sid", 7.into())),
        ("sub a number", with("sub", 7.into())),
        ("sub null", with("sub", ().into())),
        ("iss another", with("iss", "mallory".into())),
        ("iss in other case", with("iss", "Golden-Issuer".into())),
        ("iss with a slash", with("iss", "golden-issuer/".into())),
        ("aud another", with("aud", "mallory".into())),
        (
            "aud of the refresh token",
            with("aud", "golden-audience#refresh".into()),
        ),
        (
            "exp twice",
            verbatim(&claims.replacen('{', r#"{"exp":1,"#, 1)),
        ),
        (
            "sub twice",
            verbatim(&claims.replacen('{', r#"{"sub":"eve","#, 1)),
        ),
        (
            "sub twice, once escaped",
            verbatim(&claims.replacen('{', r#"{"\u0073ub":"eve","#, 1)),
        ),
    ];
    for (name, forged) in rows {
        assert!(
            !oracle_accepts(&forged, ACCESS_SECRET, "golden-audience"),
            "the oracle accepts: {name}"
        );
        let answer = present(&server, &forged).await;
        assert_eq!(answer.status, 401, "accepted: {name}");
        assert_eq!(answer.json()["code"], "invalid_token");
    }
    assert_eq!(present(&server, &token).await.status, 200);
}

#[tokio::test]
async fn what_jsonwebtoken_lets_pass_is_refused_all_the_same() {
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

/// Tokens and cookies of every release, which all later ones of wire format 1 accept.
#[derive(Debug, Serialize, Deserialize)]
struct Golden {
    marker: String,
    access_token: String,
    refresh_token: String,
    set_cookies: Vec<String>,
}

#[tokio::test]
async fn golden_tokens_of_every_release_count() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let current = folder.join(concat!(env!("CARGO_PKG_VERSION"), ".json"));
    let (server, browser) = logged_in().await;
    if !current.exists() && std::env::var_os("BLESS").is_some() {
        let golden = Golden {
            marker: browser.marker().value.clone(),
            access_token: browser.access_token.clone().unwrap(),
            refresh_token: browser.refresh_cookie().value.clone(),
            set_cookies: browser
                .cookies
                .iter()
                .map(|cookie| cookie.line.clone())
                .collect(),
        };
        std::fs::write(
            &current,
            serde_json::to_string_pretty(&golden).unwrap() + "\n",
        )
        .unwrap();
    }
    assert!(
        current.exists(),
        "`BLESS=1` makes the golden tokens of this release"
    );
    for file in std::fs::read_dir(folder).unwrap() {
        let golden: Golden =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let answer = present(&server, &golden.access_token).await;
        assert_eq!(
            answer.body,
            r#"{"sub":"ada","name":"Ada Lovelace","generation":3}"#
        );
        let cookies: Vec<&str> = golden
            .set_cookies
            .iter()
            .map(|line| line.split(';').next().unwrap())
            .collect();
        assert!(cookies[1].ends_with(&golden.marker));
        let answer = server
            .send(&Request::post("/auth/refresh").header("Cookie", cookies.join("; ")))
            .await;
        assert_eq!(answer.status, 200);
        // What is issued today differs in what is random and what is counted, and in nothing else.
        for (golden, today) in [
            (&golden.access_token, &browser.access_token.clone().unwrap()),
            (&golden.refresh_token, &browser.refresh_cookie().value),
        ] {
            assert_eq!(golden.split('.').next(), today.split('.').next());
            let (golden, today) = (payload(golden), payload(today));
            let without_sid = |mut claims: serde_json::Value| {
                claims["sid"] = "".into();
                claims.to_string()
            };
            assert_eq!(without_sid(golden), without_sid(today));
        }
        let today: Vec<String> = browser
            .cookies
            .iter()
            .map(|cookie| cookie.line.clone())
            .collect();
        let shape = |line: &str| {
            let (name, rest) = line.split_once('=').unwrap();
            let name = name.rsplit_once("-refresh-").map_or(name, |(base, _)| base);
            format!("{name} {}", rest.split_once("; ").unwrap().1)
        };
        let shapes = |lines: &[String]| lines.iter().map(|line| shape(line)).collect::<Vec<_>>();
        assert_eq!(shapes(&golden.set_cookies), shapes(&today));
    }
}
