//! One more way to log in: whoever is signed in goes to the provider and comes back with an identity for the account.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response, Result};
use serde::{Deserialize, Serialize};
use stateless_session::{BeginLogin, LoginCallback, require_session};

use crate::accounts::Id;
use crate::openid::Answer;
use crate::provider::exchange;
use crate::{App, Claims};

/// Another path than the login's: what began as one never comes back as the other.
pub const CALLBACK: &str = "/link/callback";

#[derive(Serialize, Deserialize)]
pub struct Kept {
    account: Id,
}

/// The page sends the token, and goes where the answer says.
#[require_session]
pub async fn begin(
    claims: Claims,
    begin: BeginLogin<Claims>,
    State(app): State<App>,
) -> Result<Response> {
    let account = claims.sub;
    let begun = begin.at(CALLBACK, &Kept { account })?;
    let url = app.provider.url(CALLBACK, &begun, None).await?;
    Ok((begun, url).into_response())
}

pub async fn callback(
    begun: LoginCallback<Claims, Kept>,
    State(app): State<App>,
    Query(answer): Query<Answer>,
) -> Result<Response> {
    let (code, client) = (answer.code()?, app.provider.client(CALLBACK).await?);
    let identity = exchange(&client, code, &begun).await?;
    let claims = app.accounts.link(begun.kept.account, &identity).await?;
    let login = begun.login.authenticated_at(identity.authenticated_at);
    let (_, cookies) = login.start(claims)?.into_parts();
    Ok((cookies, Redirect::to("/")).into_response())
}
