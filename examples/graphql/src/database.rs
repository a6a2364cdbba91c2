//! The database of `DATABASE_URL`, or a private one.

use std::process::Stdio;
use std::time::Duration;
use std::{env, error, io};

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{ConnectOptions, FromRow, PgPool, Postgres};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Sends the statements of users, and may become these roles only.
const AUTHENTICATOR: &str = "app_authenticator";
const ITS_ROLES: [&str; 4] = ["app_admin", "app_anonymous", AUTHENTICATOR, "app_user"];

/// Logs in, refreshes and registers.
const ACCOUNTS: &str = "app_accounts";

/// The database, as the two roles that the program logs in as. The pools are two, so that however many documents run,
/// whoever is signed in stays so.
#[derive(Clone)]
pub struct Database {
    pub todos: PgPool,
    pub accounts: PgPool,
    /// To hear of changes, which no pooler passes on.
    pub direct: PgConnectOptions,
}

impl Database {
    /// Migrates the database of `url` as the role that `url` names, and connects as `app_authenticator` and `app_accounts`:
    /// through `pooler` where there is one, such as `PgBouncer` in transaction mode, and else directly.
    ///
    /// # Errors
    ///
    /// Those of the database, and a login role that could do more than it is for.
    pub async fn connect(url: &str, pooler: Option<&str>) -> Result<Self, Error> {
        let owner: PgConnectOptions = url.parse()?;
        MIGRATIONS.run(&mut owner.connect().await?).await?;
        let served: PgConnectOptions = pooler.unwrap_or(url).parse()?;
        let database = Self {
            todos: pool(login(&served, AUTHENTICATOR), 10).await?,
            accounts: pool(login(&served, ACCOUNTS), 4).await?,
            direct: login(&owner, AUTHENTICATOR),
        };
        check_login(&database.todos, AUTHENTICATOR, &ITS_ROLES).await?;
        check_login(&database.accounts, ACCOUNTS, &[ACCOUNTS]).await?;
        Ok(database)
    }
}

/// The same database for another role, with the password that `<ROLE>_PASSWORD` holds, if any.
fn login(options: &PgConnectOptions, role: &str) -> PgConnectOptions {
    let password = env::var(format!("{}_PASSWORD", role.to_uppercase()));
    // A pooler takes no settings at the start of a connection, of which this is the only one.
    let options = options.clone().username(role).extra_float_digits(None);
    match password {
        Ok(password) => options.password(&password),
        Err(_) => options,
    }
}

async fn pool(options: PgConnectOptions, most: u32) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(Duration::from_secs(3))
        .connect_with(options)
        .await
}

/// Refuses to serve with a login that could become more than it is for, such as the owner of the tables or a superuser:
/// `set role` inside a statement would reach it.
pub async fn check_login(pool: &PgPool, name: &str, roles: &[&str]) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let (login, bypasses, reachable): (String, bool, Vec<String>) = query_as(
        "select session_user::text, bool_or(rolsuper or rolbypassrls), array_agg(rolname::text order by rolname::text) \
         from pg_roles where pg_has_role(session_user, oid, 'member')",
    )
    .fetch_one(&mut *transaction)
    .await?;
    if login == name && !bypasses && reachable == roles {
        return Ok(());
    }
    Err(format!(
        "the database knows this program as `{login}`, which can become {}; it must log in as `{name}`, which becomes {} \
         and no other role, and is no superuser: log in as `{name}`, and take back what else was granted to it",
        reachable.join(", "),
        roles.join(", "),
    )
    .into())
}

/// A statement that is never kept prepared by name: a pooler gives the next transaction another connection, which does not
/// know the name.
pub fn query(sql: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql).persistent(false)
}

/// The same for rows of a type.
pub fn query_as<T: for<'row> FromRow<'row, PgRow>>(
    sql: &'static str,
) -> QueryAs<'static, Postgres, T, PgArguments> {
    sqlx::query_as(sql).persistent(false)
}

/// The same for one column.
pub fn query_scalar<T>(sql: &'static str) -> QueryScalar<'static, Postgres, T, PgArguments>
where
    (T,): for<'row> FromRow<'row, PgRow>,
{
    sqlx::query_scalar(sql).persistent(false)
}

/// A Postgres that ends with the program.
pub struct PrivatePostgres {
    script: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl PrivatePostgres {
    pub async fn start() -> io::Result<Self> {
        let mut script = Command::new("sh")
            .args(["-c", include_str!("../postgres.sh")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C is for the program, which then ends the script
            .spawn()?;
        let pipes = script.stdin.take().zip(script.stdout.take());
        let (orders, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut answers = BufReader::new(answers).lines();
        let url = answers.next_line().await?;
        let url = url.ok_or_else(|| io::Error::other("Postgres did not start"))?;
        Ok(Self {
            script,
            orders,
            answers,
            url,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// `"stop"` or `"start"`, for tests.
    pub async fn order(&mut self, order: &str) -> io::Result<()> {
        self.orders
            .write_all(format!("{order}\n").as_bytes())
            .await?;
        match self.answers.next_line().await? {
            Some(answer) if answer == order => Ok(()),
            answer => Err(io::Error::other(format!("{order}: {answer:?}"))),
        }
    }

    pub async fn end(mut self) -> io::Result<()> {
        drop(self.orders);
        self.script.wait().await.map(drop)
    }
}

/// What went wrong, with all its causes.
pub type Error = Box<dyn error::Error + Send + Sync>;
