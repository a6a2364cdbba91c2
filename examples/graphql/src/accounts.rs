//! Who may log in. Asked at login and at refresh, as `app_authenticator`.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use sqlx::{FromRow, PgPool};
use tokio::task;

use crate::problem::Problem;
use crate::session::{Claims, PersonId, Role};

#[derive(Clone)]
pub struct Accounts {
    pool: PgPool,
    /// Of no password that anybody has.
    nobody: Arc<PasswordHash>,
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
        let nobody = Arc::new(Argon2::default().hash_password(b"")?);
        Ok(Self { pool, nobody })
    }

    /// The claims of today, or `None` for somebody who is gone or disabled.
    pub async fn claims(&self, id: PersonId) -> sqlx::Result<Option<Claims>> {
        let row: Option<Row> = sqlx::query_as(
            "select person_id, role, generation from app_private.accounts where person_id = $1 and not disabled",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| row.claims()).transpose()
    }

    pub async fn register(&self, name: &str, password: String) -> Result<Claims, Problem> {
        let hash = hash(password).await?;
        let row: Row = sqlx::query_as(
            "with person as (insert into app_public.people (name) values ($1) returning id) \
             insert into app_private.accounts (person_id, password_hash) select id, $2 from person \
             returning person_id, role, generation",
        )
        .bind(name)
        .bind(hash)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.claims()?)
    }

    pub async fn check_password(&self, name: &str, password: String) -> Result<Claims, Problem> {
        let account: Option<(PersonId, String)> = sqlx::query_as(
            "select person_id, password_hash from app_private.accounts join app_public.people on id = person_id \
             where name = $1",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        let (id, hash) = account.unzip();
        self.verify(password, hash).await?;
        // Read after the check, so that an account that was disabled meanwhile gets no session.
        let claims = match id {
            Some(id) => self.claims(id).await?,
            None => None,
        };
        claims.ok_or(Problem::WrongCredentials)
    }

    /// Ends all sessions of the user: the claims are those of the next.
    pub async fn change_password(
        &self,
        id: PersonId,
        old: String,
        new: String,
    ) -> Result<Claims, Problem> {
        let stored: Option<String> = sqlx::query_scalar(
            "select password_hash from app_private.accounts where person_id = $1 and not disabled",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        self.verify(old, stored.clone()).await?;
        // Only where the password is still the one that was checked.
        let row: Option<Row> = sqlx::query_as(
            "update app_private.accounts set password_hash = $3, generation = generation + 1 \
             where person_id = $1 and password_hash = $2 and not disabled \
             returning person_id, role, generation",
        )
        .bind(id)
        .bind(stored)
        .bind(hash(new).await?)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.ok_or(Problem::WrongCredentials)?.claims()?)
    }

    pub async fn log_out_everywhere(&self, id: PersonId) -> sqlx::Result<()> {
        sqlx::query(
            "update app_private.accounts set generation = generation + 1 where person_id = $1",
        )
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends all sessions of the user, or lets the user log in again. `false` where there is none.
    pub async fn set_disabled(&self, id: PersonId, disabled: bool) -> sqlx::Result<bool> {
        let done = sqlx::query(
            "update app_private.accounts set disabled = $2, generation = generation + 1 where person_id = $1",
        )
        .bind(id)
        .bind(disabled)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn set_role(&self, id: PersonId, role: Role) -> sqlx::Result<()> {
        sqlx::query("update app_private.accounts set role = $2 where person_id = $1")
            .bind(id)
            .bind(role)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The same work for an unknown name, so that the time does not tell which names exist.
    async fn verify(&self, password: String, hash: Option<String>) -> Result<(), Problem> {
        let hash = match hash {
            Some(hash) => PasswordHash::new(&hash)?,
            None => PasswordHash::clone(&self.nobody),
        };
        let check = move || Argon2::default().verify_password(password.as_bytes(), &hash);
        match task::spawn_blocking(check).await? {
            Ok(()) => Ok(()),
            Err(password_hash::Error::PasswordInvalid) => Err(Problem::WrongCredentials),
            Err(error) => Err(error.into()),
        }
    }
}

async fn hash(password: String) -> Result<String, Problem> {
    if !(8..=200).contains(&password.chars().count()) {
        return Err(Problem::InvalidInput("a password has 8 to 200 characters"));
    }
    let hash = move || Argon2::default().hash_password(password.as_bytes());
    Ok(task::spawn_blocking(hash).await??.to_string())
}
