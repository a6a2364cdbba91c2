//! A server on a real socket, a browser with a cookie jar, a clock that is held, and logs that are searched.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stateless_session::{Keys, SessionClaims, Sessions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tracing_subscriber::fmt::MakeWriter;

pub const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
pub const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";
pub const NEXT_ACCESS_SECRET: &str = "b8Nc5XzQ1LpW7vKt3RfYj0GhM6sDa9EuIo2TqBnV4xCy";
pub const NEXT_REFRESH_SECRET: &str = "H2mVb9TqXr4LcZs7WnKp1YjFe6GdUa3RoIi8NvBt5MyQ";

/// What a 401 asks for where there is no error to name.
pub const CHALLENGE: &str = r#"Bearer realm="stateless-session""#;

pub const MINUTE: u64 = 60;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// Where every held clock starts: 15 January 2027.
pub const START: u64 = 1_800_000_000;

pub fn keys() -> Keys {
    Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap()
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that moves only when a test says so.
#[derive(Clone, Debug)]
pub struct HeldClock(Arc<AtomicU64>);

impl HeldClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }

    /// Beside an engine, which goes by the machine's clock.
    pub fn at_present() -> Self {
        let clock = Self::new();
        let now = UNIX_EPOCH.elapsed().expect("a clock past 1970");
        clock.set(now.as_secs());
        clock
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub fn hold<C: SessionClaims>(&self, sessions: Sessions<C>) -> Sessions<C> {
        let clock = self.clone();
        sessions.with_clock(move || -> SystemTime { UNIX_EPOCH + Duration::from_secs(clock.now()) })
    }
}

/// A server on a free port of loopback, which ends with the test. When the last one of a test does, everything that all of
/// them logged at TRACE is searched for what must not be there.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    watch: Rc<Watch>,
}

