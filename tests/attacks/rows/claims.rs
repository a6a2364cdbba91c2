//! Claims, all of them under the right header and correctly signed.

use super::{present, suffix};
use crate::support::{DAY, MINUTE, START};
use crate::table::{
    ACCEPTED, ENDED, Expected, INVALID, OUTAGE, RENEWED, Row, UNKNOWN, after, attacks, other,
};
use crate::victim::{Forger, Kind, Victim};

/// What is no time.
const NO_TIMES: [(&str, &str); 14] = [
    ("null", "null"),
    ("true", "true"),
    ("a string", "\"1800000000\""),
    ("a fraction", "1800000000.5"),
    ("a fraction of zero", "1800000000.0"),
    ("with an exponent", "18e8"),
    ("1e300", "1e300"),
    ("1e999", "1e999"),
    ("negative", "-1"),
    ("minus zero", "-0"),
    ("2^64", "18446744073709551616"),
    ("2^128", "340282366920938463463374607431768211456"),
    ("an array", "[1800000000]"),
    ("an object", "{}"),
];

/// What is no string.
const NO_STRINGS: [(&str, &str); 7] = [
    ("null", "null"),
    ("true", "true"),
    ("a number", "7"),
    ("an empty array", "[]"),
    ("an array of one", "[\"x\"]"),
    ("a mixed array", "[\"x\",7]"),
    ("an object", "{}"),
];

