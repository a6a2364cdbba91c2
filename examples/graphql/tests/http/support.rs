//! A server on a free port, browsers with a cookie jar, and one Postgres for all tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sqlx::PgPool;
use stateless_session::{Keys, Session, Sessions};
use todos::App;
use todos::accounts::Accounts;
use todos::database::{Database, PrivatePostgres, query_scalar};
use todos::row_level_security::begin;
use todos::session::{Claims, Role};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

pub const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
pub const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";
pub const PASSWORD: &str = "correct horse";

/// The address of a Postgres that ends with the tests.
pub async fn postgres() -> &'static str {
    static POSTGRES: OnceCell<PrivatePostgres> = OnceCell::const_new();
    let start = async || PrivatePostgres::start().await.unwrap();
    POSTGRES.get_or_init(start).await.url()
}

/// A name that no other test has.
pub fn name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("person {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The program as a process of its own, which ends with the test.
pub struct Program {
    pub address: SocketAddr,
    process: Child,
}

impl Program {
    pub async fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_todos"))
            .env("DATABASE_URL", postgres().await)
            .env("ACCESS_TOKEN_SECRET", ACCESS_SECRET)
            .env("REFRESH_TOKEN_SECRET", REFRESH_SECRET)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("an address");
            if let Some(port) = line.strip_prefix("http://localhost:") {
                let address = format!("127.0.0.1:{port}").parse().unwrap();
                return Self { address, process };
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id().unwrap()
    }
}

/// The program, which ends with the test.
pub struct Server {
    pub address: SocketAddr,
    /// Of `app_authenticator`.
    pub pool: PgPool,
    pub accounts: Accounts,
    pub sessions: Sessions<Claims>,
    seconds_ahead: Arc<AtomicU64>,
    task: JoinHandle<()>,
    program: Option<Program>,
}

impl Server {
    pub async fn start() -> Self {
        Self::on(postgres().await).await
    }

    pub async fn on(database: &str) -> Self {
        Self::through(database, None).await
    }

    /// With a pooler between the program and the database.
    pub async fn through(database: &str, pooler: Option<&str>) -> Self {
        let database = Database::connect(database, pooler).await.unwrap();
        let seconds_ahead = Arc::new(AtomicU64::new(0));
        let ahead = Arc::clone(&seconds_ahead);
        let keys = Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap();
        let sessions = Sessions::new(keys).with_clock(move || {
            SystemTime::now() + Duration::from_secs(ahead.load(Ordering::SeqCst))
        });
        let (pool, accounts) = (database.todos.clone(), database.accounts.clone());
        let app = App::new(sessions.clone(), database).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async move { axum::serve(listener, todos::router(app)).await.unwrap() };
        Self {
            address,
            accounts: Accounts::new(accounts).unwrap(),
            pool,
            sessions,
            seconds_ahead,
            task: tokio::spawn(serve),
            program: None,
        }
    }

    /// Where the answers are those of a process of its own.
    pub async fn of_a_program(program: Program) -> Self {
        let mut server = Self::start().await;
        server.address = program.address;
        server.program = Some(program);
        server
    }

    pub fn advance(&self, seconds: u64) {
        self.seconds_ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A session for somebody new, without a browser.
    pub async fn session(&self, role: Role) -> Session<Claims> {
        let name = name();
        let account = self.accounts.register(&name, PASSWORD.to_owned());
        let claims = account.await.unwrap().claims;
        self.accounts.set_role(claims.sub, role).await.unwrap();
        let claims = self.accounts.claims(claims.sub).await.unwrap().unwrap();
        let response = self.sessions.login_checked_elsewhere(claims).unwrap();
        self.sessions.verify(response.access_token()).unwrap()
    }

    /// The session of a browser.
    pub fn verified(&self, browser: &Browser) -> Session<Claims> {
        let token = browser.token.as_ref().unwrap();
        self.sessions.verify(token).unwrap()
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser {
            server: self,
            cookies: BTreeMap::new(),
            token: None,
        }
    }

    /// A browser in which somebody new is logged in.
    pub async fn visitor(&self, role: Role) -> Browser<'_> {
        let session = self.session(role).await;
        let mut tx = begin(&self.pool, Some(&session)).await.unwrap();
        let name: String = query_scalar("select name from app_public.people where id = $1")
            .bind(session.sub)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        drop(tx);
        let mut browser = self.browser();
        browser.login(&name, PASSWORD).await;
        browser
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A page: a cookie jar, and an access token in memory.
#[derive(Clone)]
pub struct Browser<'a> {
    server: &'a Server,
    pub cookies: BTreeMap<String, String>,
    pub token: Option<String>,
}

impl Browser<'_> {
    pub async fn login(&mut self, name: &str, password: &str) {
        let answer = self.send(LOGIN, credentials(name, password)).await;
        self.adopt(&answer.json()["data"]["login"]);
    }

    pub fn adopt(&mut self, payload: &Value) {
        assert_eq!(payload["expiresIn"], 60, "{payload}");
        self.token = Some(payload["accessToken"].as_str().unwrap().to_owned());
    }

    /// The data of a document that gives no error.
    pub async fn graphql(&mut self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.json()["errors"].is_null(), "{answer:?}");
        answer.json()["data"].clone()
    }

    /// The `code` of a document's one error.
    pub async fn refused(&mut self, query: &str, variables: Value) -> String {
        let answer = self.send(query, variables).await.json();
        let errors = answer["errors"].as_array();
        let errors = errors.unwrap_or_else(|| panic!("no errors: {answer}"));
        assert_eq!(errors.len(), 1, "{answer}");
        errors[0]["extensions"]["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    }

    pub async fn send(&mut self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.request(
            "POST",
            "/graphql",
            &[("Content-Type", "application/json")],
            &body,
        )
        .await
    }

    pub async fn refresh(&mut self) -> Answer {
        self.request("POST", "/auth/refresh", &[], "").await
    }

    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let address = self.server.address;
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut head = vec![
            format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close"),
            format!("Cookie: {}", cookies.join("; ")),
            format!("Content-Length: {}", body.len()),
        ];
        head.extend(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        head.extend(
            self.token
                .iter()
                .map(|token| format!("Authorization: Bearer {token}")),
        );
        let head = head.join("\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer = Answer::new(&answer);
        for cookie in &answer.set_cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub set_cookies: Vec<String>,
    pub challenge: Option<String>,
    pub body: String,
}

impl Answer {
    fn new(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let set_cookies = head
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: "));
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            set_cookies: set_cookies.map(str::to_owned).collect(),
            challenge: (head.lines())
                .find_map(|line| line.strip_prefix("www-authenticate: "))
                .map(str::to_owned),
            body: body.to_owned(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and `code` of a refusal that is no GraphQL.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.set_cookies, [""; 0]);
        (
            self.status,
            self.json()["code"].as_str().unwrap().to_owned(),
        )
    }
}

pub const LOGIN: &str = "mutation ($input: CredentialsInput!) { login(input: $input) { accessToken expiresIn person { id name } } }";
pub const REGISTER: &str =
    "mutation ($input: CredentialsInput!) { register(input: $input) { accessToken expiresIn } }";
pub const WHO: &str = "{ currentPerson { name } }";
pub const CREATE: &str =
    "mutation ($title: String!) { createTodo(input: { todo: { title: $title } }) { todo { id } } }";

pub fn credentials(name: &str, password: &str) -> Value {
    json!({ "input": { "name": name, "password": password } })
}
