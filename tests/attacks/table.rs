//! The table of attacks: what is sent, byte for byte, and what must come of it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::app::{App, Lookup};
use crate::rows;
use crate::support::{
    Answer, CHALLENGE, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET, REFRESH_SECRET, Request, START,
    Server, keys,
};
use crate::victim::Victim;

/// What one attack sends, to which server, and in which circumstances.
pub struct Attack {
    sent: Sent,
    to: To,
    at: u64,
    lookup: Lookup,
}

enum Sent {
    Request(Request),
    Bytes(Vec<u8>),
}

/// A server: as it was when the victim logged in, or after a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    Same,
    /// New keys, and the old ones still verify.
    Rotated,
    /// New keys alone.
    Retired,
    /// The access keys are new, and the refresh keys are not yet.
    HalfRotated,
    /// Five minutes, a day, and a week after login.
    Shorter,
    /// An hour, 30 days, and 90 days after login.
    Longer,
    /// The routes stand below `/api`, and the policy says `/auth`.
    Nested,
    /// Claims of 5 KB.
    Large,
    /// A flattened map that holds `exp`.
    Flattened,
    /// A subject of 300 bytes.
    LongSubject,
}

impl From<Request> for Attack {
    fn from(request: Request) -> Self {
        Self {
            sent: Sent::Request(request),
            to: To::Same,
            at: START,
            lookup: Lookup::User,
        }
    }
}

/// Bytes as they stand.
pub fn raw(bytes: impl AsRef<[u8]>) -> Attack {
    Attack {
        sent: Sent::Bytes(bytes.as_ref().to_vec()),
        ..Request::get("/").into()
    }
}

pub fn to(to: To, attack: impl Into<Attack>) -> Attack {
    Attack {
        to,
        ..attack.into()
    }
}

/// So many seconds after login.
pub fn after(seconds: i64, attack: impl Into<Attack>) -> Attack {
    let at = START.checked_add_signed(seconds).unwrap();
    Attack {
        at,
        ..attack.into()
    }
}

/// While `Renew` answers so.
pub fn during(lookup: Lookup, attack: impl Into<Attack>) -> Attack {
    Attack {
        lookup,
        ..attack.into()
    }
}

/// What an answer does to the browser's cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookies {
    Untouched,
    /// A new session.
    Set,
    /// The refresh cookie alone.
    Renewed,
    Deleted,
    /// The refresh cookies, but not a marker that the request did not carry.
    Swept,
}

/// What must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    pub status: u16,
    pub challenge: Option<&'static str>,
    /// The `code` of the problem details, where the answer is a refusal of ours.
    pub code: Option<&'static str>,
    pub cookies: Cookies,
    /// Whether the handler runs, or `Renew` is asked.
    pub runs: bool,
}

const fn refused(status: u16, challenge: Option<&'static str>, code: &'static str) -> Expected {
    Expected {
        challenge,
        code: Some(code),
        ..other(status)
    }
}

const fn passed(status: u16, cookies: Cookies, runs: bool) -> Expected {
    Expected {
        cookies,
        runs,
        ..other(status)
    }
}

/// An answer of axum's or hyper's.
pub const fn other(status: u16) -> Expected {
    Expected {
        status,
        challenge: None,
        code: None,
        cookies: Cookies::Untouched,
        runs: false,
    }
}

