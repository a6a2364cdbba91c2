//! What is issued decodes with `jsonwebtoken`, and what is forged is refused by it too, or it would be no forgery.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::app::App;
use crate::forgeries::forgeries;
use crate::support::{ACCESS_SECRET, Browser, REFRESH_SECRET, Request, Server, payload};

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what the oracle reads is whether it reads")]
struct OracleClaims {
    sub: String,
    sid: String,
    auth_time: u64,
    iat: u64,
    exp: u64,
}

fn accepts(token: &str, secret: &str, issuer: &str, audience: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = 5;
    validation.validate_nbf = true;
    // Its clock cannot be held; times are compared elsewhere.
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<OracleClaims>(token, &key, &validation).is_ok()
}

async fn logged_in() -> (Server, Browser) {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    assert_eq!(browser.send(&server, login).await.status, 200);
    (server, browser)
}

#[tokio::test]
async fn every_token_issued_decodes() {
    let (server, mut browser) = logged_in().await;
    let at_login = browser.access_token.clone().unwrap();
    let claims = payload(&at_login);
    let (issuer, audience) = (
        claims["iss"].as_str().unwrap(),
        claims["aud"].as_str().unwrap(),
    );
    let of_refresh = format!("{audience}#refresh");
    let at_refresh = browser.refresh(&server).await.access_token();
    for token in [&at_login, &at_refresh] {
        assert!(accepts(token, ACCESS_SECRET, issuer, audience));
        assert!(!accepts(token, REFRESH_SECRET, issuer, audience));
        assert!(!accepts(token, ACCESS_SECRET, issuer, &of_refresh));
    }
    let refresh_token = &browser.refresh_cookie().value;
    assert!(accepts(refresh_token, REFRESH_SECRET, issuer, &of_refresh));
    assert!(!accepts(refresh_token, ACCESS_SECRET, issuer, &of_refresh));
}

#[tokio::test]
async fn forged_tokens_are_refused_by_it_too() {
    let (_server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    let claims = payload(&token);
    let (issuer, audience) = (
        claims["iss"].as_str().unwrap(),
        claims["aud"].as_str().unwrap(),
    );
    assert!(accepts(&token, ACCESS_SECRET, issuer, audience));
    for (name, forged) in forgeries(&token) {
        assert!(
            !accepts(&forged, ACCESS_SECRET, issuer, audience),
            "the oracle accepts: {name}"
        );
    }
}
