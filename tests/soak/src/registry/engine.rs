//! An engine of the run's own, which is killed and started again.

use std::net::TcpListener;
use std::process::Stdio;

use stateless_session::PostgresRegistry;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Ends with the run, since its standard input does.
pub struct Engine {
    name: String,
    port: u16,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Engine {
    /// `postgres` or `redis`, ready for a registry.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/engine.sh");
        let mut child = Command::new(script)
            .args([name, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script of the engines");
        let mut engine = Self {
            name: name.to_owned(),
            port,
            orders: child.stdin.take().expect("it is piped"),
            answers: BufReader::new(child.stdout.take().expect("it is piped")).lines(),
            _child: child,
        };
        assert_eq!(engine.answer().await, "ready", "{name} did not start");
        if name == "postgres" {
            let made = Command::new("psql")
                .args(["--quiet", "--dbname", &engine.url()])
                .args(["--command", PostgresRegistry::SCHEMA])
                .status()
                .await
                .expect("psql, which comes with Postgres");
            assert!(made.success(), "no schema");
        }
        engine
    }

    pub fn url(&self) -> String {
        let Self { name, port, .. } = self;
        match name.as_str() {
            "postgres" => format!("postgres://shop@127.0.0.1:{port}/postgres"),
            _ => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// One of `stop`, `start` and `kill`; back when it has been carried out.
    pub async fn order(&mut self, order: &str) {
        let line = format!("{order}\n");
        let sent = self.orders.write_all(line.as_bytes()).await;
        sent.expect("the engine's script lives");
        assert_eq!(self.answer().await, order);
    }

    async fn answer(&mut self) -> String {
        let line = self.answers.next_line().await.expect("lines of text");
        line.expect("the engine's script lives")
    }
}
