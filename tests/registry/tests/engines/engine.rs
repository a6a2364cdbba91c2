//! An engine of a test's own.

use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use stateless_session::{PostgresRegistry, RedisRegistry, RegistryError, SessionRegistry};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_postgres::SimpleQueryMessage;

/// What both have in common.
pub trait Engine: Sized {
    type Registry: SessionRegistry;
    const NAME: &str;

    fn of(process: Process) -> Self;
    fn process(&mut self) -> &mut Process;
    fn url(&self) -> String;
    /// The same by the name `host`, with TLS.
    fn encrypted_url(&self, host: &str) -> String;
    async fn prepare(&self) {}
    async fn try_connect(url: &str) -> Result<Self::Registry, RegistryError>;

    async fn start() -> Self {
        let engine = Self::of(Process::start(Self::NAME, None).await);
        engine.prepare().await;
        engine
    }

    /// Over TLS, with the certificate of a folder.
    async fn certified(folder: &Path) -> Self {
        let folder = Some(("TLS", folder.as_os_str()));
        let engine = Self::of(Process::start(Self::NAME, folder).await);
        engine.prepare().await;
        engine
    }

    /// One that follows another until it is promoted.
    async fn replica_of(port: u16) -> Self {
        let port = OsString::from(port.to_string());
        Self::of(Process::start(Self::NAME, Some(("PRIMARY", &*port))).await)
    }

    async fn connect(&self) -> Self::Registry {
        Self::try_connect(&self.url()).await.unwrap()
    }

    /// How many sessions it says have ended.
    async fn ended(&self) -> u64;

    /// One of `stop`, `start`, `kill`, `hang`, `resume` and `promote`.
    async fn order(&mut self, order: &str) {
        self.process().order(order).await;
    }
}

/// Ends with the test, since its standard input does.
pub struct Process {
    pub port: u16,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Process {
    async fn start(engine: &str, variable: Option<(&str, &OsStr)>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/engine.sh");
        let mut child = Command::new(script)
            .args([engine, &port.to_string()])
            .envs(variable)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Self {
            port,
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        };
        assert_eq!(process.answer().await, "ready", "{engine} did not start");
        process
    }

    async fn answer(&mut self) -> String {
        self.answers
            .next_line()
            .await
            .unwrap()
            .expect("the engine ended")
    }

    async fn order(&mut self, order: &str) {
        self.orders
            .write_all(format!("{order}\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(self.answer().await, order);
    }
}

pub struct Postgres(Process);

impl Postgres {
    /// The first column of the first row that comes of it.
    pub async fn execute(&self, statements: &str) -> Option<String> {
        let (client, connection) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls)
            .await
            .unwrap();
        let driven = tokio::spawn(connection);
        let answers = client.simple_query(statements).await.unwrap();
        drop(client);
        driven.await.unwrap().unwrap();
        answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    }

    pub fn url_of(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/postgres", self.0.port)
    }
}

impl Engine for Postgres {
    type Registry = PostgresRegistry;
    const NAME: &str = "postgres";

    fn of(process: Process) -> Self {
        Self(process)
    }

    fn process(&mut self) -> &mut Process {
        &mut self.0
    }

    fn url(&self) -> String {
        self.url_of("shop")
    }

    fn encrypted_url(&self, host: &str) -> String {
        let port = self.0.port;
        format!("postgres://shop@{host}:{port}/postgres?sslmode=require")
    }

    async fn prepare(&self) {
        self.execute(PostgresRegistry::SCHEMA).await;
    }

    async fn ended(&self) -> u64 {
        let count = "SELECT count(*) FROM session_registry WHERE ended_at IS NOT NULL";
        self.execute(count).await.unwrap().parse().unwrap()
    }

    async fn try_connect(url: &str) -> Result<PostgresRegistry, RegistryError> {
        PostgresRegistry::connect(url).await
    }
}

pub struct Redis(Process);

impl Redis {
    /// As `redis-cli` does it.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let port = self.0.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port])
            .args(arguments)
            .output()
            .await
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn url_of(&self, user: &str) -> String {
        format!("redis://{user}@127.0.0.1:{}", self.0.port)
    }
}

impl Engine for Redis {
    type Registry = RedisRegistry;
    const NAME: &str = "redis";

    fn of(process: Process) -> Self {
        Self(process)
    }

    fn process(&mut self) -> &mut Process {
        &mut self.0
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0.port)
    }

    fn encrypted_url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.0.port)
    }

    async fn ended(&self) -> u64 {
        let length = self.command(&["xlen", "{sessions}:ended"]).await;
        length.parse().unwrap()
    }

    async fn try_connect(url: &str) -> Result<RedisRegistry, RegistryError> {
        RedisRegistry::connect(url).await
    }
}

/// The same test on both engines.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name::<crate::engine::Postgres>().await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $name() {
                super::$name::<crate::engine::Redis>().await;
            })*
        }
    };
}
pub(crate) use on_both;
