//! Methods, origins, paths and framing.

use super::{login, logout, refresh};
use crate::support::{HOUR, Request};
use crate::table::{
    ACCEPTED, Expected, FORBIDDEN, FOREIGN, INVALID, LOGGED_IN, LOGGED_OUT, MISSING, NOT_POST,
    OLD_LOGIN, REFRESHED, Row, STALE, after, attacks, other, raw,
};
use crate::victim::Victim;

/// Pages of other origins, and what only looks like one's own.
const ORIGINS: [(&str, &[&str], bool); 33] = [
    (
        "Sec-Fetch-Site same-origin",
        &["Sec-Fetch-Site: same-origin"],
        true,
    ),
    ("Sec-Fetch-Site none", &["Sec-Fetch-Site: none"], true),
    (
        "Sec-Fetch-Site same-site",
        &["Sec-Fetch-Site: same-site"],
        false,
    ),
    (
        "Sec-Fetch-Site cross-site",
        &["Sec-Fetch-Site: cross-site"],
        false,
    ),
    (
        "Sec-Fetch-Site in upper case",
        &["Sec-Fetch-Site: SAME-ORIGIN"],
        false,
    ),
    (
        "Sec-Fetch-Site unknown",
        &["Sec-Fetch-Site: same-planet"],
        false,
    ),
    (
        "Sec-Fetch-Site a list",
        &["Sec-Fetch-Site: same-origin, cross-site"],
        false,
    ),
    (
        "Sec-Fetch-Site a list, the other way round",
        &["Sec-Fetch-Site: cross-site, same-origin"],
        false,
    ),
    (
        "Sec-Fetch-Site in quotes",
        &["Sec-Fetch-Site: \"same-origin\""],
        false,
    ),
    (
        "Sec-Fetch-Site with parameters",
        &["Sec-Fetch-Site: same-origin;x"],
        false,
    ),
    (
        "Sec-Fetch-Site twice, the good one first",
        &["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
        false,
    ),
    (
        "Sec-Fetch-Site twice, the good one last",
        &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin"],
        false,
    ),
    (
        "Sec-Fetch-Site twice, the same",
        &["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"],
        false,
    ),
    (
        "Sec-Fetch-Site same-site from the own origin",
        &["Sec-Fetch-Site: same-site", "Origin: http://app.test"],
        false,
    ),
    (
        "Sec-Fetch-Site cross-site without a page",
        &["Sec-Fetch-Site: cross-site", "Origin: null"],
        false,
    ),
    ("Origin of the server", &["Origin: http://app.test"], true),
    (
        "Origin of the server behind TLS",
        &["Origin: https://app.test"],
        true,
    ),
    ("Origin null", &["Origin: null"], false),
    ("Origin empty, as no browser sends it", &["Origin: "], false),
    ("Origin elsewhere", &["Origin: https://evil.example"], false),
    (
        "Origin of another port",
        &["Origin: http://app.test:81"],
        false,
    ),
    (
        "Origin of another scheme",
        &["Origin: ftp://app.test"],
        false,
    ),
    ("Origin of a file", &["Origin: file://"], false),
    (
        "Origin of an extension",
        &["Origin: chrome-extension://abcdefghijklmnop"],
        false,
    ),
    (
        "Origin with a trailing dot",
        &["Origin: http://app.test."],
        false,
    ),
    (
        "Origin with userinfo",
        &["Origin: http://app.test@evil.example"],
        false,
    ),
    (
        "Origin with our userinfo",
        &["Origin: http://evil@app.test"],
        false,
    ),
    (
        "Origin of a subdomain",
        &["Origin: http://x.app.test"],
        false,
    ),
    (
        "Origin that begins alike",
        &["Origin: http://app.test.evil.example"],
        false,
    ),
    (
        "Origin that ends alike",
        &["Origin: http://evilapp.test"],
        false,
    ),
    (
        "Origin twice, the good one first",
        &["Origin: http://app.test", "Origin: http://evil.example"],
        false,
    ),
    (
        "Origin elsewhere and X-Forwarded-Host",
        &[
            "Origin: http://evil.example",
            "X-Forwarded-Host: evil.example",
        ],
        false,
    ),
    (
        "Origin elsewhere and Forwarded",
        &[
            "Origin: http://evil.example",
            "Forwarded: host=evil.example;proto=http",
        ],
        false,
    ),
];

pub fn rows(rows: &mut Vec<Row>, ada: &Victim) {
    let cookies = ada.cookies();
    let token = &*ada.access;
    for (name, headers, passes) in ORIGINS {
        let from = |request: Request| {
            let request = request.header("Host", "app.test");
            let headers = headers.iter().filter_map(|header| header.split_once(": "));
            headers.fold(request, |request, (name, value)| {
                request.header(name, value)
            })
        };
        let expected = |expected: Expected| if passes { expected } else { FOREIGN };
        attacks! { rows, "HTTP":
            format!("at login: {name}") => from(login()), expected(LOGGED_IN);
            format!("at refresh: {name}") => from(refresh(&cookies)), expected(REFRESHED);
            format!("at logout: {name}") => from(logout(&cookies)), expected(LOGGED_OUT);
        }
    }
    for method in [
        "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post", "BREW",
    ] {
        let at = |target: &str| Request::new(method, target).header("Cookie", &cookies);
        attacks! { rows, "HTTP":
            format!("at refresh: {method}") => at("/auth/refresh"), NOT_POST;
            format!("at logout: {method}") => at("/auth/logout"), NOT_POST;
            format!("at login: {method}") => at("/login"), other(405);
            format!("{method} without a token") => at("/me"), if method == "GET" { MISSING } else { other(405) };
        }
    }
    let at = |target: &str| Request::post(target).header("Cookie", &cookies);
    for route in ["refresh", "logout"] {
        let (upper, rest) = (route.to_uppercase(), &route[1..]);
        attacks! { rows, "HTTP":
            format!("at {route}: the path in upper case") => at(&format!("/AUTH/{route}")), other(404);
            format!("at {route}: the route in upper case") => at(&format!("/auth/{upper}")), other(404);
            format!("at {route}: two slashes") => at(&format!("//auth/{route}")), other(404);
            format!("at {route}: two slashes inside") => at(&format!("/auth//{route}")), other(404);
            format!("at {route}: an escaped slash") => at(&format!("/auth%2F{route}")), other(404);
            format!("at {route}: an escaped letter") => at(&format!("/auth/%{:02x}{rest}", route.as_bytes()[0])), other(404);
            format!("at {route}: a trailing slash") => at(&format!("/auth/{route}/")), other(404);
            format!("at {route}: a dot segment") => at(&format!("/auth/./{route}")), other(404);
            format!("at {route}: two dot segments") => at(&format!("/x/../auth/{route}")), other(404);
            format!("at {route}: a path parameter") => at(&format!("/auth/{route};x=1")), other(404);
            format!("at {route}: an escaped NUL") => at(&format!("/auth/{route}%00")), other(404);
            format!("at {route}: a backslash") => at(&format!("/auth\\{route}")), other(404);
            format!("at {route}: the target with another host, from elsewhere") => at(&format!("http://app.test/auth/{route}")).header("Origin", "http://evil.example"), FOREIGN;
            format!("at {route}: a target of 70 KB") => at(&format!("/auth/{route}?{}", "x".repeat(70_000))), other(414);
        }
    }
    let head = |lines: &str| {
        raw(format!(
            "POST /auth/refresh HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n{lines}\r\n"
        ))
    };
    let preflight = |target: &str| {
        Request::new("OPTIONS", target)
            .header("Origin", "https://evil.example")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization")
    };
    let big = "x".repeat(10_000_000);
    let todo = || Request::new("DELETE", "/todos/1");
    attacks! { rows, "HTTP":
        "at refresh: HEAD" => Request::new("HEAD", "/auth/refresh").header("Cookie", &cookies), other(405);
        "at logout: HEAD" => Request::new("HEAD", "/auth/logout").header("Cookie", &cookies), other(405);
        "at refresh: CONNECT" => raw("CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"), other(404);
        "GET that says it is POST" => Request::get("/auth/refresh").header("X-HTTP-Method-Override", "POST").header("Cookie", &cookies), NOT_POST;
        "GET that says it is POST, in the query" => Request::get("/auth/logout?_method=POST").header("Cookie", &cookies), NOT_POST;
        "POST that says it is DELETE" => Request::post("/todos/1").header("X-HTTP-Method-Override", "DELETE").bearer(token), other(405);
        "POST that says it is DELETE, in a form" => Request::post("/todos/1").bearer(token).form("_method=DELETE"), other(405);
        "at refresh: preflight from elsewhere" => preflight("/auth/refresh"), NOT_POST;
        "at logout: preflight from elsewhere" => preflight("/auth/logout"), NOT_POST;
        "at login: preflight from elsewhere" => preflight("/login"), other(405);
        "at a handler: preflight from elsewhere" => preflight("/me"), other(405);
        "at a handler: a token from elsewhere" => Request::get("/me").bearer(token).header("Sec-Fetch-Site", "cross-site").header("Origin", "https://evil.example"), ACCEPTED;

        "at refresh: a form" => at("/auth/refresh").form("a=b"), REFRESHED;
        "at refresh: multipart" => at("/auth/refresh").header("Content-Type", "multipart/form-data; boundary=x").body("--x--\r\n"), REFRESHED;
        "at refresh: plain text" => at("/auth/refresh").header("Content-Type", "text/plain").body("a=b"), REFRESHED;
        "at refresh: JSON that names another subject" => at("/auth/refresh").json(r#"{"sub":"3","role":"Admin"}"#), REFRESHED;
        "at refresh: 10 MB" => at("/auth/refresh").body(&big), REFRESHED;
        "at refresh: a body that never comes" => at("/auth/refresh").endless_body(), REFRESHED;
        "at refresh: a form from elsewhere" => at("/auth/refresh").header("Sec-Fetch-Site", "cross-site").form("a=b"), FOREIGN;
        "at logout: a form" => at("/auth/logout").form("a=b"), LOGGED_OUT;
        "at logout: multipart" => at("/auth/logout").header("Content-Type", "multipart/form-data; boundary=x").body("--x--\r\n"), LOGGED_OUT;
        "at logout: 10 MB" => at("/auth/logout").body(&big), LOGGED_OUT;
        "at logout: a body that never comes" => at("/auth/logout").endless_body(), LOGGED_OUT;
        "at logout: a form from elsewhere" => at("/auth/logout").header("Sec-Fetch-Site", "same-site").form("a=b"), FOREIGN;
        "at login: a form for JSON" => Request::post("/login").form("user=1"), other(415);
        "at login: no body" => Request::post("/login"), other(415);
        "at login: half of an object" => Request::post("/login").json(r#"{"user":"#), other(400);
        "at login: another type" => Request::post("/login").json(r#"{"user":"1"}"#), other(422);
        "at login: 10 MB" => Request::post("/login").json(&big), other(413);
        "at login: a form from elsewhere, before its body is read" => Request::post("/login-form").header("Sec-Fetch-Site", "cross-site").endless_body(), FOREIGN;
        "at a handler: 10 MB without a token" => Request::post("/me").body(&big), MISSING;
        "at a handler: 10 MB with a token" => Request::post("/me").bearer(token).body(&big), other(413);
        "at a handler: a body that never comes, without a token" => Request::post("/me").endless_body(), MISSING;
        "at a handler: a body that never comes, with a bad token" => Request::post("/me").bearer("x").endless_body(), INVALID;

        "at a guard: no token" => todo(), MISSING;
        "at a guard: a bad token" => todo().bearer("x"), INVALID;
        "at a guard: a token of no such role" => todo().bearer(token), FORBIDDEN;
        "at a guard: a token of no such role, and a path that does not parse" => Request::new("DELETE", "/todos/x").bearer(token), FORBIDDEN;
        "at a guard: the role in the query" => Request::new("DELETE", "/todos/1?role=Admin").bearer(token), FORBIDDEN;
        "at a guard: the role in a header" => todo().bearer(token).header("X-Role", "Admin"), FORBIDDEN;
        "at a guard: the role in a cookie" => todo().bearer(token).header("Cookie", "role=Admin"), FORBIDDEN;
        "at a guard: the role in JSON" => todo().bearer(token).json(r#"{"role":"Admin"}"#), FORBIDDEN;
        "at a guard: a role that the refresh token claims" => todo().bearer(&ada.of(crate::victim::Kind::Refresh).with("role", "Admin")), INVALID;
        "at a guard: stale claims" => after(31, Request::get("/fresh").bearer(token)), STALE;
        "at a guard: an old login" => after(301, Request::get("/recent").bearer(token)), OLD_LOGIN;
        "at a guard: an old login, expired" => after(HOUR.cast_signed(), Request::get("/recent").bearer(token)), INVALID;

        "the path's own folder" => at("/auth"), other(404);
        "a query" => at("/auth/refresh?redirect=https://evil.example"), REFRESHED;
        "a route that does not exist" => at("/auth/login"), other(404);
        "the target with a host" => at("http://app.test/auth/refresh"), REFRESHED;

        "no Host" => raw("POST /auth/refresh HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), crate::table::UNKNOWN;
        "no Host, from elsewhere" => raw("POST /auth/refresh HTTP/1.1\r\nConnection: close\r\nOrigin: http://evil.example\r\n\r\n"), FOREIGN;
        "two Hosts" => head(&format!("Host: evil.example\r\nOrigin: http://evil.example\r\nCookie: {cookies}\r\n")), FOREIGN;
        "HTTP/1.0" => raw(format!("POST /auth/refresh HTTP/1.0\r\nCookie: {cookies}\r\n\r\n")), REFRESHED;
        "HTTP/0.9" => raw("GET /me\r\n\r\n"), other(400);
        "HTTP/3.0" => raw("GET /me HTTP/3.0\r\n\r\n"), other(400);
        "TLS" => raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), other(400);
        "a blank before a colon" => head(&format!("Cookie : {cookies}\r\n")), other(400);
        "a folded header" => head(&format!("Cookie: {}\r\n {}\r\n", ada.marker, ada.cookie)), other(400);
        "NUL in a header's name" => head("X\0: 1\r\n"), other(400);
        "a header without a colon" => head("Cookie\r\n"), other(400);
        "101 headers" => head(&"X: 1\r\n".repeat(101)), other(431);
        "two lengths" => head("Content-Length: 0\r\nContent-Length: 5\r\n"), other(400);
        "a negative length" => head("Content-Length: -1\r\n"), other(400);
        "a length and chunks, of which the chunks count" => head(&format!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nCookie: {cookies}\r\n\r\n0\r\n")), REFRESHED;
        "chunks of no length" => head(&format!("Transfer-Encoding: chunked\r\nCookie: {cookies}\r\n\r\nZ\r\n")), REFRESHED;
        "an encoding that nobody knows" => head("Transfer-Encoding: x\r\n"), other(400);
        "a request behind the request" => raw(format!("POST /auth/refresh HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\nPOST /auth/logout HTTP/1.1\r\nHost: app.test\r\nCookie: {cookies}\r\n\r\n")), crate::table::UNKNOWN;
        "an upgrade" => at("/auth/refresh").header("Upgrade", "h2c").header("HTTP2-Settings", "AAAA"), REFRESHED;
        "Expect: 100-continue" => at("/auth/refresh").header("Expect", "100-continue").endless_body(), REFRESHED;
    }
}
