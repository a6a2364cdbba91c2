//! Cookies as a browser keeps them: what it makes of our `Set-Cookie` lines, and what a sibling subdomain can make it send
//! beside our cookies. The jar is RFC 6265bis, sections 5.6 to 5.8, word by word but for dates and public suffixes.

use crate::app::App;
use crate::support::{DAY, Request, Server};

const OURS: &str = "app.example.test";
const SIBLING: &str = "evil.example.test";

#[derive(Clone, Debug, PartialEq)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// The host itself, or a domain with everything below it.
    domain: String,
    is_host_only: bool,
    path: String,
    is_secure: bool,
    is_http_only: bool,
    same_site: Option<String>,
    max_age: Option<i64>,
}

#[derive(Default)]
struct Jar(Vec<Cookie>);

/// Before the first separator and behind it.
fn halves(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == separator) {
        Some(position) => (&bytes[..position], Some(&bytes[position + 1..])),
        None => (bytes, None),
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = bytes
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    &bytes[start..end]
}

fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    bytes
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn path_matches(path: &str, cookie_path: &str) -> bool {
    let rest = path.strip_prefix(cookie_path);
    rest.is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

impl Cookie {
    /// Section 5.6: a `Set-Cookie` line of a host, sent in answer to a request for `/` over TLS.
    fn parse(line: &[u8], host: &str) -> Option<Self> {
        let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        if line.iter().any(is_control) {
            return None;
        }
        let (pair, attributes) = halves(line, b';');
        let (name, value) = match halves(pair, b'=') {
            (name, Some(value)) => (trim(name), trim(value)),
            (value, None) => (&b""[..], trim(value)),
        };
        if (name.is_empty() && value.is_empty()) || name.len() + value.len() > 4096 {
            return None;
        }
        let mut cookie = Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: host.to_owned(),
            is_host_only: true,
            path: "/".to_owned(),
            is_secure: false,
            is_http_only: false,
            same_site: None,
            max_age: None,
        };
        for attribute in attributes.unwrap_or_default().split(|byte| *byte == b';') {
            let (name, value) = halves(attribute, b'=');
            cookie.attribute(trim(name), trim(value.unwrap_or_default()), host)?;
        }
        cookie.may_be_stored().then_some(cookie)
    }

    /// `None` where the whole cookie is ignored.
    fn attribute(&mut self, name: &[u8], value: &[u8], host: &str) -> Option<()> {
        if value.len() > 1024 {
            return Some(());
        }
        let text = String::from_utf8_lossy(value).into_owned();
        match &*String::from_utf8_lossy(name).to_ascii_lowercase() {
            "max-age" => {
                let digits = text.strip_prefix('-').unwrap_or(&text);
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.max_age = text.parse().ok();
                }
            }
            "domain" if !text.is_empty() => {
                let domain = text.strip_prefix('.').unwrap_or(&text).to_ascii_lowercase();
                if !domain_matches(host, &domain) {
                    return None;
                }
                self.domain = domain;
                self.is_host_only = false;
            }
            "path" => {
                self.path = if text.starts_with('/') {
                    text
                } else {
                    "/".to_owned()
                }
            }
            "secure" => self.is_secure = true,
            "httponly" => self.is_http_only = true,
            "samesite" => self.same_site = Some(text),
            _ => {}
        }
        Some(())
    }

    /// Section 5.7, the prefixes.
    fn may_be_stored(&self) -> bool {
        let named = |prefix| starts_with(&self.name, prefix);
        let nameless = |prefix| self.name.is_empty() && starts_with(&self.value, prefix);
        let is_of_one_host = self.is_host_only && self.path == "/";
        !(named("__Secure-") && !self.is_secure
            || named("__Host-") && !(self.is_secure && is_of_one_host)
            || nameless("__Secure-")
            || nameless("__Host-"))
    }
}

