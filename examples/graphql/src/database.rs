//! The database of `DATABASE_URL`, or a private one.

use std::process::Stdio;
use std::time::Duration;
use std::{error, io};

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Migrates the database as the role that the address names, and connects as `app_authenticator`.
pub async fn connect(url: &str) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    MIGRATIONS.run(&mut options.connect().await?).await?;
    // Not by `SET ROLE`, because this is also what `RESET ROLE` goes back to.
    let options = options.options([("role", "app_authenticator")]);
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(3));
    pool.connect_with(options).await
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
