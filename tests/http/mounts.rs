//! Where the session routes stand, and what happens where they can't work.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, stateless_session,
};

use crate::app::{App, Claims};
use crate::support::{Browser, Request, Server, keys};

/// Claims whose routes the browser sees below another path.
#[stateless_session(access = "15m", refresh = "7d", path = "/api/auth")]
#[derive(Clone, Serialize, Deserialize)]
pub struct ApiClaims {
    sub: String,
}

#[derive(Clone)]
struct Api(Sessions<ApiClaims>);

impl FromRef<Api> for Sessions<ApiClaims> {
    fn from_ref(api: &Api) -> Self {
        api.0.clone()
    }
}

impl Renew<ApiClaims> for Api {
    type Error = std::convert::Infallible;

    async fn renew(&self, session: &Renewal<ApiClaims>) -> Result<Option<ApiClaims>, Self::Error> {
        Ok(Some(ApiClaims {
            sub: session.subject().clone(),
        }))
    }
}

async fn login(login: Login<ApiClaims>) -> TokenResponse {
    login.start(ApiClaims { sub: "ada".into() }).unwrap()
}

fn api(routes: Router<Api>) -> Router {
    let login = Router::new().route("/login", axum::routing::post(login));
    routes.merge(login).with_state(Api(Sessions::new(keys())))
}

#[tokio::test]
async fn a_path_of_its_own_is_in_the_cookie_and_its_name() {
    let server = Server::start(api(ApiClaims::routes())).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(browser.refresh_cookie().path, "/api/auth");
    assert_eq!(browser.marker().name, "__Host-stateless-session-api-auth");
    assert_eq!(
        browser
            .send(&server, Request::post("/api/auth/refresh"))
            .await
            .status,
        200
    );
    assert_eq!(
        browser
            .send(&server, Request::post("/api/auth/logout"))
            .await
            .status,
        204
    );
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn nested_routes_work_at_the_path_that_the_browser_sees() {
    let nested = Router::new().nest("/api", ApiClaims::routes_at("/auth"));
    let server = Server::start(api(nested)).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(
        browser
            .send(&server, Request::post("/api/auth/refresh"))
            .await
            .status,
        200
    );
    let deeper = Router::new().nest(
        "/api",
        Router::new().nest("/auth", ApiClaims::routes_at("/")),
    );
    let server = Server::start(api(deeper)).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(
        browser
            .send(&server, Request::post("/api/auth/refresh"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn behind_a_proxy_that_strips_a_prefix_the_mount_is_what_the_proxy_leaves() {
    let server = Server::start(api(ApiClaims::routes_at("/auth"))).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    // The browser asks for /api/auth/refresh, and sends the cookies of that path; the proxy strips /api.
    let pairs: Vec<String> = browser
        .cookies
        .iter()
        .map(|cookie| format!("{}={}", cookie.name, cookie.value))
        .collect();
    let stripped = Request::post("/auth/refresh").header("Cookie", pairs.join("; "));
    assert_eq!(server.send(&stripped).await.status, 200);
}

#[tokio::test]
async fn routes_that_are_nested_elsewhere_say_what_to_write_instead() {
    let app = App::new();
    let nested = Router::new().nest("/api", Claims::routes());
    let server = Server::start(App::routes().merge(nested).with_state(app.clone())).await;
    let mut browser = Browser::default();
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    for target in ["/api/auth/refresh", "/api/auth/logout"] {
        let answer = browser.send(&server, Request::post(target)).await;
        answer.assert_refused(500, "internal_error", None);
    }
    server.assert_logged("the session routes are reached at `/api/auth`");
    server.assert_logged(r#"`#[stateless_session(.., path = "/api/auth")]`"#);
    server.assert_logged(r#"`routes_at("/auth")`"#);
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn state_behind_an_arc_works() {
    let app = App::new();
    let router: Router<Arc<App>> = Router::new()
        .route("/login", axum::routing::post(arc_login))
        .route(
            "/me",
            axum::routing::get(async |claims: Claims| axum::Json(claims)),
        )
        .merge(Claims::routes());
    let server = Server::start(router.with_state(Arc::new(app))).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
}

async fn arc_login(
    login: Login<Claims>,
    axum::extract::State(app): axum::extract::State<Arc<App>>,
) -> TokenResponse {
    let claims = crate::support::lock(&app.users)[&crate::app::UserId(1)].clone();
    login.start(claims).unwrap()
}

#[tokio::test]
async fn a_session_of_the_test_helper_opens_the_door() {
    let app = App::with_keys(Keys::generate().unwrap());
    let server = Server::start(app.clone().router()).await;
    let claims = crate::support::lock(&app.users)[&crate::app::UserId(1)].clone();
    let token = app.sessions.login_checked_elsewhere(claims).unwrap();
    assert_eq!(
        server
            .send(&Request::get("/me").bearer(token.access_token()))
            .await
            .status,
        200
    );
    server.assert_logged("login sid=");
    assert!(!format!("{token:?} {:?}", app.sessions).contains(token.access_token()));
}
