//! The example that everybody starts with, run by the README's command.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Answer, Browser, Request};

const SECRETS: [&str; 2] = ["ACCESS_TOKEN_SECRET", "REFRESH_TOKEN_SECRET"];

fn command() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--locked", "--example", "quickstart"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PORT", "0");
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

    async fn send(&self, browser: &mut Browser, request: Request) -> Answer {
        let request = browser.with_cookies(request).bytes(self.address);
        let answer = Answer::of(self.address, &request).await;
        browser.keep(&answer);
        answer
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(&mut Browser::default(), Request::get(target))
            .await
    }

    async fn call(&self, browser: &mut Browser, request: Request) -> Answer {
        let token = browser.access_token.clone().unwrap();
        self.send(browser, request.bearer(&token)).await
    }

    async fn log_in(&self, name: &str, password: &str) -> (Browser, Answer) {
        let mut browser = Browser::default();
        let form = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let answer = self
            .send(&mut browser, Request::post("/login").json(&form))
            .await;
        (browser, answer)
    }
}

#[tokio::test]
async fn it_needs_no_configuration_and_does_what_its_page_shows() {
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

    for (name, password) in [
        ("alice", "builder"),
        ("nobody", "wonderland"),
        ("nobody", ""),
    ] {
        let (browser, answer) = quickstart.log_in(name, password).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["code"], "wrong_credentials");
        assert!(browser.cookies.is_empty());
    }

    let hello = quickstart.get("/api/hello").await;
    assert_eq!(hello.body, "Hello, stranger!");
    for (name, password, role, admin) in [
        ("alice", "wonderland", "admin", 200),
        ("bob", "builder", "user", 403),
    ] {
        let (mut browser, _) = quickstart.log_in(name, password).await;
        let refreshed = quickstart
            .send(&mut browser, Request::post("/auth/refresh"))
            .await;
        assert_eq!(refreshed.status, 200);
        let hello = quickstart
            .call(&mut browser, Request::get("/api/hello"))
            .await;
        assert_eq!(hello.body, format!("Hello, {name}!"));
        let me = quickstart.call(&mut browser, Request::get("/api/me")).await;
        assert_eq!(me.json()["role"], role);
        let answer = quickstart
            .call(&mut browser, Request::get("/api/admin"))
            .await;
        assert_eq!(answer.status, admin);
    }
}

#[tokio::test]
async fn logging_out_everywhere_reaches_every_browser_of_the_user() {
    let quickstart = Quickstart::start();
    let (mut here, _) = quickstart.log_in("alice", "wonderland").await;
    let (mut there, _) = quickstart.log_in("alice", "wonderland").await;
    let (mut other, _) = quickstart.log_in("bob", "builder").await;
    let everywhere = Request::post("/logout-everywhere");
    assert_eq!(quickstart.call(&mut here, everywhere).await.status, 204);
    for (browser, status) in [(&mut here, 401), (&mut there, 401), (&mut other, 200)] {
        let answer = quickstart
            .send(browser, Request::post("/auth/refresh"))
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[test]
fn a_secret_that_is_set_wrong_is_not_replaced_by_a_random_one() {
    let started = Quickstart::run(command().env(SECRETS[0], "hunter2"));
    assert!(started.is_err(), "it serves with random keys");
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
    // Cargo became it.
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
