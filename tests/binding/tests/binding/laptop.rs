//! A browser with a key, which does as Chromium does.

use base64_simd::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, Request, Server, payload};

pub const DEVICE: &str = "/auth/device";
pub const REFRESH: &str = "/auth/refresh";

/// A key that does not leave its device.
#[derive(Clone)]
pub struct Key(SigningKey);

impl Key {
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    /// A proof that registers the key.
    pub fn registration(&self, challenge: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": self.jwk()});
        self.sign(&header, &json!({"jti": challenge}))
    }

    /// A later proof.
    pub fn proof(&self, challenge: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
        self.sign(&header, &json!({"jti": challenge}))
    }

    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        let signed = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(payload.to_string())
        );
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes.as_ref())
}

#[derive(Clone)]
pub struct Laptop {
    pub browser: Browser,
    pub key: Key,
    /// The last one that it was given.
    pub challenge: String,
    /// What the browser calls its session, once it has registered its key.
    pub session: Option<String>,
}

impl Laptop {
    /// Signs in, and does not register yet.
    pub async fn signed_in(server: &Server, key: u8) -> Self {
        let mut laptop = Self {
            browser: Browser::default(),
            key: Key::new(key),
            challenge: String::new(),
            session: None,
        };
        let answer = laptop.login(server, 7).await;
        laptop.challenge = offered_challenge(&answer).expect("an offer");
        laptop
    }

    pub async fn login(&mut self, server: &Server, user: u64) -> Answer {
        let request = Request::post("/login").json(&format!(r#"{{"sub":{user}}}"#));
        let answer = self.browser.send(server, request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Signs in and registers.
    pub async fn bound(server: &Server, key: u8) -> Self {
        let mut laptop = Self::signed_in(server, key).await;
        let answer = laptop.register(server).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        laptop
    }

    pub async fn register(&mut self, server: &Server) -> Answer {
        let proof = self.key.registration(&self.challenge);
        let request = Request::post(DEVICE).header("Secure-Session-Response", proof);
        let answer = self.browser.send(server, request).await;
        if answer.status == 200 {
            let session = answer.json()["session_identifier"].clone();
            self.session = Some(session.as_str().unwrap().to_owned());
        }
        answer
    }

    /// What the browser sends before each request that the bound cookie would go with, once that has ended.
    pub fn asks(&self, proof: Option<&str>) -> Request {
        let session = self.session.as_ref().expect("a registered key");
        let request =
            Request::post(DEVICE).header("Sec-Secure-Session-Id", format!("\"{session}\""));
        match proof {
            Some(proof) => request.header("Secure-Session-Response", proof),
            None => request,
        }
    }

    pub async fn send(&mut self, server: &Server, request: Request) -> Answer {
        let answer = self.browser.send(server, request).await;
        if let Some(header) = answer.header("secure-session-challenge") {
            let challenge = header.split('"').nth(1).unwrap();
            challenge.clone_into(&mut self.challenge);
        }
        answer
    }

    /// A proof over the challenge that it has, and over the next where that counts no more.
    pub async fn prove(&mut self, server: &Server) -> Answer {
        for _ in 0..2 {
            let proof = self.key.proof(&self.challenge);
            let answer = self.send(server, self.asks(Some(&proof))).await;
            if answer.status != 403 {
                return answer;
            }
        }
        panic!("two challenges that do not count");
    }

    /// As the browser does it: without the bound cookie it proves its key first, and it follows a redirect.
    pub async fn refresh(&mut self, server: &Server) -> Answer {
        loop {
            if self.bound_cookie().is_none() && self.session.is_some() {
                assert_eq!(self.prove(server).await.status, 200);
            }
            let answer = self.browser.refresh(server).await;
            if answer.status != 307 {
                return answer;
            }
            assert_eq!(answer.header("location"), Some(REFRESH));
        }
    }

    pub fn bound_cookie(&self) -> Option<&str> {
        let mut cookies = self.browser.cookies.iter();
        let cookie = cookies.find(|cookie| cookie.name.contains("-bound-"));
        cookie.map(|cookie| &*cookie.value)
    }

    /// The bound cookie ends in the browser.
    pub fn bound_cookie_ends(&mut self) {
        let is_other = |name: &str| !name.contains("-bound-");
        self.browser.cookies.retain(|cookie| is_other(&cookie.name));
    }

    pub fn refresh_claims(&self) -> Value {
        payload(&self.browser.refresh_cookie().value)
    }

    /// The key in the refresh token.
    pub fn bound_to(&self) -> Option<Value> {
        self.refresh_claims().get("cnf").cloned()
    }
}

/// The challenge that a login's answer brings.
pub fn offered_challenge(answer: &Answer) -> Option<String> {
    let offer = answer.header("secure-session-registration")?;
    let rest = offer.strip_prefix(r#"(ES256);path="/auth/device";challenge=""#);
    let challenge = rest.and_then(|rest| rest.strip_suffix('"'));
    Some(challenge.unwrap_or_else(|| panic!("{offer}")).to_owned())
}
