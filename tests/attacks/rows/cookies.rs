//! The `Cookie` header. Every row is sent to the refresh, and its like to the logout, which deletes whatever it sees.

use super::{logout, refresh};
use crate::support::{DAY, NEXT_REFRESH_SECRET, REFRESH_SECRET, Request, forge_like};
use crate::table::{
    Attack, Cookies, ENDED, Expected, LOGGED_IN, LOGGED_OUT, REFRESHED, Row, UNKNOWN, after,
    attacks, other,
};
use crate::victim::{Kind, Victim};

const MARKER: &str = "__Host-stateless-session";
const REFRESH: &str = "__Secure-stateless-session-refresh-";

pub fn rows(rows: &mut Vec<Row>, ada: &Victim, eve: &Victim) {
    let (marker, cookie, name) = (&*ada.marker, &*ada.cookie, &*ada.cookie_name);
    let (eves_marker, eves_cookie, eves_name) = (&*eve.marker, &*eve.cookie, &*eve.cookie_name);
    let ours = ada.cookies();
    let value = marker.split_once('=').unwrap().1;
    let token = &*ada.refresh;
    let of = ada.of(Kind::Refresh);
    let text = |text: String| text.into_bytes();
    let beside = |other: &str| text(format!("{other}; {ours}"));
    let lower = name.to_ascii_lowercase();
    let escaped = name.replacen("__", "%5F%5F", 1);
    let escaped_dash = name.replace('-', "%2D");
    let other_key = forge_like(token, &of.payload().to_string(), NEXT_REFRESH_SECRET);
    let other_session = {
        // Everything fits but the last characters of `sid`, which the name does not show.
        let sid = of.payload()["sid"].as_str().unwrap().to_owned();
        of.with("sid", format!("{}AAAAAAAAAAAAAA", &sid[..8]))
    };
    let mut row = |name: &str, line: Vec<u8>, expected: Expected| {
        let at_logout = format!("at logout: {name}");
        let signs_out = if expected.status == 431 || expected == other(400) {
            expected
        } else {
            logged_out(&line)
        };
        attacks!(rows, "Cookies": name => refresh(&line), expected; at_logout => logout(&line), signs_out;);
    };
    /// Rows, one a line, of one `Cookie` header each.
    macro_rules! lines {
        ($($name:expr => $line:expr, $expected:expr;)*) => { $(row($name, $line, $expected);)* };
    }
    lines! {
        "an empty header" => vec![], UNKNOWN;
        "no pair" => text(";; ; ;".into()), UNKNOWN;
        "a sibling alone" => text("theme=dark".into()), UNKNOWN;
        "the marker alone" => text(marker.into()), ENDED;
        "the refresh cookie alone" => text(cookie.into()), UNKNOWN;
        "an empty marker" => text(format!("{MARKER}=; {cookie}")), UNKNOWN;
        "an empty refresh cookie" => text(format!("{marker}; {name}=")), ENDED;
        "the marker without an equals sign" => text(format!("{MARKER}; {cookie}")), UNKNOWN;
        "the access token as refresh cookie" => text(ada.cookies_with(&ada.access)), UNKNOWN;
        "the access token, signed with the other key" => text(ada.cookies_with(&ada.of(Kind::Access).signed_with(REFRESH_SECRET))), UNKNOWN;
        "the marker as refresh cookie" => text(ada.cookies_with(value)), UNKNOWN;
        "a refresh token of another key" => text(ada.cookies_with(&other_key)), UNKNOWN;
        "a refresh token of another session" => text(ada.cookies_with(&other_session)), UNKNOWN;
        "junk as refresh cookie" => text(ada.cookies_with("junk")), UNKNOWN;
        "8 KB of junk as refresh cookie" => text(ada.cookies_with(&"x".repeat(8_192))), UNKNOWN;
        "two refresh cookies, the tossed one first" => text(format!("{marker}; {name}=junk; {cookie}")), REFRESHED;
        "two refresh cookies, the tossed one last" => text(format!("{marker}; {cookie}; {name}=junk")), REFRESHED;
        "two refresh cookies, the first of another user" => text(format!("{marker}; {name}={}; {cookie}", eve.refresh)), REFRESHED;
        "two refresh cookies, the last of another user" => text(format!("{marker}; {cookie}; {name}={}", eve.refresh)), REFRESHED;
        "two refresh cookies, both tossed" => text(format!("{marker}; {name}=junk; {name}={}", eve.refresh)), UNKNOWN;
        "200 refresh cookies before the one" => text(format!("{marker}; {}{cookie}", format!("{name}=junk; ").repeat(200))), REFRESHED;
        "a refresh cookie tossed without its marker" => beside(eves_cookie), REFRESHED;
        "a session tossed with its marker" => beside(&eve.cookies()), UNKNOWN;
        "a session tossed with its marker, behind" => text(format!("{ours}; {}", eve.cookies())), UNKNOWN;
        "another marker alone" => beside(eves_marker), UNKNOWN;
        "two markers that nobody knows" => text(format!("{MARKER}=AAAAAAAAAAAAAAAAAAAAAA; {MARKER}=BBBBBBBBBBBBBBBBBBBBBA")), UNKNOWN;
        "another marker beside the refresh cookie" => text(format!("{eves_marker}; {cookie}")), UNKNOWN;
        "the refresh token under another session's name" => text(format!("{marker}; {eves_name}={token}")), UNKNOWN;
        "the refresh token under a name that nobody has" => text(format!("{marker}; {REFRESH}AAAAAAAA={token}")), UNKNOWN;
        "another session's token under this name" => text(format!("{marker}; {name}={}", eve.refresh)), UNKNOWN;
        "a marker of another length" => text(format!("{MARKER}={}; {cookie}", &value[1..])), UNKNOWN;
        "a marker with a byte more" => text(format!("{MARKER}={value}A; {cookie}")), UNKNOWN;
        "a marker in quotes" => text(format!("{MARKER}=\"{value}\"; {cookie}")), UNKNOWN;
        "a marker that is percent-encoded" => text(format!("{MARKER}=%{:02X}{}; {cookie}", value.as_bytes()[0], &value[1..])), UNKNOWN;
        "a marker in plain base64" => text(format!("{MARKER}=++++++++++++++++++++//; {cookie}")), UNKNOWN;
        "a refresh token in quotes" => text(format!("{marker}; {name}=\"{token}\"")), UNKNOWN;
        "a percent-encoded name beside ours" => beside(&format!("{escaped}=junk")), REFRESHED;
        "a percent-encoded name for ours" => text(format!("{marker}; {escaped}={token}")), ENDED;
        "percent-encoded dashes in the name" => text(format!("{marker}; {escaped_dash}={token}")), ENDED;
        "a percent-encoded marker beside ours" => beside("%5F%5FHost-stateless-session=AAAAAAAAAAAAAAAAAAAAAA"), REFRESHED;
        "a percent-encoded marker for ours" => text(format!("%5F%5FHost-stateless-session={value}; {cookie}")), UNKNOWN;
        "the name in lower case" => text(format!("{marker}; {lower}={token}")), ENDED;
        "the marker's name in another case" => text(format!("__host-stateless-session={value}; {cookie}")), UNKNOWN;
        "the name without its prefix" => text(format!("{marker}; {}={token}", &name[9..])), ENDED;
        "the name with the marker's prefix" => text(format!("{marker}; {}={token}", name.replace("__Secure-", "__Host-"))), ENDED;
        "the marker's name with the other prefix" => text(format!("__Secure-stateless-session={value}; {cookie}")), UNKNOWN;
        "a longer name" => text(format!("{marker}; {name}x={token}")), ENDED;
        "a shorter name" => text(format!("{marker}; {}={token}", &name[..name.len() - 1])), ENDED;
        "the name in quotes" => text(format!("{marker}; \"{name}\"={token}")), ENDED;
        "a blank inside the name" => text(format!("{marker}; {}={token}", name.replace("-refresh", " -refresh"))), ENDED;
        "$Version" => beside("$Version=1; $Path=/auth; $Domain=example.com"), REFRESHED;
        "$Version and quotes around ours" => text(format!("$Version=1; {marker}; $Path=\"/\"; {cookie}; $Path=\"/auth\"")), REFRESHED;
        "blanks around equals signs" => text(format!("{MARKER} = {value} ; {name} = {token} ")), UNKNOWN;
        "a tab before the marker's equals sign" => text(format!("a=b;{MARKER}\t={value}; {cookie}")), UNKNOWN;
        "two blanks between pairs" => text(format!("{cookie};  {marker}")), UNKNOWN;
        "a blank before the first pair's name" => text(format!("a=b;  {marker}; {cookie}")), UNKNOWN;
        "quotes around the marker's value" => text(format!("{MARKER}=\"{value}\"; {cookie}")), UNKNOWN;
        "tabs between pairs" => text(format!("{marker};\t{cookie}")), ENDED;
        "no blank between pairs" => text(format!("{marker};{cookie}")), REFRESHED;
        "a comma between pairs" => text(format!("{marker}, {cookie}")), UNKNOWN;
        "a semicolon inside a quoted sibling" => beside("sibling=\"a; b\""), REFRESHED;
        "a session inside a quoted sibling" => beside(&format!("sibling=\"a; {eves_cookie}; b\"")), REFRESHED;
        "an open quote before ours" => beside("sibling=\"open"), REFRESHED;
        "a sibling without a name" => beside("=value"), REFRESHED;
        "our cookies behind a sibling without a name" => text(format!("{marker}; ={cookie}")), ENDED;
        "a sibling without an equals sign" => beside("sibling"), REFRESHED;
        "a sibling with byte 0xFF" => [b"sibling=\xff; ", ours.as_bytes()].concat(), REFRESHED;
        "a sibling's name with byte 0xFF" => [b"\xff=1; ", ours.as_bytes()].concat(), REFRESHED;
        "byte 0xFF behind our name" => [marker.as_bytes(), b"; ", name.as_bytes(), b"\xff=", token.as_bytes()].concat(), ENDED;
        "byte 0xFF as our short name" => [marker.as_bytes(), b"; ", REFRESH.as_bytes(), b"\xff\xff\xff\xff\xff\xff\xff\xff=1"].concat(), ENDED;
        "byte 0xFF in the marker" => [MARKER.as_bytes(), b"=\xff\xff; ", cookie.as_bytes()].concat(), UNKNOWN;
        "byte 0xFF in the refresh token" => [marker.as_bytes(), b"; ", cookie.as_bytes(), b"\xff"].concat(), UNKNOWN;
        "200 siblings" => beside(&"sibling=1; ".repeat(200)), REFRESHED;
        "5 000 siblings" => beside(&"s=1; ".repeat(5_000)), REFRESHED;
        "8 KB of a sibling" => beside(&format!("sibling={}", "x".repeat(8_192))), REFRESHED;
        "300 KB of semicolons" => beside(&";".repeat(300_000)), REFRESHED;
        "1 MB of a sibling" => beside(&format!("sibling={}", "x".repeat(1_000_000))), other(431);
        "CR in a sibling" => beside("sibling=a\rb"), other(400);
        "LF in a sibling" => beside("sibling=a\nb"), other(400);
        "NUL in a sibling" => beside("sibling=a\0b"), other(400);
        "CRLF in a sibling, which takes ours along into another header" => beside("sibling=a\r\nX-Injected: 1"), UNKNOWN;
        "the marker twice, the same" => beside(marker), REFRESHED;
        "the refresh cookie twice, the same" => beside(cookie), REFRESHED;
        "the session" => text(ours.clone()), REFRESHED;
    }
    let two_lines = |request: Request, first: &str, second: &str| {
        request.header("Cookie", first).header("Cookie", second)
    };
    let at_refresh = || Request::post("/auth/refresh");
    let expired: Attack = after(7 * DAY.cast_signed() + 5, refresh(&ours));
    attacks! { rows, "Cookies":
        "no header" => at_refresh(), UNKNOWN;
        "at logout: no header" => Request::post("/auth/logout"), logged_out(b"");
        "two lines, one cookie in each" => two_lines(at_refresh(), marker, cookie), REFRESHED;
        "two lines, the refresh cookie first" => two_lines(at_refresh(), cookie, marker), REFRESHED;
        "two lines, a marker in each" => two_lines(at_refresh(), &ours, eves_marker), UNKNOWN;
        "two lines, the first of them junk" => two_lines(at_refresh(), "\u{ff}=\"", &ours), REFRESHED;
        "at logout: two lines, a session in each" => two_lines(Request::post("/auth/logout"), &ours, &eve.cookies()), LOGGED_OUT;
        "Cookie2" => at_refresh().header("Cookie2", &ours), UNKNOWN;
        "Set-Cookie in a request" => at_refresh().header("Set-Cookie", &ours), UNKNOWN;
        "X-Cookie" => at_refresh().header("X-Cookie", &ours), UNKNOWN;
        "cookies in the query" => Request::post(&format!("/auth/refresh?{marker}&{cookie}")), UNKNOWN;
        "cookies in the body" => at_refresh().form(&format!("{marker}&{cookie}")), UNKNOWN;
        "the refresh token as Bearer" => at_refresh().header("Cookie", marker).bearer(token), ENDED;
        "an access token as Bearer" => at_refresh().bearer(&ada.access), UNKNOWN;
        "an expired session" => expired, ENDED;
        "an expired session beside a tossed cookie" => after(7 * DAY.cast_signed() + 5, refresh(format!("{ours}; {name}=junk"))), ENDED;
        "at login: the session of another" => super::login().header("Cookie", &ours), LOGGED_IN;
        "at login: a marker to be taken over" => super::login().header("Cookie", format!("{MARKER}=AAAAAAAAAAAAAAAAAAAAAA")), LOGGED_IN;
        "at login: byte 0xFF" => super::login().header("Cookie", b"\xff=\xff; __Host-stateless-session=\xff"), LOGGED_IN;
    }
}

/// What a logout deletes: what the request carries, by names alone.
fn logged_out(line: &[u8]) -> Expected {
    let line = line.split(|byte| *byte == b'\r').next().unwrap_or(line);
    let pairs = line.split(|byte| *byte == b';');
    let pairs = pairs.map(|pair| pair.strip_prefix(b" ").unwrap_or(pair));
    // The name of a refresh cookie ends with eight characters of the `sid`.
    let carries = |name: &str, length: usize| {
        let mut pairs = pairs.clone();
        pairs.any(|pair| pair.starts_with(name.as_bytes()) && pair.get(length) == Some(&b'='))
    };
    let cookies = if carries(MARKER, MARKER.len()) {
        Cookies::Deleted
    } else if carries(REFRESH, REFRESH.len() + 8) {
        Cookies::Swept
    } else {
        Cookies::Untouched
    };
    Expected {
        cookies,
        ..LOGGED_OUT
    }
}
