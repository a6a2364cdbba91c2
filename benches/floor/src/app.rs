//! An application with the session routes and one handler that asks for the claims.

use std::convert::Infallible;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, stateless_session,
};

use crate::{Claims, samples};

/// The same claims of an application that renders pages, too.
#[stateless_session(
    access = "15m",
    refresh = "7d",
    issuer = "bench",
    audience = "bench",
    pages = "/login"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct PageClaims {
    pub sub: String,
    pub name: String,
    pub role: String,
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

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(Some(samples::claims()))
    }
}

/// GET `/` and POST `/auth/refresh`.
pub fn router(sessions: Sessions<Claims>) -> Router {
    async fn handler(claims: Claims) -> StatusCode {
        std::hint::black_box(claims);
        StatusCode::OK
    }
    Router::new()
        .route("/", get(handler))
        .merge(Claims::routes())
        .with_state(App(sessions))
}

/// POST `/login` that asks for no password.
pub fn login(sessions: Sessions<Claims>) -> Router {
    async fn handler(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
        login.start(samples::claims())
    }
    Router::new()
        .route("/login", post(handler))
        .with_state(App(sessions))
}

/// GET and POST `/` that ask for nothing.
pub fn bare() -> Router {
    let handler = async || StatusCode::OK;
    Router::new().route("/", get(handler).post(handler))
}

/// GET `/` of pages, within their layer or without it, as a service has it that only verifies.
pub fn pages(sessions: Sessions<PageClaims>, with_layer: bool) -> Router {
    async fn handler(claims: PageClaims) -> StatusCode {
        std::hint::black_box(claims);
        StatusCode::OK
    }
    let router = Router::new().route("/", get(handler));
    let router = if with_layer {
        router.layer(PageClaims::pages_layer())
    } else {
        router
    };
    router.with_state(sessions)
}

/// An access token of [`PageClaims`] that says what [`samples::claims`] do.
pub fn page_token(sessions: &Sessions<PageClaims>) -> String {
    let Claims { sub, name, role } = samples::claims();
    let login = sessions.login_checked_elsewhere(PageClaims { sub, name, role });
    login.expect("good claims").access_token().to_owned()
}

/// The cookies of a login, as a browser sends them, behind so many others.
pub fn cookies(sessions: &Sessions<Claims>, others: usize) -> String {
    let login = sessions.login_checked_elsewhere(samples::claims());
    let (_, cookies) = login.expect("good claims").into_parts();
    let pair = |(name, value): (&str, &str)| format!("{name}={value}");
    let ours = cookies.into_iter().map(|cookie| pair(cookie.name_value()));
    let others = (0..others).map(|index| format!("preference_{index}=a%20value%20of%20{index}"));
    others.chain(ours).collect::<Vec<_>>().join("; ")
}
