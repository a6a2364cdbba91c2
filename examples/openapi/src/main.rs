//! The smallest whole program of the README, and ten lines by which its OpenAPI document stands at `/openapi.json`.

use axum::{Json, routing::get};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
};
use stateless_session::{require_session, stateless_session};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String, // whose session it is
}

impl Renew<Claims> for Sessions<Claims> {
    // or for your own state
    type Error = std::convert::Infallible; // an outage: it ends no session
    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        Ok(Some(Claims {
            sub: session.subject().clone(),
        })) // the user's row of today; None where there is none
    }
}

#[utoipa::path(post, path = "/login", summary = "Sign in", security(()), responses(Login<Claims>, TokenResponse))]
async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(Claims { sub: "Ada".into() }) // once you have checked the password
}

#[require_session]
#[utoipa::path(get, path = "/me", summary = "Hello", responses((status = OK, description = "A greeting", body = String)))]
async fn me(claims: Claims) -> String {
    format!("Hello, {}!", claims.sub)
}

#[derive(OpenApi)]
#[openapi(servers((url = "/")))]
struct Api;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (app, api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(login))
        .routes(routes!(me))
        .split_for_parts();
    let app = app
        .merge(Claims::routes())
        .route("/openapi.json", get(Json(Claims::openapi(api))));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(
        listener,
        app.with_state(Sessions::<Claims>::new(Keys::generate()?)),
    )
    .await?)
}
