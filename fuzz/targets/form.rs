//! Bytes as the form of a client that is no browser: an answer of RFC 6749 for all of them, and a token for what was issued alone.

#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::post;
use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
    stateless_session,
};
use tower::ServiceExt;

#[stateless_session(access = "15m", refresh = "7d", native)]
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

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let sub = session.subject().clone();
        Ok(Some(Claims { sub }))
    }
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(Claims { sub: "ada".into() })
}

fn ask(router: &Router, request: Request<Body>) -> (u16, String) {
    let answer = async {
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    answer.now_or_never().unwrap()
}

static DOOR: LazyLock<(Router, String)> = LazyLock::new(|| {
    let router = Router::new()
        .route("/login", post(login))
        .merge(Claims::routes())
        .with_state(App(Sessions::new(Keys::generate().unwrap())));
    let request = Request::post("/login").header("Session-Transport", "body");
    let (_, body) = ask(&router, request.body(Body::empty()).unwrap());
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    (router, body["refresh_token"].as_str().unwrap().to_owned())
});

fuzz_target!(|data: &[u8]| {
    let (router, token) = &*DOOR;
    // A `$` stands for the token, which no input can guess.
    let form: Vec<u8> = data
        .iter()
        .flat_map(|byte| match byte {
            b'$' => token.as_bytes().to_vec(),
            byte => vec![*byte],
        })
        .collect();
    let has_token = form
        .windows(token.len())
        .any(|part| part == token.as_bytes());
    for target in ["/auth/refresh", "/auth/logout"] {
        let request =
            Request::post(target).header("Content-Type", "application/x-www-form-urlencoded");
        let (status, body) = ask(router, request.body(form.clone().into()).unwrap());
        match (target, status) {
            ("/auth/refresh", 200) => {
                assert!(has_token);
                assert!(body.starts_with(r#"{"access_token""#));
            }
            (_, 200) => assert!(body.is_empty()),
            (_, 400) => {
                let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
                assert!(problem["error"].is_string());
            }
            (_, other) => panic!("{target}: {other}"),
        }
    }
});