impl Server {
    pub async fn start(app: Router) -> Self {
        let watch = Watch::of_this_test();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            task,
            watch,
        }
    }

    pub async fn send(&self, request: &Request) -> Answer {
        self.send_bytes(&request.bytes(self.address)).await
    }

    pub async fn send_bytes(&self, request: &[u8]) -> Answer {
        let answer = Answer::of(self.address, request).await;
        self.watch.remember(&answer);
        answer
    }

    /// What all servers of this test have logged.
    pub fn log(&self) -> String {
        self.watch.logs.text()
    }

    pub fn assert_logged(&self, text: &str) {
        let log = self.log();
        assert!(log.contains(text), "`{text}` is not in the log:\n{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The log of one test, and what must not be in it.
pub struct Watch {
    logs: Logs,
    secrets: RefCell<HashSet<String>>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

thread_local! {
    /// Every test runs on one thread, all of its servers included.
    static WATCH: RefCell<Weak<Watch>> = RefCell::default();
}

impl Watch {
    pub fn of_this_test() -> Rc<Self> {
        if let Some(watch) = WATCH.with_borrow(Weak::upgrade) {
            return watch;
        }
        let logs = Logs::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(logs.clone())
            .finish();
        let watch = Rc::new(Self {
            logs,
            secrets: RefCell::default(),
            _subscriber: tracing::subscriber::set_default(subscriber),
        });
        for secret in [
            ACCESS_SECRET,
            REFRESH_SECRET,
            NEXT_ACCESS_SECRET,
            NEXT_REFRESH_SECRET,
        ] {
            watch.keep_secret([secret.to_owned()]);
            watch.keep_secret(forms(secret.as_bytes()));
        }
        WATCH.set(Rc::downgrade(&watch));
        watch
    }

    fn remember(&self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            if let Some((_, stamp)) = cookie.value.split_once('.')
                && cookie.name.contains("-bound-")
            {
                self.keep_secret([stamp[..12].to_owned()]);
                self.keep_secret(forms(&base64_url(stamp)));
            } else if cookie.value.contains('.') {
                self.remember_token(&cookie.value);
            } else if !cookie.value.is_empty() && cookie.value != "over" {
                // Half of it would be enough to find the rest.
                let (first, second) = cookie.value.split_at(cookie.value.len() / 2);
                self.keep_secret([first.to_owned(), second.to_owned()]);
                self.keep_secret(forms(&base64_url(&cookie.value)));
            }
        }
        if answer.body.starts_with(r#"{"access_token""#) {
            self.remember_token(&answer.access_token());
            if let Some(native) = answer.json()["refresh_token"].as_str() {
                self.remember_token(native);
            }
        }
    }

    fn remember_token(&self, token: &str) {
        let signature = token.rsplit('.').next().unwrap();
        let claims = payload(token);
        // What belongs to no session has neither.
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        self.keep_secret([token.to_owned(), token[..20].to_owned()]);
        self.keep_secret([signature[..12].to_owned()]);
        self.keep_secret(forms(&base64_url(signature)));
        // Its first eight characters stand in the cookie's name, and in the log.
        self.keep_secret(text("sid").map(|sid| sid[..12].to_owned()));
        // A shorter one stands in everything.
        self.keep_secret(text("sub").filter(|sub| sub.len() > 5));
    }

    fn keep_secret(&self, secrets: impl IntoIterator<Item = String>) {
        self.secrets.borrow_mut().extend(secrets);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let log = self.logs.text();
        if std::thread::panicking() {
            eprintln!("{log}");
            return;
        }
        for secret in self.secrets.borrow().iter() {
            assert!(!log.contains(secret), "`{secret}` was logged:\n{log}");
        }
        assert!(!holds_token(&log), "a token was logged:\n{log}");
    }
}

/// Whether a token begins somewhere. What stands there of a `sid` may hold the same letters, and is eight characters long.
fn holds_token(log: &str) -> bool {
    let of_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    log.match_indices("eyJ")
        .any(|(start, _)| log.as_bytes()[start..].iter().take_while(of_token).count() > 8)
}

/// How bytes look when somebody prints them: as numbers, in hexadecimal, in base64.
fn forms(bytes: &[u8]) -> Vec<String> {
    let start = &bytes[..8];
    let joined = |separator: &str, print: fn(&u8) -> String| {
        let printed: Vec<String> = start.iter().map(print).collect();
        printed.join(separator)
    };
    vec![
        joined(", ", u8::to_string),
        joined(",", u8::to_string),
        joined("", |byte| format!("{byte:02x}")),
        joined("", |byte| format!("{byte:02X}")),
        // The last characters depend on the bytes behind.
        base64_simd::STANDARD.encode_to_string(start)[..10].to_owned(),
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(start)[..10].to_owned(),
    ]
}

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    announced_length: Option<usize>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            announced_length: None,
        }
    }

    /// The same request for another target.
    pub fn to(self, target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ..self
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    pub fn form(self, body: &str) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().into();
        self
    }

    /// Announces more than is ever sent.
    pub fn endless_body(mut self) -> Self {
        self.announced_length = Some(1_000_000);
        self
    }

    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        let names_host = self.headers.iter().any(|(name, _)| name == "Host");
        if !names_host {
            line("Host", address.to_string().as_bytes());
        }
        line("Connection", b"close");
        for (name, value) in &self.headers {
            line(name, value);
        }
        let length = self.announced_length.unwrap_or(self.body.len());
        line("Content-Length", length.to_string().as_bytes());
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// What whoever listens at `address` says to `request`.
    pub async fn of(address: SocketAddr, request: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A server that answers before it has read everything may refuse the rest.
        let _ = stream.write_all(request).await;
        Self::read(&mut stream).await
    }

    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A server that answers without reading the body may reset the connection behind its answer.
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer with a head");
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: body.to_owned(),
        }
    }

    /// The one header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next();
        assert!(values.next().is_none(), "two headers `{name}`");
        value.map(|(_, value)| value.as_str())
    }

    pub fn set_cookies(&self) -> Vec<SetCookie> {
        let lines = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        lines.map(|(_, line)| SetCookie::parse(line)).collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn access_token(&self) -> String {
        let token = &self.json()["access_token"];
        token
            .as_str()
            .unwrap_or_else(|| panic!("no access token: {self:?}"))
            .to_owned()
    }

    /// Asserts a refusal as the table of answers has it, down to what every refusal has in common.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, code: &str, challenge: Option<&str>) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("www-authenticate"), challenge);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{self:?}");
        assert_eq!(problem["status"], status);
        assert!(
            self.set_cookies().is_empty(),
            "a failure wrote a cookie: {self:?}"
        );
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SetCookie {
    pub line: String,
    pub name: String,
    pub value: String,
    pub path: String,
    /// `None` where the cookie ends with the browser.
    pub max_age: Option<i64>,
}

impl SetCookie {
    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attribute = |wanted: &str| {
            let mut attributes = line.split("; ").filter_map(|part| part.split_once('='));
            attributes
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value.to_owned())
        };
        Self {
            line: line.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            path: attribute("Path").expect("every cookie has a Path"),
            max_age: attribute("Max-Age").map(|seconds| seconds.parse().unwrap()),
        }
    }
}

