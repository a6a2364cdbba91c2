//! The login at a provider: there and back. `openid.rs` says which provider, and what we are to it.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response, Result};
use openidconnect::{AuthorizationCode, Nonce, PkceCodeVerifier, TokenResponse as _};
use serde::{Deserialize, Serialize};
use stateless_session::{BeginLogin, LocalPath, LoginCallback};

use crate::openid::{Answer, Client, Identity};
use crate::{App, Claims, failure::Failure};

pub const CALLBACK: &str = "/sign-in/callback";

/// What comes back with the browser.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    pub to: LocalPath,
}

pub async fn begin(
    begin: BeginLogin<Claims>,
    State(app): State<App>,
    Query(kept): Query<Kept>,
) -> Result<Response> {
    let begun = begin.at(CALLBACK, &kept)?;
    let url = app.provider.url(CALLBACK, &begun, None).await?;
    Ok((begun, Redirect::to(&url)).into_response())
}

pub async fn callback(
    begun: LoginCallback<Claims, Kept>,
    State(app): State<App>,
    Query(answer): Query<Answer>,
) -> Result<Response> {
    let (code, client) = (answer.code()?, app.provider.client(CALLBACK).await?);
    let identity = exchange(&client, code, &begun).await?;
    let claims = app.accounts.of_identity(&identity).await;
    let login = begun.login.authenticated_at(identity.authenticated_at);
    let (_, cookies) = login.start(claims)?.into_parts();
    Ok((cookies, Redirect::to(&begun.kept.to)).into_response())
}

/// The code for an ID token, of which signature, audience, time and nonce are checked here.
pub async fn exchange<K>(
    Client { openid, http }: &Client,
    code: AuthorizationCode,
    begun: &LoginCallback<Claims, K>,
) -> Result<Identity, Failure> {
    let verifier = PkceCodeVerifier::new(begun.pkce_verifier.clone());
    let request = openid.exchange_code(code)?.set_pkce_verifier(verifier);
    let tokens = request.request_async(http).await?;
    let token = tokens.id_token().ok_or(Failure::Incomplete)?;
    let nonce = Nonce::new(begun.nonce.clone());
    Identity::of(token.claims(&openid.id_token_verifier(), &nonce)?)
}
