//! The program that everybody starts with, as a process of its own.

#[path = "../../../tests/http/support.rs"]
#[allow(dead_code, reason = "what the tests of the crate need of it is more")]
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Answer, Request};

const SECRETS: [&str; 2] = ["ACCESS_TOKEN_SECRET", "REFRESH_TOKEN_SECRET"];

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command.env("PORT", "0");
    for secret in SECRETS {
        command.env_remove(secret);
    }
    command
}

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

struct Quickstart {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "it ends with this")
    )]
    program: Program,
    address: SocketAddr,
    printed: String,
    /// Open, so that the program can go on logging.
    _output: BufReader<ChildStdout>,
}

impl Quickstart {
    fn start() -> Self {
        Self::run(&mut command()).unwrap_or_else(|printed| panic!("no address in:\n{printed}"))
    }

    /// Until it prints its address, or ends without.
    fn run(command: &mut Command) -> Result<Self, String> {
        let mut program = Program(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut output = BufReader::new(program.0.stdout.take().unwrap());
        let mut printed = String::new();
        loop {
            let before = printed.len();
            if output.read_line(&mut printed).unwrap() == 0 {
                assert!(!program.0.wait().unwrap().success());
                return Err(printed);
            }
            if let Some(port) = printed[before..].strip_prefix("http://localhost:") {
                let port: u16 = port.trim_end().parse().unwrap();
                return Ok(Self {
                    program,
                    address: ([127, 0, 0, 1], port).into(),
                    printed,
                    _output: output,
                });
            }
        }
    }

    async fn get(&self, target: &str) -> Answer {
        Answer::of(self.address, &Request::get(target).bytes(self.address)).await
    }
}

#[tokio::test]
async fn it_needs_no_configuration_and_serves_its_page() {
    let quickstart = Quickstart::start();
    assert!(
        quickstart
            .printed
            .contains("every session ends with this process")
    );
    assert!(
        quickstart
            .printed
            .contains("\nrefresh    7d, the idle lifetime\n")
    );

    for file in ["/", "/app.js", "/style.css", "/auth/client.js"] {
        let answer = quickstart.get(file).await;
        assert_eq!(answer.status, 200, "{file}");
    }
    let page = quickstart.get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
    assert!(!page.body.contains("<script>") && !page.body.contains("style="));
}

#[test]
fn a_secret_that_is_set_wrong_is_not_replaced_by_a_random_one() {
    let started = Quickstart::run(command().env(SECRETS[0], "hunter2"));
    assert!(started.is_err(), "it serves with random keys");
}

#[tokio::test]
async fn secrets_in_files_outlive_a_restart_and_are_named_where_they_are_wrong() {
    const SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
    let folder = std::env::temp_dir().join(format!("quickstart-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let files = ["access", "refresh"].map(|name| folder.join(name));
    std::fs::write(&files[0], format!("{SECRET}\n")).unwrap();
    std::fs::write(&files[1], "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ\n").unwrap();
    let start = || {
        let mut command = command();
        for (name, file) in SECRETS.iter().zip(&files) {
            command.env(format!("{name}_FILE"), file);
        }
        command
    };
    let first = Quickstart::run(&mut start()).unwrap();
    assert!(!first.printed.contains("the keys are random"));
    let form = r#"{"name":"bob","password":"builder"}"#;
    let request = Request::post("/login").json(form).bytes(first.address);
    let token = Answer::of(first.address, &request).await.access_token();
    drop(first);
    let second = Quickstart::run(&mut start()).unwrap();
    let request = Request::get("/api/me").bearer(&token);
    let answer = Answer::of(second.address, &request.bytes(second.address)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    // The variable and the file, and nothing of what it holds.
    std::fs::write(&files[1], &SECRET[..20]).unwrap();
    let mut wrong = start();
    wrong.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = wrong.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let file = files[1].display();
    assert!(said.starts_with("error: REFRESH_TOKEN_SECRET_FILE is too short"));
    assert!(said.contains(&format!("(the file {file})")), "{said}");
    assert!(!said.contains(&SECRET[..8]), "{said}");
    let both = start().env(SECRETS[0], SECRET).output().unwrap();
    let said = String::from_utf8(both.stderr).unwrap();
    assert!(said.contains("ACCESS_TOKEN_SECRET and ACCESS_TOKEN_SECRET_FILE are both set"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Megabytes that a process has held at once.
#[cfg(target_os = "linux")]
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_hundred_logins_at_once_are_answered_in_bounded_memory() {
    let quickstart = Quickstart::start();
    let address = quickstart.address;
    let process = quickstart.program.0.id();
    let before = most_memory(process);
    let logins = (0..200).map(|number| {
        let password = if number % 2 == 0 { "builder" } else { "wrong" };
        let body = format!(r#"{{"name":"bob","password":"{password}"}}"#);
        let request = Request::post("/login").json(&body).bytes(address);
        async move { Answer::of(address, &request).await }
    });
    let mut statuses: Vec<u16> = Vec::new();
    for answer in futures_util::future::join_all(logins).await {
        if answer.status == 503 {
            answer.assert_refused(503, "temporarily_unavailable", None);
            assert_eq!(answer.header("retry-after"), Some("5"));
        }
        statuses.push(answer.status);
    }
    let grown = most_memory(process) - before;
    println!("{grown} MB");
    statuses.sort_unstable();
    statuses.dedup();
    assert!(statuses.starts_with(&[200, 401]), "{statuses:?}");
    assert!(
        statuses[2..].iter().all(|status| *status == 503),
        "{statuses:?}"
    );
    assert!(grown < 300, "{grown} MB more");
}