/// What a browser keeps: cookies by name and path, and the page's access token.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    pub cookies: Vec<SetCookie>,
    pub access_token: Option<String>,
}

impl Browser {
    pub async fn send(&mut self, server: &Server, request: Request) -> Answer {
        let answer = server.send(&self.with_cookies(request)).await;
        self.keep(&answer);
        answer
    }

    /// The request with the cookies that a browser would send along.
    pub fn with_cookies(&self, request: Request) -> Request {
        let path = request.target.clone();
        let of_path = |cookie: &&SetCookie| {
            let below = path.strip_prefix(&cookie.path);
            below.is_some_and(|rest| cookie.path == "/" || rest.is_empty() || rest.starts_with('/'))
        };
        let cookies = self.cookies.iter().filter(of_path);
        let pairs: Vec<String> = cookies
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if pairs.is_empty() {
            request
        } else {
            request.header("Cookie", pairs.join("; "))
        }
    }

    pub fn keep(&mut self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            self.cookies
                .retain(|other| (&other.name, &other.path) != (&cookie.name, &cookie.path));
            if cookie.max_age.is_none_or(|seconds| seconds > 0) {
                self.cookies.push(cookie);
            }
        }
        if answer.status == 200 && answer.body.starts_with(r#"{"access_token""#) {
            self.access_token = Some(answer.access_token());
        }
    }

    /// The page's request, with the access token that it holds.
    pub async fn call(&mut self, server: &Server, request: Request) -> Answer {
        let token = self.access_token.clone().unwrap_or_default();
        self.send(server, request.bearer(&token)).await
    }

    pub async fn refresh(&mut self, server: &Server) -> Answer {
        self.send(server, Request::post("/auth/refresh")).await
    }

    pub async fn logout(&mut self, server: &Server) -> Answer {
        let answer = self.send(server, Request::post("/auth/logout")).await;
        self.access_token = None;
        answer
    }

    pub fn marker(&self) -> &SetCookie {
        let mut markers = self
            .cookies
            .iter()
            .filter(|cookie| cookie.name.starts_with("__Host-"));
        markers.next().expect("a session marker")
    }

    pub fn refresh_cookie(&self) -> &SetCookie {
        let mut cookies = self
            .cookies
            .iter()
            .filter(|cookie| cookie.name.contains("-refresh-"));
        cookies.next().expect("a refresh cookie")
    }
}

/// The payload of a token, whatever its signature.
pub fn payload(token: &str) -> serde_json::Value {
    serde_json::from_str(&payload_as_written(token)).unwrap()
}

pub fn payload_as_written(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    String::from_utf8(base64_url(payload)).unwrap()
}

pub fn header(token: &str) -> serde_json::Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&base64_url(header)).unwrap()
}

fn base64_url(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

/// A token with any header and payload, correctly signed.
pub fn forge(header: &str, payload: &str, secret: &str) -> String {
    let encode = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(payload.as_bytes())
    );
    sign(&signed, secret)
}

/// Any first two segments with their signature behind them.
pub fn sign(signed: &str, secret: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = mac.chain_update(signed).finalize().into_bytes();
    let signature = base64_simd::URL_SAFE_NO_PAD.encode_to_string(signature);
    format!("{signed}.{signature}")
}

/// A token with the header of another, which is what makes it one of ours, and any payload, correctly signed.
pub fn forge_like(token: &str, payload: &str, secret: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header = String::from_utf8(base64_url(header)).unwrap();
    forge(&header, payload, secret)
}
