//! Whom the attacks are about: a session that is logged in, and what can be made of its tokens by somebody who has the
//! keys. Sessions are stateless, so every server with the same keys knows it.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::app::App;
use crate::support::{
    ACCESS_SECRET, Browser, REFRESH_SECRET, Request, Server, forge, forge_like, payload, sign,
};

pub struct Victim {
    pub access: String,
    pub refresh: String,
    /// The cookies as they are sent: `name=value`.
    pub marker: String,
    pub cookie: String,
    pub cookie_name: String,
}

impl Victim {
    pub async fn log_in(user: i64) -> Self {
        let server = Server::start(App::new().router()).await;
        let mut browser = Browser::default();
        let login = Request::post("/login").json(&format!(r#"{{"user": {user}}}"#));
        assert_eq!(browser.send(&server, login).await.status, 200);
        let (marker, cookie) = (browser.marker(), browser.refresh_cookie());
        Self {
            access: browser.access_token.clone().unwrap(),
            refresh: cookie.value.clone(),
            marker: format!("{}={}", marker.name, marker.value),
            cookie: format!("{}={}", cookie.name, cookie.value),
            cookie_name: cookie.name.clone(),
        }
    }

    /// The `Cookie` header of the session.
    pub fn cookies(&self) -> String {
        format!("{}; {}", self.marker, self.cookie)
    }

    /// The same with another refresh token.
    pub fn cookies_with(&self, refresh: &str) -> String {
        format!("{}; {}={refresh}", self.marker, self.cookie_name)
    }

    pub fn of(&self, kind: Kind) -> Forger<'_> {
        let (token, secret) = match kind {
            Kind::Access => (&*self.access, ACCESS_SECRET),
            Kind::Refresh => (&*self.refresh, REFRESH_SECRET),
        };
        Forger { token, secret }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Access,
    Refresh,
}

/// Makes other tokens of one, all of them correctly signed.
#[derive(Clone, Copy)]
pub struct Forger<'a> {
    pub token: &'a str,
    pub secret: &'a str,
}

impl Forger<'_> {
    pub fn header(&self) -> Value {
        crate::support::header(self.token)
    }

    pub fn payload(&self) -> Value {
        payload(self.token)
    }

    /// The three segments.
    pub fn segments(&self) -> [&str; 3] {
        let segments: Vec<&str> = self.token.split('.').collect();
        segments.try_into().unwrap()
    }

    pub fn with_header(&self, header: &str) -> String {
        forge(header, &self.payload().to_string(), self.secret)
    }

    /// A member before all others of the header.
    pub fn with_member(&self, member: &str) -> String {
        let header = self.header().to_string();
        self.with_header(&header.replacen('{', &format!("{{{member},"), 1))
    }

    pub fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        let payload = URL_SAFE_NO_PAD.encode_to_string(payload.as_ref());
        sign(&format!("{}.{payload}", self.segments()[0]), self.secret)
    }

    /// A claim of another value, or one more.
    pub fn with(&self, name: &str, value: impl Into<Value>) -> String {
        let mut claims = self.payload();
        claims[name] = value.into();
        self.with_payload(claims.to_string())
    }

    /// A claim with a value that is JSON as it stands.
    pub fn with_json(&self, name: &str, json: &str) -> String {
        let mut claims = self.payload();
        claims.as_object_mut().unwrap().remove(name);
        let claims = claims.to_string();
        self.with_payload(claims.replacen('{', &format!(r#"{{"{name}":{json},"#), 1))
    }

    pub fn without(&self, name: &str) -> String {
        let mut claims = self.payload();
        claims.as_object_mut().unwrap().remove(name);
        self.with_payload(claims.to_string())
    }

    /// The payload as it is, with `from` replaced by `to`.
    pub fn replacing(&self, from: &str, to: &str) -> String {
        let claims = self.payload().to_string();
        assert!(claims.contains(from), "`{from}` is not in {claims}");
        self.with_payload(claims.replacen(from, to, 1))
    }

    /// Members before all others of the payload, which may repeat some.
    pub fn repeating(&self, members: &str) -> String {
        self.replacing("{", &format!("{{{members},"))
    }

    pub fn signed_with(&self, secret: &str) -> String {
        forge_like(self.token, &self.payload().to_string(), secret)
    }
}
