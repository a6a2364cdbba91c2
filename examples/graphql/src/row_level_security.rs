//! Transactions as the user of a session, by `PostGraphile`'s convention.
//!
//! The connections belong to `app_authenticator`, which may read no todo at all. [`begin`] sets, until the transaction
//! ends, the role that the token names and one setting `jwt.claims.<name>` for each claim; the policies of the schema
//! read them by `current_setting('jwt.claims.sub', true)`. So a query that forgets its `where` gives the user's own
//! rows, and one that forgets [`begin`] is an error.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sqlx::{PgPool, Postgres, Transaction};
use stateless_session::Session;

use crate::session::Claims;

/// What `SET LOCAL` does, with bound parameters.
const SET_LOCAL: &str = "\
    select set_config('role', coalesce($1, 'app_anonymous'), true) \
    union all \
    select set_config('jwt.claims.' || key, value, true) from jsonb_each_text($2::jsonb)";

/// The claims of a token that `PostGraphile` makes settings as well.
#[derive(Serialize)]
struct Settings<'a> {
    #[serde(flatten)]
    claims: &'a Claims,
    sid: &'a str,
    auth_time: u64,
    iat: u64,
    exp: u64,
}

impl<'a> Settings<'a> {
    fn of(session: &'a Session<Claims>) -> Self {
        Self {
            claims: session,
            sid: session.sid(),
            auth_time: seconds(session.authenticated_at()),
            iat: seconds(session.issued_at()),
            exp: seconds(session.expires_at()),
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Begins a transaction as the user of the session, or as the anonymous role where there is none.
///
/// # Errors
///
/// Those of the database; none of them leaves a connection with somebody's claims.
pub async fn begin(
    pool: &PgPool,
    session: Option<&Session<Claims>>,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let settings = session.map(|session| serde_json::to_string(&Settings::of(session)));
    let settings = settings
        .transpose()
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut transaction = pool.begin().await?;
    sqlx::query(SET_LOCAL)
        .bind(session.map(|session| session.role))
        .bind(settings)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
