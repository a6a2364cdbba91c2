//! An application with one session, whose marker and times are always the same.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use ::stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};
use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use axum::routing::{get, post};
use base64_simd::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tower::ServiceExt;

const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";

/// 15 January 2027.
pub const NOW: u64 = 1_800_000_000;

pub const MARKER: &str = "__Host-fuzz=AAAAAAAAAAAAAAAAAAAAAA";
/// What follows from the marker.
const SID: &str = "ilvbTMFRZBJsbvJmjendJA";
pub const COOKIE_NAME: &str = "__Secure-fuzz-refresh-ilvbTMFR";

#[stateless_session(
    access = "15m",
    refresh = "7d",
    issuer = "fuzz",
    audience = "fuzz",
    cookie = "fuzz"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: String,
    name: Option<String>,
    generation: u64,
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
        Ok(Some(claims(session.subject())))
    }
}

fn claims(sub: &str) -> Claims {
    Claims {
        sub: sub.to_owned(),
        name: None,
        generation: 0,
    }
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(claims("ada"))
}

#[require_session]
async fn me(claims: Claims) -> axum::http::StatusCode {
    let _ = claims;
    axum::http::StatusCode::OK
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Access,
    Refresh,
}

impl Kind {
    pub fn audience(self) -> &'static str {
        match self {
            Self::Access => "fuzz",
            Self::Refresh => "fuzz#refresh",
        }
    }

    /// How long a token of this kind counts after its `iat`.
    pub fn lifetime(self) -> u64 {
        match self {
            Self::Access => 15 * 60,
            Self::Refresh => 7 * 24 * 60 * 60,
        }
    }
}

/// The application, and the only first segments that its tokens have.
pub struct Door {
    sessions: Sessions<Claims>,
    router: Router,
    headers: [String; 2],
}

impl Door {
    pub fn new() -> Self {
        let keys = Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap();
        let sessions = Sessions::new(keys).with_clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
        let (access, cookies) = sessions
            .login_checked_elsewhere(claims("ada"))
            .unwrap()
            .into_parts();
        let refresh = cookies
            .into_iter()
            .find(|cookie| cookie.value().contains('.'))
            .unwrap();
        let first = |token: &str| token.split('.').next().unwrap().to_owned();
        let headers = [first(access.as_str()), first(refresh.value())];
        let router = Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .merge(Claims::routes())
            .with_state(App(sessions.clone()));
        Self {
            sessions,
            router,
            headers,
        }
    }

    /// A correctly signed token.
    pub fn token(&self, kind: Kind, payload: &[u8]) -> String {
        let [access, refresh] = &self.headers;
        let (header, secret) = match kind {
            Kind::Access => (access, ACCESS_SECRET),
            Kind::Refresh => (refresh, REFRESH_SECRET),
        };
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode_to_string(payload));
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let signature = mac.chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(signature))
    }

    /// The token of the session.
    pub fn valid(&self, kind: Kind) -> String {
        let (aud, exp) = (kind.audience(), NOW + kind.lifetime());
        let own = match kind {
            Kind::Access => r#""name":null,"generation":0"#,
            Kind::Refresh => r#""gen":0"#,
        };
        let payload = format!(
            r#"{{"iss":"fuzz","aud":"{aud}","sub":"ada","sid":"{SID}","auth_time":{NOW},"iat":{NOW},"exp":{exp},{own}}}"#
        );
        self.token(kind, payload.as_bytes())
    }

    /// All that an access token says, where it counts.
    pub fn session(&self, token: &str) -> Option<String> {
        let session = self.sessions.verify(token).ok()?;
        let sid = session.sid();
        let Claims {
            sub,
            name,
            generation,
        } = &*session;
        Some(format!("{session:?} {sid} {sub:?} {name:?} {generation}"))
    }

    /// The status of a request with one header; `None` where no header may hold these bytes.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        name: &'static str,
        value: &[u8],
    ) -> Option<Response<Body>> {
        let value = HeaderValue::from_bytes(value).ok()?;
        let request = Request::builder().method(method).uri(target);
        let request = request
            .header(HeaderName::from_static(name), value)
            .body(Body::empty())
            .unwrap();
        let answer = self.router.clone().oneshot(request).now_or_never();
        Some(answer.expect("nothing waits").unwrap())
    }

    /// Presents a token where its kind counts.
    pub fn present(&self, kind: Kind, token: &[u8]) -> Option<u16> {
        let answer = match kind {
            Kind::Access => self.send("GET", "/me", "authorization", &[b"Bearer ", token].concat()),
            Kind::Refresh => {
                let cookies = [
                    MARKER.as_bytes(),
                    b"; ",
                    COOKIE_NAME.as_bytes(),
                    b"=",
                    token,
                ]
                .concat();
                self.send("POST", "/auth/refresh", "cookie", &cookies)
            }
        };
        Some(answer?.status().as_u16())
    }
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that no header may hold stand for texts that no fuzzer would find.
pub fn written_out(data: &[u8], texts: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    for byte in data {
        match texts.get(usize::from(*byte).wrapping_sub(1)) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.push(*byte),
        }
    }
    out
}