const INVALID_TOKEN: Option<&str> = Some(r#"Bearer error="invalid_token""#);
const LOGIN_AGAIN: &str = r#"Bearer error="insufficient_user_authentication", max_age="300""#;

pub const MISSING: Expected = refused(401, Some(CHALLENGE), "missing_token");
pub const MALFORMED: Expected = refused(
    400,
    Some(r#"Bearer error="invalid_request""#),
    "invalid_request",
);
pub const INVALID: Expected = refused(401, INVALID_TOKEN, "invalid_token");
pub const STALE: Expected = refused(401, INVALID_TOKEN, "stale_token");
pub const OLD_LOGIN: Expected = refused(401, Some(LOGIN_AGAIN), "login_required");
pub const FORBIDDEN: Expected = refused(
    403,
    Some(r#"Bearer error="insufficient_scope""#),
    "forbidden",
);
pub const FOREIGN: Expected = refused(403, None, "cross_origin");
pub const NOT_POST: Expected = refused(405, None, "method_not_allowed");
pub const ENDED: Expected = refused(401, Some(CHALLENGE), "session_ended");
pub const UNKNOWN: Expected = refused(401, Some(CHALLENGE), "session_unknown");
/// The clocks are apart, or `Renew` failed.
pub const OUTAGE: Expected = refused(503, None, "temporarily_unavailable");
/// The application's own mistake, which no request brings about.
pub const MISTAKE: Expected = refused(500, None, "internal_error");

pub const ACCEPTED: Expected = passed(200, Cookies::Untouched, true);
pub const REFRESHED: Expected = ACCEPTED;
pub const RENEWED: Expected = passed(200, Cookies::Renewed, true);
pub const LOGGED_IN: Expected = passed(200, Cookies::Set, true);
pub const LOGGED_OUT: Expected = passed(204, Cookies::Deleted, false);

impl Expected {
    /// The same, but `Renew` was asked.
    pub const fn asked(self) -> Self {
        Self { runs: true, ..self }
    }
}

pub struct Row {
    pub part: &'static str,
    pub name: String,
    pub attack: Attack,
    pub expected: Expected,
}

/// Rows, one a line: a name, what is sent, what must come back.
macro_rules! attacks {
    ($rows:ident, $part:literal: $($name:expr => $attack:expr, $expected:expr;)*) => {
        $($rows.push($crate::table::Row {
            part: $part,
            name: $name.to_string(),
            attack: $attack.into(),
            expected: $expected,
        });)*
    };
}
pub(crate) use attacks;

/// The servers that rows are sent to. One clock, one count of what ran.
struct Servers {
    app: App,
    started: HashMap<To, Server>,
}

impl Servers {
    fn new() -> Self {
        Self {
            app: App::new(),
            started: HashMap::new(),
        }
    }

    async fn send(&mut self, attack: &Attack) -> (Answer, Vec<u8>, bool) {
        self.app.clock.set(attack.at);
        self.app.find(attack.lookup);
        if !self.started.contains_key(&attack.to) {
            let router = rows::deployments::router(attack.to, &self.app);
            self.started.insert(attack.to, Server::start(router).await);
        }
        let server = &self.started[&attack.to];
        let bytes = attack.bytes(server.address);
        let before = self.runs();
        let answer = server.send_bytes(&bytes).await;
        (answer, bytes, self.runs() > before)
    }

    fn runs(&self) -> usize {
        self.app.handled() + self.app.lookups()
    }
}

impl Attack {
    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        match &self.sent {
            Sent::Request(request) => request.bytes(address),
            Sent::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// The server's application after a deployment with other keys; `None` where it is not about keys.
pub fn with_other_keys(app: &App, to: To) -> Option<App> {
    let next = |access, refresh| stateless_session::Keys::from_secrets(access, refresh).unwrap();
    let keys = match to {
        To::Same => keys(),
        To::Rotated => next(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET)
            .with_previous(Some(crate::support::ACCESS_SECRET), Some(REFRESH_SECRET))
            .unwrap(),
        To::Retired => next(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET),
        To::HalfRotated => next(NEXT_ACCESS_SECRET, REFRESH_SECRET),
        _ => return None,
    };
    Some(app.redeployed(keys))
}

/// What differs between an answer and what must come back.
fn differences(answer: &Answer, ran: bool, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, actual: String, expected: String| {
        if actual != expected {
            found.push(format!("{what} is {actual}, not {expected}"));
        }
    };
    let show = |value: Option<&str>| value.unwrap_or("none").to_owned();
    compare(
        "status",
        answer.status.to_string(),
        expected.status.to_string(),
    );
    compare(
        "WWW-Authenticate",
        show(answer.header("www-authenticate")),
        show(expected.challenge),
    );
    compare(
        "effect on cookies",
        effect(answer),
        format!("{:?}", expected.cookies),
    );
    compare(
        "the handler ran",
        ran.to_string(),
        expected.runs.to_string(),
    );
    if let Some(code) = expected.code {
        let problem: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
        let actual = problem
            .as_ref()
            .and_then(|problem| problem["code"].as_str());
        compare("code", show(actual), code.to_owned());
        compare(
            "Content-Type",
            show(answer.header("content-type")),
            "application/problem+json".to_owned(),
        );
    }
    let is_ours = expected.code.is_some() || expected.cookies != Cookies::Untouched;
    if is_ours {
        compare(
            "Cache-Control",
            show(answer.header("cache-control")),
            "no-store".to_owned(),
        );
    }
    for (name, _) in &answer.headers {
        let is_never_sent =
            name == "clear-site-data" || name.starts_with("access-control-") || name == "location";
        if is_never_sent {
            found.push(format!("there is a header `{name}`"));
        }
    }
    found
}

fn effect(answer: &Answer) -> String {
    let cookies = answer.set_cookies();
    let (deleted, set): (Vec<_>, Vec<_>) =
        cookies.iter().partition(|cookie| cookie.max_age == Some(0));
    let is_marker = |cookie: &&crate::support::SetCookie| cookie.name.starts_with("__Host-");
    let effect = match (set.len(), deleted.len()) {
        (0, 0) => Cookies::Untouched,
        (0, _) if deleted.iter().any(is_marker) => Cookies::Deleted,
        (0, _) => Cookies::Swept,
        (1, _) if !set.iter().any(is_marker) => Cookies::Renewed,
        (2, _) => Cookies::Set,
        _ => return format!("{cookies:?}"),
    };
    format!("{effect:?}")
}

/// What two answers of the same code have in common, byte for byte.
type Common = (Vec<(String, String)>, String);

fn without_date(answer: &Answer) -> Common {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date");
    (headers.cloned().collect(), answer.body.clone())
}

#[tokio::test]
async fn every_attack_has_its_answer_and_nothing_else() {
    // Whatever a header names, nobody comes here to fetch it.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.set_nonblocking(true).unwrap();
    let (ada, eve) = (Victim::log_in(1).await, Victim::log_in(2).await);
    let rows = rows::all(&ada, &eve, &nobody.local_addr().unwrap().to_string());
    let mut names = HashSet::new();
    for row in &rows {
        let name = (row.part, &row.name);
        assert!(names.insert(name), "two rows {name:?}");
    }
    let mut servers = Servers::new();
    let (mut failures, mut markdown) = (String::new(), Markdown::new());
    let mut secrets = vec![ada.marker.clone(), ada.access.clone(), ada.refresh.clone()];
    let mut answers: HashMap<&str, Common> = HashMap::new();
    for row in &rows {
        let (answer, bytes, ran) = servers.send(&row.attack).await;
        let mut differences = differences(&answer, ran, &row.expected);
        let cookies = answer.set_cookies().into_iter().map(|cookie| cookie.value);
        secrets.extend(cookies.filter(|value| !value.is_empty()));
        if let Some(code) = row.expected.code {
            let answer = without_date(&answer);
            let first = answers.entry(code).or_insert_with(|| answer.clone());
            if *first != answer {
                differences.push(format!(
                    "another answer for `{code}`: {answer:?}, not {first:?}"
                ));
            }
        }
        if !differences.is_empty() {
            let _ = writeln!(failures, "{}: {}", row.part, row.name);
            for difference in differences {
                let _ = writeln!(failures, "    {difference}");
            }
            let _ = writeln!(failures, "    sent {}", shown(&bytes));
        }
        markdown.row(row, &bytes);
    }
    let log: String = servers.started.values().map(Server::log).collect();
    drop(servers);
    for secret in secrets {
        let value = secret.rsplit('=').next().unwrap();
        assert!(!log.contains(value), "`{value}` was logged");
    }
    if std::env::var_os("ATTACKS").is_some() {
        println!("{}", markdown.0);
    }
    println!("{} attacks", rows.len());
    assert!(failures.is_empty(), "\n{failures}");
    assert!(rows.len() >= 200);
    assert!(
        nobody.accept().is_err(),
        "somebody fetched what a header names"
    );
}

/// No request brings about an answer of 5xx: those that are expected come of clocks, an outage or a mistake of the
/// application.
#[tokio::test]
async fn the_table_expects_no_5xx_but_outages_and_mistakes_of_the_application() {
    let (ada, eve) = (Victim::log_in(1).await, Victim::log_in(2).await);
    for row in rows::all(&ada, &eve, "127.0.0.1:9") {
        let is_caused_elsewhere = row.expected == OUTAGE
            || row.expected == OUTAGE.asked()
            || (row.part == "Application" && row.expected.code == MISTAKE.code);
        assert!(
            row.expected.status < 500 || is_caused_elsewhere,
            "{}",
            row.name
        );
    }
}

struct Markdown(String);

impl Markdown {
    fn new() -> Self {
        Self(
            "| part | attack | sent | status | `WWW-Authenticate` | cookies | runs |\n\
             |---|---|---|---|---|---|---|\n"
                .to_owned(),
        )
    }

    fn row(&mut self, row: &Row, bytes: &[u8]) {
        let Row {
            part,
            name,
            attack,
            expected,
        } = row;
        let mut circumstances = String::new();
        if attack.to != To::Same {
            let _ = write!(circumstances, "; {:?}", attack.to);
        }
        if attack.at != START {
            let _ = write!(
                circumstances,
                "; {} s after login",
                attack.at.wrapping_sub(START).cast_signed()
            );
        }
        let status = match expected.code {
            Some(code) => format!("{} `{code}`", expected.status),
            None => expected.status.to_string(),
        };
        let challenge = expected.challenge.map(|challenge| format!("`{challenge}`"));
        let line = [
            (*part).to_owned(),
            format!("{name}{circumstances}"),
            format!("`{}`", shown(bytes)),
            status,
            challenge.unwrap_or_default(),
            format!("{:?}", expected.cookies).to_lowercase(),
            if expected.runs { "yes" } else { "no" }.to_owned(),
        ];
        let line = line.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(self.0, "| {} |", line.join(" | "));
    }
}

/// Bytes as text, cut in the middle.
fn shown(bytes: &[u8]) -> String {
    const HALF: usize = 200;
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string().replace('`', "\\x60");
    if bytes.len() <= 2 * HALF {
        return shown(bytes);
    }
    let (start, end) = (&bytes[..HALF], &bytes[bytes.len() - HALF..]);
    let left_out = bytes.len() - 2 * HALF;
    format!("{} .. {left_out} bytes .. {}", shown(start), shown(end))
}
