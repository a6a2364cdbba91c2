//! Links in mails: read by GET, because mail scanners open links, and redeemed by the POST of a form.

use std::time::Duration;

use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response, Result};
use serde::Deserialize;
use stateless_session::{Login, Purpose, SameOrigin};

use crate::accounts::{Account, Id, hash};
use crate::{App, Claims};

/// Dies when the password changes.
struct PasswordReset;

impl Purpose for PasswordReset {
    type Subject = Id;
    const NAME: &str = "password-reset";
    const LIFETIME: Duration = Duration::from_secs(15 * 60);
}

/// Dies when somebody logs in by one.
struct MagicLink;

impl Purpose for MagicLink {
    type Subject = Id;
    const NAME: &str = "magic-link";
    const LIFETIME: Duration = Duration::from_secs(15 * 60);
}

/// Dies when the address is confirmed, or another.
struct ConfirmEmail;

impl Purpose for ConfirmEmail {
    type Subject = Id;
    const NAME: &str = "confirm-email";
    const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
}

#[derive(Deserialize)]
pub struct Address {
    email: String,
}

/// Sends what was asked for, and says the same whether there is such an account.
pub async fn send(
    _: SameOrigin<Claims>,
    State(app): State<App>,
    Path(what): Path<String>,
    Form(Address { email }): Form<Address>,
) -> Result<Response> {
    if let Some(account) = app.accounts.of_email(&email).await {
        let Account {
            id,
            email,
            password_hash,
            links,
            confirmed,
            ..
        } = &account;
        let token = match &*what {
            "reset" => app
                .sessions
                .issue_one_time::<PasswordReset>(id, password_hash)?,
            "magic" => app.sessions.issue_one_time::<MagicLink>(id, links)?,
            "confirm" => app
                .sessions
                .issue_one_time::<ConfirmEmail>(id, &(email, confirmed))?,
            _ => return Ok(StatusCode::NOT_FOUND.into_response()),
        };
        println!(
            "mail to {email}: {}/mail/{what}/use?token={token}",
            app.origin
        ); // in life, a mail
    }
    Ok(Html("<p>If there is such an account, a mail is on its way.").into_response())
}

#[derive(Deserialize)]
pub struct Token {
    token: String,
}

/// What a link opens: a form, and nothing is used up.
pub async fn page(Query(Token { token }): Query<Token>) -> Response {
    form(&token, "")
}

pub async fn password_page(Query(Token { token }): Query<Token>) -> Response {
    form(
        &token,
        r#"<label>New password <input name="password" type="password" required></label>"#,
    )
}

fn form(token: &str, field: &str) -> Response {
    // Tokens hold nothing else, and the page must not hold what somebody put into a link.
    let is_of_token = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let token: String = token.chars().filter(is_of_token).collect();
    let page = format!(
        r#"<!doctype html><title>Confirm</title><form method="post"><input type="hidden" name="token" value="{token}">{field}<button>Go on</button></form>"#,
    );
    // The token stands in this page's address.
    let headers = [
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    (headers, Html(page)).into_response()
}

pub async fn log_in(
    login: Login<Claims>,
    State(app): State<App>,
    Form(Token { token }): Form<Token>,
) -> Result<Response> {
    let redeemed = app.sessions.redeem::<MagicLink>(&token)?;
    let account = app
        .accounts
        .find(*redeemed.subject())
        .await
        .ok_or(StatusCode::GONE)?;
    let id = redeemed.unchanged(&account.links)?.into_subject();
    app.accounts.count_link(id, account.links).await?; // of two at once, one counts
    Ok((
        login.start(account.claims())?.into_parts().1,
        Redirect::to("/"),
    )
        .into_response())
}

#[derive(Deserialize)]
pub struct NewPassword {
    token: String,
    password: String,
}

pub async fn reset(
    _: SameOrigin<Claims>,
    State(app): State<App>,
    Form(form): Form<NewPassword>,
) -> Result<Redirect> {
    let redeemed = app.sessions.redeem::<PasswordReset>(&form.token)?;
    let account = app
        .accounts
        .find(*redeemed.subject())
        .await
        .ok_or(StatusCode::GONE)?;
    let id = redeemed.unchanged(&account.password_hash)?.into_subject();
    let new = hash(form.password).await?;
    app.accounts
        .replace_password(id, &account.password_hash, new)
        .await?;
    Ok(Redirect::to("/login"))
}

pub async fn confirm(
    _: SameOrigin<Claims>,
    State(app): State<App>,
    Form(Token { token }): Form<Token>,
) -> Result<Redirect> {
    let redeemed = app.sessions.redeem::<ConfirmEmail>(&token)?;
    let account = app
        .accounts
        .find(*redeemed.subject())
        .await
        .ok_or(StatusCode::GONE)?;
    let id = redeemed
        .unchanged(&(&account.email, account.confirmed))?
        .into_subject();
    app.accounts.confirm(id, &account.email).await?;
    Ok(Redirect::to("/"))
}
