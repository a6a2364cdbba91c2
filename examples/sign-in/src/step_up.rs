//! A login once more, because what somebody wants to do asks for a recent one (`max_age`): at the provider, which asks again.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response, Result};
use openidconnect::core::CoreAuthPrompt;
use stateless_session::BeginLogin;

use crate::provider::{CALLBACK, Kept};
use crate::{App, Claims};

/// Comes back as every login does. When somebody logged in there is for `auth_time` in the ID token to say, and for the guard to judge.
pub async fn begin(
    begin: BeginLogin<Claims>,
    State(app): State<App>,
    Query(kept): Query<Kept>,
) -> Result<Response> {
    let begun = begin.at(CALLBACK, &kept)?;
    let again = Some(CoreAuthPrompt::Login);
    let url = app.provider.url(CALLBACK, &begun, again).await?;
    Ok((begun, Redirect::to(&url)).into_response())
}