impl Jar {
    /// Section 5.7: the last of one name, domain and path counts.
    fn store(&mut self, line: &[u8], host: &str) {
        let Some(cookie) = Cookie::parse(line, host) else {
            return;
        };
        let is_same = |other: &Cookie| {
            (&other.name, &other.domain, other.is_host_only, &other.path)
                == (
                    &cookie.name,
                    &cookie.domain,
                    cookie.is_host_only,
                    &cookie.path,
                )
        };
        self.0.retain(|other| !is_same(other));
        if cookie.max_age.is_none_or(|age| age > 0) {
            self.0.push(cookie);
        }
    }

    /// Section 5.8: the `Cookie` header of a request to our host.
    fn header(&self, path: &str) -> Vec<u8> {
        let is_sent = |cookie: &&Cookie| {
            let is_ours = if cookie.is_host_only {
                cookie.domain == OURS
            } else {
                domain_matches(OURS, &cookie.domain)
            };
            is_ours && path_matches(path, &cookie.path)
        };
        let mut sent: Vec<&Cookie> = self.0.iter().filter(is_sent).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs = sent.iter().map(|cookie| match &*cookie.name {
            b"" => cookie.value.clone(),
            name => [name, b"=", &cookie.value].concat(),
        });
        pairs.collect::<Vec<_>>().join(&b"; "[..])
    }
}

