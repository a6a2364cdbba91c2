//! Who may log in. Asked at login and at refresh, as `app_accounts`, on connections of their own.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, Params};
use async_graphql::SimpleObject;
use sqlx::{Executor, FromRow, PgPool, Postgres, Transaction};
use stateless_session::SessionRejection;
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::timeout;

use crate::database::{query, query_as};
use crate::limits::MOST_ROWS;
use crate::problem::Problem;
use crate::session::{Claims, PersonId, Role};

#[derive(Clone)]
pub struct Accounts {
    pool: PgPool,
    argon2: Argon2<'static>,
    /// Of no password that anybody has.
    nobody: Arc<PasswordHash>,
    hashing: Hashing,
}

/// Somebody who proved who they are.
pub struct Account {
    pub name: String,
    pub claims: Claims,
}

/// An account, as an administrator sees it.
#[derive(Clone, Debug, FromRow, SimpleObject)]
pub struct AccountState {
    id: i32,
    name: String,
    disabled: bool,
}

#[derive(FromRow)]
struct Row {
    person_id: PersonId,
    role: Role,
    generation: i64,
}

impl Row {
    fn claims(&self) -> sqlx::Result<Claims> {
        Ok(Claims {
            sub: self.person_id,
            role: self.role,
            generation: u32::try_from(self.generation)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}

impl Accounts {
    pub fn new(pool: PgPool) -> password_hash::Result<Self> {
        let params = Params::new(MEMORY, PASSES, Params::DEFAULT_P_COST, None)?;
        let argon2 = Argon2::from(params);
        let nobody = Arc::new(argon2.hash_password(b"")?);
        let hashing = Hashing(Arc::new(Semaphore::new(AT_ONCE)));
        Ok(Self {
            pool,
            argon2,
            nobody,
            hashing,
        })
    }

    /// The claims of today, or `None` for somebody who is gone or disabled.
    pub async fn claims(&self, id: PersonId) -> sqlx::Result<Option<Claims>> {
        let row: Option<Row> = query_as(
            "select person_id, role, generation from app_private.accounts where person_id = $1 and not disabled",
        )
        .bind(id)
        .fetch_optional(&mut *self.begin().await?)
        .await?;
        row.map(|row| row.claims()).transpose()
    }

    pub async fn register(&self, name: &str, password: String) -> Result<Account, Problem> {
        let name = plain_name(name)?;
        let hash = self.hash(password).await?;
        let mut tx = self.begin().await?;
        let row: Row = query_as(
            "with person as (insert into app_public.people (name) values ($1) returning id) \
             insert into app_private.accounts (person_id, password_hash, login_name) select id, $2, $3 from person \
             returning person_id, role, generation",
        )
        .bind(&name)
        .bind(hash)
        .bind(name.to_lowercase())
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let claims = row.claims()?;
        Ok(Account { name, claims })
    }

    pub async fn check_password(&self, name: &str, password: String) -> Result<Account, Problem> {
        let name = plain_name(name)?;
        let account: Option<(PersonId, String, String)> = query_as(
            "select person_id, name, password_hash from app_private.accounts join app_public.people on id = person_id \
             where login_name = $1",
        )
        .bind(name.to_lowercase())
        .fetch_optional(&mut *self.begin().await?)
        .await?;
        let (person, hash) = account.map(|(id, name, hash)| ((id, name), hash)).unzip();
        self.verify(password, hash).await?;
        let (id, name) = person.ok_or(Problem::WrongCredentials)?;
        // Read after the check, so that an account that was disabled meanwhile gets no session.
        let claims = self.claims(id).await?.ok_or(Problem::WrongCredentials)?;
        Ok(Account { name, claims })
    }

    /// Ends all sessions of the user: the claims are those of the next.
    pub async fn change_password(
        &self,
        id: PersonId,
        old: String,
        new: String,
    ) -> Result<Account, Problem> {
        let account: Option<(String, String)> = query_as(
            "select name, password_hash from app_private.accounts join app_public.people on id = person_id \
             where person_id = $1 and not disabled",
        )
        .bind(id)
        .fetch_optional(&mut *self.begin().await?)
        .await?;
        let (name, stored) = account.unzip();
        self.verify(old, stored.clone()).await?;
        let hash = self.hash(new).await?;
        let mut tx = self.begin().await?;
        // Only where the password is still the one that was checked.
        let row: Option<Row> = query_as(
            "update app_private.accounts set password_hash = $3, generation = generation + 1 \
             where person_id = $1 and password_hash = $2 and not disabled \
             returning person_id, role, generation",
        )
        .bind(id)
        .bind(stored)
        .bind(hash)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let (name, row) = name.zip(row).ok_or(Problem::WrongCredentials)?;
        let claims = row.claims()?;
        Ok(Account { name, claims })
    }

    /// For an administrator.
    pub async fn all(&self) -> sqlx::Result<Vec<AccountState>> {
        query_as(
            "select id, name, disabled from app_private.accounts join app_public.people on id = person_id order by id limit $1",
        )
        .bind(MOST_ROWS)
        .fetch_all(&mut *self.begin().await?)
        .await
    }

    pub async fn log_out_everywhere(&self, id: PersonId) -> sqlx::Result<()> {
        let mut tx = self.begin().await?;
        query("update app_private.accounts set generation = generation + 1 where person_id = $1")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// Ends all sessions of the user, or lets the user log in again. `false` where there is none.
    pub async fn set_disabled(&self, id: PersonId, disabled: bool) -> sqlx::Result<bool> {
        let mut tx = self.begin().await?;
        let done = query(
            "update app_private.accounts set disabled = $2, generation = generation + 1 where person_id = $1",
        )
        .bind(id)
        .bind(disabled)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn set_role(&self, id: PersonId, role: Role) -> sqlx::Result<()> {
        let mut tx = self.begin().await?;
        query("update app_private.accounts set role = $2 where person_id = $1")
            .bind(id)
            .bind(role)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// A transaction for each query, because a pooler gives a connection to somebody else between two.
    async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        let mut tx = self.pool.begin().await?;
        tx.execute(sqlx::raw_sql("set local statement_timeout = '5s'"))
            .await?;
        Ok(tx)
    }

    async fn hash(&self, password: String) -> Result<String, Problem> {
        if !(8..=200).contains(&password.chars().count()) {
            return Err(Problem::InvalidInput("a password has 8 to 200 characters"));
        }
        let argon2 = self.argon2.clone();
        let hash = move || argon2.hash_password(password.as_bytes());
        Ok(self.hashing.run(hash).await??.to_string())
    }

    /// The same work for an unknown name, so that the time does not tell which names exist.
    async fn verify(&self, password: String, hash: Option<String>) -> Result<(), Problem> {
        let hash = match hash {
            Some(hash) => PasswordHash::new(&hash)?,
            None => PasswordHash::clone(&self.nobody),
        };
        let argon2 = self.argon2.clone();
        let check = move || argon2.verify_password(password.as_bytes(), &hash);
        match self.hashing.run(check).await? {
            Ok(()) => Ok(()),
            Err(password_hash::Error::PasswordInvalid) => Err(Problem::WrongCredentials),
            Err(error) => Err(error.into()),
        }
    }
}

/// A name without what nobody sees in it, so that `" alice "` is alice; those that differ by case alone are one account.
fn plain_name(name: &str) -> Result<String, Problem> {
    let is_unseen = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let words: Vec<&str> = name.split_whitespace().collect();
    let name = words.join(" ");
    if name.contains(is_unseen) {
        return Err(Problem::InvalidInput("a name has letters that people see"));
    }
    if !(1..=50).contains(&name.chars().count()) {
        return Err(Problem::InvalidInput("a name has 1 to 50 characters"));
    }
    Ok(name)
}

/// OWASP's first choice for argon2id. As memory it is above what glibc's allocator keeps for itself (32 MB), so that it goes
/// back to the system after each password; of 19 MB with two passes, hundreds of holes would stay.
const MEMORY: u32 = 46 * 1024;
const PASSES: u32 = 1;

/// So many passwords are hashed at once, because of the memory.
const AT_ONCE: usize = 4;
/// For so long somebody waits to be the next one.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct Hashing(Arc<Semaphore>);

impl Hashing {
    /// Runs what hashes a password, or refuses it for now where too many others do.
    async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            tracing::warn!("too many passwords at once");
            return Err(SessionRejection::TemporarilyUnavailable.into());
        };
        // The turn ends with the work, and not with a caller who hangs up.
        let work = move || {
            let _turn = turn;
            hash()
        };
        Ok(task::spawn_blocking(work).await?)
    }
}
