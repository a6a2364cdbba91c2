//! Bytes as the proof of a registration: as they stand, and as header and payload that are signed. No panic, and a key is bound
//! by a proof alone that another reader of JSON takes for one.
//!
//! The first byte tells which. Then bytes 1 to 3 stand for the challenge, the key and a good proof, and in what is signed, a line's
//! end parts header and payload.

#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Request, Response};
use base64_simd::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use fuzz::application::written_out;
use libfuzzer_sys::fuzz_target;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{Keys, Renew, Renewal, SessionRoutes, Sessions, stateless_session};
use tower::ServiceExt;

#[stateless_session(access = "15m", refresh = "7d", binding = "offered")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Clone)]
struct App(Sessions<Claims>);

impl axum::extract::FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible;

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(None)
    }
}

struct Door {
    router: Router,
    cookies: String,
    key: SigningKey,
    jwk: Value,
    challenge: String,
    good: String,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes.as_ref())
}

fn sign(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature.to_bytes()))
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
    let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(move || now);
    let sub = "ada".to_owned();
    let login = sessions.login_checked_elsewhere(Claims { sub }).unwrap();
    let answer = axum::response::IntoResponse::into_response(login);
    let cookies: Vec<&str> = answer
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|line| line.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let offer = answer.headers()["secure-session-registration"].to_str();
    let challenge = offer.unwrap().split('"').nth(3).unwrap().to_owned();
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
    let header = json!({"typ": "dbsc+jwt", "alg": "ES256", "jwk": jwk}).to_string();
    let payload = json!({ "jti": challenge }).to_string();
    Door {
        cookies: cookies.join("; "),
        good: sign(&key, header.as_bytes(), payload.as_bytes()),
        router: Claims::routes().with_state(App(sessions)),
        key,
        jwk,
        challenge,
    }
});

fn register(proof: &[u8]) -> Option<Response<Body>> {
    let proof = HeaderValue::from_bytes(proof).ok()?;
    let request = Request::post("/auth/device")
        .header(COOKIE, &DOOR.cookies)
        .header("Secure-Session-Response", proof)
        .body(Body::empty())
        .unwrap();
    let answer = DOOR.router.clone().oneshot(request).now_or_never();
    Some(answer.expect("nothing waits").unwrap())
}

fuzz_target!(|data: &[u8]| {
    let door = &*DOOR;
    let Some((mode, data)) = data.split_first() else {
        return;
    };
    let jwk = door.jwk.to_string();
    let text = written_out(data, &[&door.challenge, &jwk, &door.good]);
    let is_signed = mode % 2 == 1;
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let (header, payload) = (parts.next().unwrap_or(b""), parts.next().unwrap_or(b""));
    let proof = if is_signed {
        sign(&door.key, header, payload).into_bytes()
    } else {
        text.clone()
    };
    let Some(answer) = register(&proof) else {
        return;
    };
    match answer.status().as_u16() {
        200 if is_signed => {
            let header: Value = serde_json::from_slice(header).unwrap();
            let payload: Value = serde_json::from_slice(payload).unwrap();
            assert_eq!(header["typ"], "dbsc+jwt");
            assert_eq!(header["alg"], "ES256");
            assert!(header.get("crit").is_none());
            for name in ["kty", "crv", "x", "y"] {
                assert_eq!(header["jwk"][name], door.jwk[name]);
            }
            assert!(header["jwk"].get("d").is_none());
            assert_eq!(payload["jti"], *door.challenge);
        }
        200 => {
            let bare = proof
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            assert_eq!(bare.unwrap_or(&proof), door.good.as_bytes());
        }
        400 => assert!(!answer.headers().contains_key(SET_COOKIE)),
        other => panic!("{other}"),
    }
});