async fn logged_in() -> (Server, Jar) {
    let server = Server::start(App::new().router()).await;
    let answer = server
        .send(&Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    let mut jar = Jar::default();
    for cookie in answer.set_cookies() {
        jar.store(cookie.line.as_bytes(), OURS);
    }
    (server, jar)
}

#[tokio::test]
async fn a_browser_makes_of_our_cookies_what_the_design_says() {
    let (server, mut jar) = logged_in().await;
    let [refresh, marker] = &*jar.0 else {
        panic!("{:?}", jar.0)
    };
    for cookie in [refresh, marker] {
        assert!(cookie.is_secure && cookie.is_host_only);
        assert_eq!(cookie.same_site.as_deref(), Some("Strict"));
        assert!(cookie.name.len() + cookie.value.len() <= 4096);
    }
    let seconds = |days: u64| Some((days * DAY).cast_signed());
    assert_eq!(
        (&*marker.path, marker.is_http_only, marker.max_age),
        ("/", false, seconds(30))
    );
    assert_eq!(
        (&*refresh.path, refresh.is_http_only, refresh.max_age),
        ("/auth", true, seconds(7))
    );
    assert!(marker.name.starts_with(b"__Host-") && refresh.name.starts_with(b"__Secure-"));

    let pair = |cookie: &Cookie| [&cookie.name, &b"="[..], &cookie.value].concat();
    let both = [&pair(refresh), &b"; "[..], &pair(marker)].concat();
    for (path, expected) in [
        ("/", pair(marker)),
        ("/me", pair(marker)),
        ("/authors", pair(marker)),
        ("/AUTH/refresh", pair(marker)),
        ("/auth", both.clone()),
        ("/auth/refresh", both.clone()),
        ("/auth/logout", both.clone()),
    ] {
        assert_eq!(jar.header(path), expected, "{path}");
    }
    let answer = server
        .send(&Request::post("/auth/logout").header("Cookie", both))
        .await;
    for cookie in answer.set_cookies() {
        jar.store(cookie.line.as_bytes(), OURS);
    }
    assert_eq!(jar.0, []);
}

/// What a sibling sets, and what the browser then sends to our refresh beside our cookies: nothing where it is empty.
/// `DOMAIN` stands for our common domain, `MARKER` and `REFRESH` for the names of our cookies.
const CASES: [(&str, &[u8], &[u8]); 66] = [
    ("a pair", b"foo=bar; DOMAIN", b"foo=bar"),
    ("no domain", b"foo=bar", b""),
    (
        "our host as domain",
        b"foo=bar; Domain=app.example.test",
        b"",
    ),
    (
        "a dot before the domain",
        b"foo=bar; Domain=.example.test",
        b"foo=bar",
    ),
    (
        "the domain in upper case",
        b"foo=bar; Domain=EXAMPLE.TEST",
        b"foo=bar",
    ),
    ("half of the domain", b"foo=bar; Domain=ample.test", b""),
    (
        "two domains",
        b"foo=bar; Domain=evil.example.test; DOMAIN",
        b"foo=bar",
    ),
    ("an empty domain", b"foo=bar; Domain=", b""),
    ("no value", b"foo=; DOMAIN", b"foo="),
    ("no equals sign", b"foo; DOMAIN", b"foo"),
    ("no name", b"=bar; DOMAIN", b"bar"),
    ("two equals signs", b"foo==bar; DOMAIN", b"foo==bar"),
    (
        "an equals sign in the value",
        b"foo=bar=baz; DOMAIN",
        b"foo=bar=baz",
    ),
    ("neither name nor value", b"=; DOMAIN", b""),
    ("nothing", b"; DOMAIN", b""),
    ("blanks around", b"  foo \t=\t bar  ; DOMAIN", b"foo=bar"),
    ("a blank inside", b"foo=b a r; DOMAIN", b"foo=b a r"),
    ("a blank in the name", b"f o o=bar; DOMAIN", b"f o o=bar"),
    ("a tab inside", b"foo=b\tr; DOMAIN", b"foo=b\tr"),
    ("quotes", b"foo=\"bar\"; DOMAIN", b"foo=\"bar\""),
    ("an open quote", b"foo=\"bar; DOMAIN", b"foo=\"bar"),
    (
        "a semicolon in quotes",
        b"foo=\"bar;baz\"; DOMAIN",
        b"foo=\"bar",
    ),
    (
        "quotes around the name",
        b"\"foo\"=bar; DOMAIN",
        b"\"foo\"=bar",
    ),
    ("a comma", b"foo=bar,baz=qux; DOMAIN", b"foo=bar,baz=qux"),
    ("a backslash", b"foo=\\; DOMAIN", b"foo=\\"),
    (
        "percent-encoded",
        b"foo=%00%0d%0a; DOMAIN",
        b"foo=%00%0d%0a",
    ),
    (
        "UTF-8",
        b"f\xc3\xb6\xc3\xb6=b\xc3\xa4r; DOMAIN",
        b"f\xc3\xb6\xc3\xb6=b\xc3\xa4r",
    ),
    ("no UTF-8", b"foo=\xff\xfe; DOMAIN", b"foo=\xff\xfe"),
    (
        "no UTF-8 in the name",
        b"\xff\xfe=bar; DOMAIN",
        b"\xff\xfe=bar",
    ),
    ("a control character", b"foo=b\x01r; DOMAIN", b""),
    ("NUL", b"foo=b\x00r; DOMAIN", b""),
    ("DEL", b"foo=b\x7fr; DOMAIN", b""),
    ("a dollar", b"$Version=1; DOMAIN", b"$Version=1"),
    ("a path above", b"foo=bar; Path=/; DOMAIN", b"foo=bar"),
    ("our path", b"foo=bar; Path=/auth; DOMAIN", b"foo=bar"),
    (
        "our path and a slash",
        b"foo=bar; Path=/auth/; DOMAIN",
        b"foo=bar",
    ),
    (
        "our route",
        b"foo=bar; Path=/auth/refresh; DOMAIN",
        b"foo=bar",
    ),
    ("half of our path", b"foo=bar; Path=/aut; DOMAIN", b""),
    (
        "our path in upper case",
        b"foo=bar; Path=/AUTH; DOMAIN",
        b"",
    ),
    ("no path at all", b"foo=bar; Path=auth; DOMAIN", b"foo=bar"),
    ("two paths", b"foo=bar; Path=/auth; Path=/x; DOMAIN", b""),
    ("an age", b"foo=bar; Max-Age=10; DOMAIN", b"foo=bar"),
    ("an age of nothing", b"foo=bar; Max-Age=0; DOMAIN", b""),
    ("an age below nothing", b"foo=bar; Max-Age=-1; DOMAIN", b""),
    (
        "an age in words",
        b"foo=bar; Max-Age=never; DOMAIN",
        b"foo=bar",
    ),
    (
        "an age with a word",
        b"foo=bar; Max-Age=0x; DOMAIN",
        b"foo=bar",
    ),
    ("Secure", b"foo=bar; Secure; DOMAIN", b"foo=bar"),
    (
        "Secure with a value",
        b"foo=bar; Secure=false; DOMAIN",
        b"foo=bar",
    ),
    ("HttpOnly", b"foo=bar; HttpOnly; DOMAIN", b"foo=bar"),
    (
        "SameSite=None",
        b"foo=bar; SameSite=None; Secure; DOMAIN",
        b"foo=bar",
    ),
    (
        "an unknown attribute",
        b"foo=bar; baz=qux; DOMAIN",
        b"foo=bar",
    ),
    ("our marker", b"MARKER=tossed; Secure; Path=/; DOMAIN", b""),
    (
        "our marker without Secure",
        b"MARKER=tossed; Path=/; DOMAIN",
        b"",
    ),
    (
        "our marker in lower case",
        b"__host-stateless-session=tossed; Secure; Path=/; DOMAIN",
        b"",
    ),
    (
        "our marker behind a blank",
        b" MARKER=tossed; Secure; Path=/; DOMAIN",
        b"",
    ),
    (
        "our marker without a name",
        b"=MARKER=tossed; Secure; Path=/; DOMAIN",
        b"",
    ),
    (
        "our marker without a name, behind a blank",
        b" = MARKER=tossed; DOMAIN",
        b"",
    ),
    (
        "our marker without an equals sign",
        b"MARKER; Secure; Path=/; DOMAIN",
        b"",
    ),
    (
        "our marker percent-encoded",
        b"%5F%5FHost-stateless-session=tossed; DOMAIN",
        b"%5F%5FHost-stateless-session=tossed",
    ),
    (
        "our marker with a byte before it",
        b"\xffMARKER=tossed; DOMAIN",
        b"\xffMARKER=tossed",
    ),
    (
        "our refresh cookie",
        b"REFRESH=tossed; Secure; Path=/auth; DOMAIN",
        b"REFRESH=tossed",
    ),
    (
        "our refresh cookie at our route",
        b"REFRESH=tossed; Secure; Path=/auth/refresh; DOMAIN",
        b"REFRESH=tossed",
    ),
    (
        "our refresh cookie, empty",
        b"REFRESH=; Secure; Path=/auth; DOMAIN",
        b"REFRESH=",
    ),
    (
        "our refresh cookie without Secure",
        b"REFRESH=tossed; Path=/auth; DOMAIN",
        b"",
    ),
    (
        "our refresh cookie without a name",
        b"=REFRESH=tossed; Secure; DOMAIN",
        b"",
    ),
    (
        "our refresh cookie of another session",
        b"__Secure-stateless-session-refresh-AAAAAAAA=tossed; Secure; DOMAIN",
        b"__Secure-stateless-session-refresh-AAAAAAAA=tossed",
    ),
];

#[tokio::test]
async fn whatever_a_sibling_sets_the_session_goes_on() {
    let (server, ours) = logged_in().await;
    let [refresh, marker] = &*ours.0 else {
        panic!("{:?}", ours.0)
    };
    let written_out = |template: &[u8]| {
        let replaced = [
            (&b"DOMAIN"[..], &b"Domain=example.test"[..]),
            (b"MARKER", &marker.name),
            (b"REFRESH", &refresh.name),
        ];
        replaced.iter().fold(template.to_vec(), |text, (from, to)| {
            match text.windows(from.len()).position(|window| window == *from) {
                Some(at) => [&text[..at], to, &text[at + from.len()..]].concat(),
                None => text,
            }
        })
    };
    for (name, set, sent) in CASES {
        let mut jar = Jar::default();
        jar.store(&written_out(set), SIBLING);
        assert_eq!(
            jar.header("/auth/refresh").escape_ascii().to_string(),
            written_out(sent).escape_ascii().to_string(),
            "{name}"
        );
        // Set before our cookies and behind them, and sent in the order of the RFC.
        let tossed = jar.0.clone();
        for jar in [[tossed.clone(), ours.0.clone()], [ours.0.clone(), tossed]] {
            let cookies = Jar(jar.concat()).header("/auth/refresh");
            let answer = server
                .send(&Request::post("/auth/refresh").header("Cookie", cookies))
                .await;
            assert_eq!(answer.status, 200, "{name}");
            assert!(answer.set_cookies().is_empty(), "{name}");
        }
    }
}
