//! Transactions as the user of a session, by `PostGraphile`'s convention.
//!
//! The connections belong to `app_authenticator`, which may read no todo at all. [`begin`] sets, until the transaction
//! ends, the role that the token names and one setting `jwt.claims.<name>` for each claim; the policies of the schema
//! read them by `current_setting('jwt.claims.sub', true)`. So a query that forgets its `where` gives the user's own
//! rows, and one that forgets [`begin`] is an error.

use sqlx::{PgPool, Postgres, Transaction};
use stateless_session::Session;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::session::Claims;

const ANONYMOUS: &str = "app_anonymous";

/// Begins a transaction as the user of the session, or as the anonymous role where there is none.
///
/// # Errors
///
/// Those of the database; none of them leaves a connection with somebody's claims.
pub async fn begin(
    pool: &PgPool,
    session: Option<&Session<Claims>>,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let (names, values): (Vec<_>, Vec<_>) = match session {
        Some(session) => settings(session)?.into_iter().unzip(),
        None => (vec!["role".to_owned()], vec![ANONYMOUS.to_owned()]),
    };
    let mut transaction = pool.begin().await?;
    // What `SET LOCAL` does, with bound parameters.
    sqlx::query("select set_config(name, value, true) from unnest($1::text[], $2::text[]) as setting (name, value)")
        .bind(names)
        .bind(values)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

fn settings(session: &Session<Claims>) -> sqlx::Result<Vec<(String, String)>> {
    let claims =
        serde_json::to_value(&**session).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let claims = claims.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let seconds = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            .to_string()
    };
    let registered = [
        ("sid", session.sid().to_owned()),
        ("auth_time", seconds(session.authenticated_at())),
        ("iat", seconds(session.issued_at())),
        ("exp", seconds(session.expires_at())),
    ];
    let role = claims.clone().find(|(name, _)| *name == "role");
    let role = role.map(|(name, value)| (name.clone(), text(value)));
    let claims = claims.map(|(name, value)| (format!("jwt.claims.{name}"), text(value)));
    let registered = registered.map(|(name, value)| (format!("jwt.claims.{name}"), value));
    Ok(role.into_iter().chain(claims).chain(registered).collect())
}
