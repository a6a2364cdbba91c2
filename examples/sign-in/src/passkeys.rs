//! Passkeys: one more for the account that is signed in, and a login by one, without a name.
//!
//! What a ceremony needs until its answer comes goes with the browser. `webauthn-rs` warns of that, because an answer could be sent
//! twice; here each answer counts once (`Accounts::answered`), as the sign-in page of the guide explains.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response, Result};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{
    BeginLogin, LoginBegun, LoginCallback, SameOrigin, TokenResponse, require_session,
};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder,
};

use crate::accounts::Id;
use crate::problem::Problem;
use crate::{App, Claims};

pub const LOGIN: &str = "/passkeys/login";
pub const REGISTRATION: &str = "/passkeys/registration";

/// Passkeys belong to the domain, and this program answers pages of its own origin alone.
pub fn of_origin(origin: &str) -> Result<Webauthn, Box<dyn std::error::Error>> {
    let origin = Url::parse(origin)?;
    let domain = origin.domain().ok_or("passkeys need a domain")?;
    Ok(WebauthnBuilder::new(domain, &origin)?
        .rp_name("Sign-in")
        .build()?)
}

#[derive(Serialize, Deserialize)]
pub struct Asked {
    ceremony: DiscoverableAuthentication,
    /// When, since 1970.
    at: Duration,
}

pub async fn begin_login(
    _: SameOrigin<Claims>,
    begin: BeginLogin<Claims>,
    State(app): State<App>,
) -> Result<Response> {
    let asked = app.webauthn.start_discoverable_authentication();
    let (challenge, ceremony) = asked.map_err(Problem::passkey)?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH);
    let at = at.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let begun = begin.at(LOGIN, &Asked { ceremony, at })?;
    Ok(ask(begun, &challenge.public_key))
}

pub async fn log_in(
    begun: LoginCallback<Claims, Asked>,
    State(app): State<App>,
    Json(answer): Json<PublicKeyCredential>,
) -> Result<TokenResponse> {
    let Asked { ceremony, at } = begun.kept;
    let identified = app.webauthn.identify_discoverable_authentication(&answer);
    let (handle, credential) = identified.map_err(Problem::passkey)?;
    let passkey = app.accounts.passkey(handle, credential, at).await?;
    let result = app
        .webauthn
        .finish_discoverable_authentication_v2(&answer, ceremony, &passkey)
        .map_err(Problem::passkey)?;
    let claims = app.accounts.answered(handle, &result, at).await?;
    Ok(begun.login.start(claims)?)
}

#[derive(Serialize, Deserialize)]
pub struct Offered {
    ceremony: PasskeyRegistration,
    account: Id,
}

/// `fresh`: whoever was disabled a moment ago adds no way in.
#[require_session(fresh = "30s")]
pub async fn begin_registration(
    claims: Claims,
    begin: BeginLogin<Claims>,
    State(app): State<App>,
) -> Result<Response> {
    let account = app.accounts.find(claims.sub).await;
    let account = account.ok_or(StatusCode::GONE)?;
    let (handle, name) = (account.handle, &account.email);
    let offered = app
        .webauthn
        .start_passkey_registration(handle, name, name, None);
    let (challenge, ceremony) = offered.map_err(Problem::passkey)?;
    let kept = Offered {
        ceremony,
        account: account.id,
    };
    let begun = begin.at(REGISTRATION, &kept)?;
    let mut options = json!(challenge.public_key);
    // Only what the authenticator finds by itself logs in without a name.
    options["authenticatorSelection"]["residentKey"] = "required".into();
    options["authenticatorSelection"]["requireResidentKey"] = true.into();
    // In the options alone, because what is kept has room for few; a passkey that there is already is refused by its name.
    let names = account
        .passkeys()
        .map(|name| json!({ "type": "public-key", "id": BASE64_URL_SAFE_NO_PAD.encode(name) }));
    options["excludeCredentials"] = names.collect();
    Ok(ask(begun, &options))
}

#[require_session(fresh = "30s")]
pub async fn register(
    claims: Claims,
    begun: LoginCallback<Claims, Offered>,
    State(app): State<App>,
    Json(answer): Json<RegisterPublicKeyCredential>,
) -> Result<StatusCode> {
    let Offered { ceremony, account } = &begun.kept;
    if claims.sub != *account {
        return Err(Problem::CHANGED.into()); // another login in between
    }
    let passkey = app.webauthn.finish_passkey_registration(&answer, ceremony);
    let passkey = passkey.map_err(Problem::passkey)?;
    app.accounts.add_passkey(*account, passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the page hands to the browser, and the state with which it comes back.
fn ask(begun: LoginBegun, options: &impl Serialize) -> Response {
    let asked = json!({ "state": begun.state(), "options": options });
    (begun, Json(asked)).into_response()
}