pub fn rows(rows: &mut Vec<Row>, ada: &Victim, kind: Kind) {
    let of = ada.of(kind);
    let refused = match kind {
        Kind::Access => INVALID,
        Kind::Refresh => UNKNOWN,
    };
    let claims = of.payload().to_string();
    let (issuer, audience, other_audience) = {
        let text = |name: &str| of.payload()[name].as_str().unwrap().to_owned();
        let audience = text("aud");
        let other = match kind {
            Kind::Access => format!("{audience}#refresh"),
            Kind::Refresh => audience.trim_end_matches("#refresh").to_owned(),
        };
        (text("iss"), audience, other)
    };
    let mut row = |name: &str, token: String, expected: Expected| {
        let name = format!("{name}{}", suffix(kind));
        attacks!(rows, "Claims": name => present(ada, kind, &token), expected;);
    };
    /// Rows, one a line, of tokens that are refused.
    macro_rules! refuse {
        ($($name:expr => $token:expr;)*) => { $(row($name, $token, refused);)* };
    }

    for name in ["exp", "iat", "auth_time", "nbf"] {
        for (what, json) in NO_TIMES {
            row(&format!("{name} {what}"), of.with_json(name, json), refused);
        }
    }
    for name in ["iss", "aud", "sub", "sid", "jti"] {
        for (what, json) in NO_STRINGS {
            row(&format!("{name} {what}"), of.with_json(name, json), refused);
        }
    }
    for name in ["iss", "aud", "sub", "sid", "auth_time", "iat", "exp"] {
        row(&format!("{name} missing"), of.without(name), refused);
        let value = of.payload()[name].to_string();
        row(
            &format!("{name} twice"),
            of.repeating(&format!(r#""{name}":{value}"#)),
            refused,
        );
        let escaped = format!(r"\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        row(
            &format!("{name} twice, once escaped"),
            of.repeating(&format!(r#""{escaped}":{value}"#)),
            refused,
        );
        row(
            &format!("{name} in upper case"),
            of.replacing(
                &format!("\"{name}\""),
                &format!("\"{}\"", name.to_uppercase()),
            ),
            refused,
        );
        row(
            &format!("{name} escaped, once"),
            of.replacing(&format!("\"{name}\""), &format!("\"{escaped}\"")),
            ACCEPTED,
        );
    }
    refuse! {
        "nbf twice" => of.repeating(r#""nbf":1,"nbf":1"#);
        "jti twice" => of.repeating(r#""jti":"1","jti":"1""#);
        "sub empty" => of.with("sub", "");
        "sub with NUL" => of.with("sub", "1\0");
        "sub with DEL" => of.with("sub", "1\u{7f}");
        "sub with a line feed" => of.with("sub", "1\n");
        "sub of 256 bytes" => of.with("sub", "1".repeat(256));
        "sub of 10 KB" => of.with("sub", "1".repeat(10_000));
        "sub with a leading zero" => of.with("sub", "01");
        "sub with a sign" => of.with("sub", "+1");
        "sub with a blank" => of.with("sub", " 1");
        "sub a fraction in a string" => of.with("sub", "1.0");
        "sub hexadecimal" => of.with("sub", "0x1");
        "sub beyond its type" => of.with("sub", "9223372036854775808");
        "sub in full-width digits" => of.with("sub", "１");
        "sub a lone surrogate" => of.with_json("sub", r#""\ud800""#);
        "iss empty" => of.with("iss", "");
        "iss of another" => of.with("iss", "mallory");
        "the issuer in upper case" => of.with("iss", issuer.to_uppercase());
        "iss with a slash behind it" => of.with("iss", format!("{issuer}/"));
        "iss with a blank behind it" => of.with("iss", format!("{issuer} "));
        "iss with NUL behind it" => of.with("iss", format!("{issuer}\0"));
        "iss an array with ours" => of.with("iss", vec![issuer.clone()]);
        "aud empty" => of.with("aud", "");
        "aud of another" => of.with("aud", "mallory");
        "aud of the other kind" => of.with("aud", other_audience.clone());
        "the audience in upper case" => of.with("aud", audience.to_uppercase());
        "aud with a slash behind it" => of.with("aud", format!("{audience}/"));
        "aud with a fragment twice" => of.with("aud", format!("{audience}#refresh#refresh"));
        "aud of a struct of the same name" => of.with("aud", audience.replace("attacks::app", "other"));
        "aud an array with ours" => of.with("aud", vec![audience.clone()]);
        "aud an array with ours and another" => of.with("aud", vec![audience.clone(), "x".to_owned()]);
        "sid empty" => of.with("sid", "");
        "sid of another length" => of.with("sid", "AAAA");
        "sid with unused bits" => of.with("sid", "AAAAAAAAAAAAAAAAAAAAAB");
        "sid in plain base64" => of.with("sid", "++++++++++++++++++++/A");
        "iat 2^63" => of.with("iat", 1_u64 << 63);
        "iat 2^64-1" => of.with("iat", u64::MAX);
        "auth_time 2^64-1" => of.with("auth_time", u64::MAX);
        "nbf 2^64-1" => of.with("nbf", u64::MAX);
        "the payload an array" => of.with_payload("[]");
        "the payload an array of the claims" => of.with_payload(format!("[{claims}]"));
        "the payload a string" => of.with_payload("\"x\"");
        "the payload a number" => of.with_payload("1");
        "the payload null" => of.with_payload("null");
        "the payload empty" => of.with_payload("");
        "the payload an empty object" => of.with_payload("{}");
        "two objects" => of.with_payload(format!("{claims}{claims}"));
        "an object and a word behind it" => of.with_payload(format!("{claims}x"));
        "an object and NUL behind it" => of.with_payload(format!("{claims}\0"));
        "a trailing comma" => of.replacing("}", ",}");
        "a leading comma" => of.replacing("{", "{,");
        "a byte order mark" => of.with_payload(format!("\u{feff}{claims}"));
        "UTF-16" => of.with_payload(claims.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>());
        "NaN" => of.replacing(&START.to_string(), "NaN");
        "Infinity" => of.replacing(&START.to_string(), "Infinity");
        "a number with a leading zero" => of.replacing(&START.to_string(), "01800000000");
        "a number with a plus" => of.replacing(&START.to_string(), "+1800000000");
        "a hexadecimal number" => of.replacing(&START.to_string(), "0x6B49D200");
        "single quotes" => of.with_payload(claims.replace('"', "'"));
        "names without quotes" => of.replacing("\"exp\"", "exp");
        "a comment" => of.replacing("{", "{/* */");
        "an object that never ends" => of.with_payload(claims.trim_end_matches('}'));
        "an object and half of one" => of.with_payload(format!("{claims}{{"));
        "bytes that are no UTF-8 in a claim that nobody reads" => of.with_payload(with_bytes(&claims, br#""x":"?","#));
        "bytes that are no UTF-8 in a name" => of.with_payload(with_bytes(&claims, br#""?":1,"#));
        "an overlong NUL" => of.with_payload(with_bytes(&claims, b"\"x\":\"\xc0\x80\","));
        "a surrogate in UTF-8" => of.with_payload(with_bytes(&claims, b"\"x\":\"\xed\xa0\x80\","));
        "a lone surrogate in a name" => of.repeating(r#""\ud800":1"#);
        "a line feed in a string" => of.repeating("\"x\":\"\n\"");
        "5 KB" => of.with("x", "x".repeat(5_000));
        "20 000 keys" => of.repeating(&keys(20_000));
        "10 000 deep" => of.with_json("x", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    }

    for (name, token) in [
        ("an unknown claim", of.with("x", "y")),
        (
            "an unknown object",
            of.with_json("x", r#"{"exp":0,"exp":1}"#),
        ),
        ("an unknown claim twice", of.repeating(r#""x":1,"x":2"#)),
        (
            "an unknown claim 200 deep",
            of.with_json("x", &format!("{}{}", "[".repeat(200), "]".repeat(200))),
        ),
        (
            "a lone surrogate in a claim that nobody reads",
            of.with_json("x", r#""\ud800""#),
        ),
        (
            "__proto__",
            of.with_json("__proto__", r#"{"role":"Admin"}"#),
        ),
        (
            "constructor",
            of.with_json("constructor", r#"{"prototype":{"role":"Admin"}}"#),
        ),
        ("an empty name", of.with("", 1)),
        ("alg in the payload", of.with("alg", "none")),
        (
            "a key that it is bound to",
            of.with_json("cnf", r#"{"jkt":"x"}"#),
        ),
        ("an actor", of.with_json("act", r#"{"sub":"3"}"#)),
    ] {
        // Only what was written here is in a refresh token, so what is unknown may limit it.
        let expected = match kind {
            Kind::Access => ACCEPTED,
            Kind::Refresh => UNKNOWN,
        };
        row(name, token, expected);
    }
    for (name, token) in [
        (
            "blanks between the members",
            of.with_payload(claims.replace(',', " ,\t\r\n ")),
        ),
        (
            "blanks around the object",
            of.with_payload(format!(" \t{claims}\r\n")),
        ),
        ("sub escaped", of.with_json("sub", r#""\u0031""#)),
        ("nbf now", of.with("nbf", START)),
        ("nbf within the leeway", of.with("nbf", START + 5)),
        ("iat within the leeway", of.with("iat", START + 5)),
        (
            "auth_time within the leeway",
            of.with("auth_time", START + 5),
        ),
        ("jti", of.with("jti", "7")),
        ("exp 2^63", of.with("exp", 1_u64 << 63)),
        ("exp 2^64-1", of.with("exp", u64::MAX)),
        ("exp 400 days from now", of.with("exp", START + 400 * DAY)),
    ] {
        row(name, token, ACCEPTED);
    }
    let (ahead, over, last, lifetime) = match kind {
        Kind::Access => (INVALID, INVALID, 15 * MINUTE + 4, 15 * MINUTE),
        Kind::Refresh => (OUTAGE, ENDED, 7 * DAY + 4, 7 * DAY),
    };
    row("nbf behind the leeway", of.with("nbf", START + 6), ahead);
    row("iat behind the leeway", of.with("iat", START + 6), ahead);
    row(
        "auth_time behind the leeway",
        of.with("auth_time", START + 6),
        ahead,
    );
    row("iat a day ahead", of.with("iat", START + DAY), ahead);
    row(
        "iat more than a day ahead",
        of.with("iat", START + DAY + 1),
        refused,
    );
    let still = match kind {
        Kind::Access => ACCEPTED,
        Kind::Refresh => RENEWED,
    };
    row("exp now", of.with("exp", START), still);
    row("exp within the leeway", of.with("exp", START - 4), still);
    row("exp zero", of.with("exp", 0), over);
    row("iat zero", of.with("iat", 0), over);
    row("auth_time zero", of.with("auth_time", 0), over);
    row(
        "exp at the end of the leeway",
        of.with("exp", START - 5),
        over,
    );
    row("exp long ago", of.with("exp", START - 400 * DAY), over);
    row(
        "iat a lifetime ago",
        of.with("iat", START - lifetime - 5),
        over,
    );
    row(
        "iat a lifetime ago, exp far ahead",
        far(&of, "iat", START - lifetime - 5),
        over,
    );
    row(
        "auth_time an absolute lifetime ago",
        far(&of, "auth_time", START - 30 * DAY - 5),
        over,
    );
    if kind == Kind::Access {
        row("100 000 keys", of.repeating(&keys(100_000)), other(431));
        for (name, token) in [
            ("role missing", of.without("role")),
            ("role twice", of.repeating(r#""role":"Admin""#)),
            (
                "role twice, once escaped",
                of.repeating(r#""\u0072ole":"Admin""#),
            ),
            ("role of none of its values", of.with("role", "Root")),
            ("role in lower case", of.with("role", "admin")),
            ("role null", of.with("role", ())),
            ("role an array", of.with("role", vec!["Admin"])),
            ("role a number", of.with("role", 0)),
            ("generation a string", of.with("generation", "0")),
            ("generation negative", of.with("generation", -1)),
            ("generation a fraction", of.with("generation", 0.5)),
            (
                "generation beyond its type",
                of.with("generation", 1_u64 << 32),
            ),
            ("generation twice", of.repeating(r#""generation":0"#)),
        ] {
            row(name, token, INVALID);
        }
    } else {
        for (name, token) in [
            ("gen a string", of.with("gen", "0")),
            ("gen null", of.with("gen", ())),
            ("gen negative", of.with("gen", -1)),
            ("gen a fraction", of.with("gen", 0.5)),
            ("gen twice", of.repeating(r#""gen":0"#)),
            ("gen twice, once escaped", of.repeating(r#""\u0067en":0"#)),
            (
                "sid of another session",
                of.with("sid", "AAAAAAAAAAAAAAAAAAAAAA"),
            ),
        ] {
            row(name, token, UNKNOWN);
        }
        row(
            "gen of another generation",
            of.with("gen", 1),
            ENDED.asked(),
        );
        row(
            "gen missing, where the user stands at 0",
            of.without("gen"),
            ACCEPTED,
        );
        row("sub of nobody", of.with("sub", "404"), ENDED.asked());
        row(
            "claims of the access token",
            of.with("role", "Admin"),
            UNKNOWN,
        );
    }

    let far_ahead = of.with("exp", u64::MAX);
    for (name, seconds, token, expected) in [
        ("in the last second of the leeway", last, of.token, still),
        ("behind the leeway", last + 1, of.token, over),
        (
            "exp far ahead, behind the lifetime",
            last + 1,
            &far_ahead,
            over,
        ),
    ] {
        let name = format!("{name}{}", suffix(kind));
        let attack = after(seconds.cast_signed(), present(ada, kind, token));
        attacks!(rows, "Claims": name => attack, expected;);
    }
}

/// Another value, with an `exp` that would outlive it.
fn far(of: &Forger<'_>, name: &str, value: u64) -> String {
    let mut claims = of.payload();
    claims[name] = value.into();
    claims["exp"] = u64::MAX.into();
    of.with_payload(claims.to_string())
}

/// The claims with other members before them, in which `?` is a byte that is no UTF-8.
fn with_bytes(claims: &str, members: &[u8]) -> Vec<u8> {
    let members = members
        .iter()
        .map(|byte| if *byte == b'?' { 0xff } else { *byte });
    let members: Vec<u8> = members.collect();
    [b"{", &*members, &claims.as_bytes()[1..]].concat()
}

fn keys(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|n| format!(r#""k{n}":0"#)).collect();
    members.join(",")
}
