//! Logins that begin elsewhere: at an OpenID Connect provider, in a mail, at a passkey. `./run`, then open the address that it prints.

mod accounts;
mod failure;
mod link;
mod mail;
mod openid;
mod passkeys;
mod problem;
mod provider;
mod step_up;

use std::{convert::Infallible, env, error::Error, sync::Arc};

use axum::extract::{Form, FromRef, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response, Result};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionRoutes, Sessions, require_session, stateless_session,
};
use tokio::{net::TcpListener, signal};
use webauthn_rs::Webauthn;

use accounts::{Accounts, Id};
use openid::Provider;

#[stateless_session(access = "1m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: Id,
    pub email: String,
    pub confirmed: bool,
    pub generation: u32,
}

#[derive(Clone, FromRef)]
pub struct App {
    sessions: Sessions<Claims>,
    #[from_ref(skip)]
    accounts: Accounts,
    #[from_ref(skip)]
    provider: Provider,
    #[from_ref(skip)]
    webauthn: Arc<Webauthn>,
    #[from_ref(skip)]
    origin: String,
}

impl Renew<Claims> for App {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let account = self.accounts.find(*session.subject()).await;
        Ok(account.map(|account| account.claims()))
    }
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

/// A form without a script: the page that it leads to refreshes.
async fn login(
    login: Login<Claims>,
    State(app): State<App>,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let account = app.accounts.of_password(&form.email, form.password).await?;
    let (_, cookies) = login.start(account.claims())?.into_parts();
    Ok((cookies, Redirect::to("/")).into_response())
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

/// Whoever logged in longer ago does so once more, at the provider or here.
#[require_session(max_age = "30s")]
async fn close_account(_claims: Claims) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn home() -> Html<&'static str> {
    Html(include_str!("home.html"))
}

async fn login_page() -> Html<&'static str> {
    Html(include_str!("login.html"))
}

async fn passkeys_script() -> impl IntoResponse {
    (
        [("content-type", "text/javascript")],
        include_str!("passkeys.js"),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let keys = match Keys::from_env() {
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let port: u16 = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let origin = format!("http://localhost:{port}");
    let issuer = env::var("ISSUER").unwrap_or("http://127.0.0.1:4000".to_owned());
    let app = App {
        sessions: Sessions::new(keys),
        accounts: Accounts::with_demo().await,
        provider: Provider::new(issuer, &origin)?,
        webauthn: Arc::new(passkeys::of_origin(&origin)?),
        origin: origin.clone(),
    };
    let router = Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(login))
        .route("/sign-in", get(provider::begin))
        .route(provider::CALLBACK, get(provider::callback))
        .route("/step-up", get(step_up::begin))
        .route("/link", post(link::begin))
        .route(link::CALLBACK, get(link::callback))
        .route("/passkeys.js", get(passkeys_script))
        .route("/passkeys/login/begin", post(passkeys::begin_login))
        .route(passkeys::LOGIN, post(passkeys::log_in))
        .route(
            "/passkeys/registration/begin",
            post(passkeys::begin_registration),
        )
        .route(passkeys::REGISTRATION, post(passkeys::register))
        .route("/mail/{what}", post(mail::send))
        .route("/mail/magic/use", get(mail::page).post(mail::log_in))
        .route(
            "/mail/reset/use",
            get(mail::password_page).post(mail::reset),
        )
        .route("/mail/confirm/use", get(mail::page).post(mail::confirm))
        .route("/me", get(me))
        .route("/close-account", post(close_account))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
        .with_state(app);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{origin}");
    axum::serve(listener, router)
        .with_graceful_shutdown(async { signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}
