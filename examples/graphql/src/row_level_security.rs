//! Transactions as the user of a session, by `PostGraphile`'s convention.
//!
//! The connections belong to `app_authenticator`, which may read nothing at all. [`begin`] sets, until the transaction
//! ends, the role that the token names and one setting `jwt.claims.<name>` for each claim; the policies of the schema
//! read them by `current_setting('jwt.claims.sub', true)`. So a query that forgets its `where` gives the user's own
//! rows, and one that forgets [`begin`] is an error.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Transaction};
use stateless_session::Session;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::database::query;
use crate::session::Claims;

/// What `SET LOCAL` does, with bound parameters.
const SET_LOCAL: &str = "\
    select set_config('statement_timeout', '5s', true) \
    union all \
    select set_config('idle_in_transaction_session_timeout', '30s', true) \
    union all \
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
    query(SET_LOCAL)
        .bind(session.map(|session| session.role))
        .bind(settings)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

/// The one transaction of a GraphQL operation, begun by its first field, so that a document with a thousand fields takes one
/// connection. Every field has a savepoint: one that fails takes no other with it.
#[derive(Clone, Default)]
pub struct Operation(Arc<Mutex<Option<Begun>>>);

struct Begun {
    transaction: Transaction<'static, Postgres>,
    /// A field failed, or was given up, and the transaction waits behind its savepoint.
    is_open: bool,
}

impl Operation {
    /// The transaction for one field, until [`Field::done`] or until it is dropped.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn field(
        &self,
        pool: &PgPool,
        session: Option<&Session<Claims>>,
    ) -> sqlx::Result<Field> {
        let mut slot = Arc::clone(&self.0).lock_owned().await;
        if slot.is_none() {
            *slot = Some(Begun {
                transaction: begin(pool, session).await?,
                is_open: false,
            });
        }
        let mut field = Field(slot);
        field.close().await?;
        field.execute("savepoint field").await?;
        field.begun()?.is_open = true;
        Ok(field)
    }

    /// The same for a field below others: it has their transaction. Those of a subscription leave none, as each of its
    /// answers has its own; then it is one for this field.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn inner_field(
        &self,
        pool: &PgPool,
        session: Option<&Session<Claims>>,
    ) -> sqlx::Result<Field> {
        let is_begun = self.0.lock().await.is_some();
        let operation = if is_begun { self } else { &Self::default() };
        operation.field(pool, session).await
    }

    /// Takes back what the fields did.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was kept either.
    pub async fn roll_back(&self) -> sqlx::Result<()> {
        match self.0.lock().await.take() {
            Some(begun) => begun.transaction.rollback().await,
            None => Ok(()),
        }
    }

    /// Keeps what the fields that succeeded did.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was kept.
    pub async fn commit(&self) -> sqlx::Result<()> {
        let slot = Arc::clone(&self.0).lock_owned().await;
        if slot.is_none() {
            return Ok(());
        }
        let mut field = Field(slot);
        field.close().await?;
        match field.0.take() {
            Some(begun) => begun.transaction.commit().await,
            None => Ok(()),
        }
    }
}

/// The transaction of an operation, while one field has it.
pub struct Field(OwnedMutexGuard<Option<Begun>>);

impl Field {
    /// The connection for the field's statements.
    ///
    /// # Errors
    ///
    /// None, once the field has it.
    pub fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        Ok(&mut self.begun()?.transaction)
    }

    /// Keeps what the field did, as far as the operation comes to its end.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn done(mut self) -> sqlx::Result<()> {
        self.execute("release savepoint field").await?;
        self.begun()?.is_open = false;
        Ok(())
    }

    /// Takes back what a field before this one left behind.
    async fn close(&mut self) -> sqlx::Result<()> {
        if self.begun()?.is_open {
            self.execute("rollback to savepoint field").await?;
            self.begun()?.is_open = false;
        }
        Ok(())
    }

    async fn execute(&mut self, sql: &'static str) -> sqlx::Result<()> {
        self.connection()?.execute(sqlx::raw_sql(sql)).await?;
        Ok(())
    }

    fn begun(&mut self) -> sqlx::Result<&mut Begun> {
        self.0.as_mut().ok_or(sqlx::Error::PoolClosed)
    }
}
