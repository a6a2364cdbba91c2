//! Clients that log in once and then call both services and refresh, until SIGTERM: what failed is counted and shown.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fmt};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;

/// Name, password, and what the service for administrators answers.
const USERS: [(&str, &str, u16); 2] = [("alice", "wonderland", 200), ("bob", "builder", 403)];

/// Between two rounds of one client, so that 16 of them leave the machine to the services.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Counts {
    calls: AtomicUsize,
    refreshes: AtomicUsize,
    failed: AtomicUsize,
    logouts: AtomicUsize,
}

impl Counts {
    fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed) + self.logouts.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        write!(
            f,
            "{CLIENTS} clients: {} calls and {} refreshes, of which {} requests failed and {} logged out",
            read(&self.calls),
            read(&self.refreshes),
            read(&self.failed),
            read(&self.logouts),
        )
    }
}

#[derive(Clone)]
struct Services {
    auth: String,
    todos: String,
    reports: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

/// One browser, as far as cookies go.
struct Session {
    client: Client,
    services: Services,
    /// By name.
    cookies: BTreeMap<String, String>,
    token: Token,
    since: Instant,
    reports: u16,
}

impl Session {
    async fn log_in(
        client: Client,
        services: Services,
        number: usize,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (name, password, reports) = USERS[number % USERS.len()];
        let form = serde_json::json!({ "name": name, "password": password });
        let login = client.post(format!("{}/login", services.auth));
        let login = login
            .header(CONTENT_TYPE, "application/json")
            .body(form.to_string());
        let since = Instant::now();
        let answer = login.send().await?.error_for_status()?;
        let cookies = set_cookies(&answer).collect();
        let token = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(Self {
            client,
            services,
            cookies,
            token,
            since,
            reports,
        })
    }

    /// One round: a refresh where a quarter of the token's life is over, and both services.
    async fn round(&mut self, counts: &Counts) {
        if self.since.elapsed() > Duration::from_secs(self.token.expires_in) / 4 {
            counts.refreshes.fetch_add(1, Ordering::Relaxed);
            if let Err(what) = self.refresh().await {
                counts.logouts.fetch_add(1, Ordering::Relaxed);
                eprintln!("logged out: {what}");
            }
        }
        let todos = self.client.get(format!("{}/todos", self.services.todos));
        let reports = self
            .client
            .get(format!("{}/reports", self.services.reports));
        for (request, expected) in [(todos, 200), (reports, self.reports)] {
            counts.calls.fetch_add(1, Ordering::Relaxed);
            if let Err(what) = self.call(request, expected).await {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                eprintln!("failed: {what}");
            }
        }
    }

    async fn call(&self, request: RequestBuilder, expected: u16) -> Result<(), Box<dyn Error>> {
        let bearer = format!("Bearer {}", self.token.access_token);
        let answer = request.header(AUTHORIZATION, bearer).send().await?;
        if answer.status() == expected {
            return Ok(());
        }
        Err(format!("{} answered {}", answer.url(), answer.status()).into())
    }

    async fn refresh(&mut self) -> Result<(), Box<dyn Error>> {
        let refresh = self
            .client
            .post(format!("{}/auth/refresh", self.services.auth));
        let since = Instant::now();
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = refresh
            .header(COOKIE, cookies.join("; "))
            .send()
            .await?
            .error_for_status()?;
        self.cookies.extend(set_cookies(&answer));
        self.token = serde_json::from_slice(&answer.bytes().await?)?;
        self.since = since;
        Ok(())
    }
}

fn set_cookies(answer: &Response) -> impl Iterator<Item = (String, String)> {
    let lines = answer.headers().get_all(SET_COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    match load().await {
        Ok(counts) => {
            println!("{counts}");
            if counts.failed() == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn load() -> Result<Arc<Counts>, Box<dyn Error + Send + Sync>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let address =
        |name: &str| env::var(name).map_err(|_| format!("{name} is not set; `./rotate` sets it"));
    let services = Services {
        auth: address("AUTH")?,
        todos: address("TODOS")?,
        reports: address("REPORTS")?,
    };
    let client = Client::builder().no_proxy().build()?;
    let counts = Arc::new(Counts::default());
    let mut sessions = Vec::new();
    for number in 0..CLIENTS {
        sessions.push(Session::log_in(client.clone(), services.clone(), number).await?);
    }
    println!("{CLIENTS} clients are logged in");
    let mut clients = JoinSet::new();
    for mut session in sessions {
        let counts = Arc::clone(&counts);
        clients.spawn(async move {
            loop {
                session.round(&counts).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    terminate.recv().await;
    clients.shutdown().await;
    Ok(counts)
}
