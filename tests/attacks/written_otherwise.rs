//! A payload that begins as it is written here is read without a parser, and one with a blank in front by the general
//! reader. Whatever stands in it, correctly signed, both say the same. `WRITTEN_OTHERWISE` sets how many are tried.

use std::collections::BTreeMap;
use std::fmt::Debug;

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateless_session::{Session, SessionClaims, Sessions, stateless_session};

use crate::app::App;
use crate::door;
use crate::support::{
    ACCESS_SECRET, HeldClock, REFRESH_SECRET, keys, payload, payload_as_written, sign,
};
use crate::victim::Victim;

/// About ten seconds of them without optimization.
const PAYLOADS: u64 = 20_000;

#[stateless_session(access = "15m", refresh = "7d", issuer = "a", audience = "b")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Texts {
    sub: String,
    name: String,
    role: Option<String>,
}

#[stateless_session(access = "15m", refresh = "7d", issuer = "a", audience = "b")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    sub: u64,
}

/// Takes whatever comes, in its order.
#[stateless_session(access = "15m", refresh = "7d", issuer = "a", audience = "b")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Anything {
    sub: String,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Numbers that are the same in every run (Steele and others: Fast Splittable Pseudorandom Number Generators, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % limit).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// What means something to a reader of JSON, or of tokens.
const TEXTS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\\"",
    b",",
    b",\"",
    b"{",
    b"}",
    b"{}",
    b"[",
    b":",
    b" ",
    b"\t",
    b"\n",
    b"\0",
    b"\x7f",
    b"\x1f",
    b"\xff",
    b"\xc3",
    "é".as_bytes(),
    "\u{2028}".as_bytes(),
    b"\\u0061",
    b"\\ud800",
    b"0",
    b"-",
    b"+",
    b".0",
    b"e0",
    b"9",
    b"1800000000",
    b"18446744073709551615",
    b"18446744073709551616",
    b"null",
    b"true",
    b"\"sub\"",
    b"\"exp\":",
    b",\"sub\":\"ada\"",
    b",\"\\u0073ub\":\"ada\"",
    b",\"sid\":\"ilvbTMFRZBJsbvJmjendJA\"",
    b",\"exp\":1800000900",
    b",\"iat\":1800000000",
    b",\"auth_time\":1800000000",
    b",\"auth_age\":5",
    b",\"auth_age\":0",
    b",\"nbf\":1800000000",
    b",\"jti\":\"1\"",
    b",\"iss\":\"a\"",
    b",\"aud\":\"b\"",
    b",\"gen\":0",
    b",\"name\":\"Ada\"",
    b",\"x\":[[{}]]",
    b",\"cnf\":{}",
    b",\"persistent\":false",
];

/// Changes a payload in up to four places, mostly behind its first members.
fn mutate(payload: &[u8], random: &mut Random) -> Vec<u8> {
    let mut payload = payload.to_vec();
    for _ in 0..random.below(5) {
        let at = random.below(payload.len() + 1);
        let length = random.of(&[&0_usize, &0, &1, &1, &2, &10, &30]).to_owned();
        let end = payload.len().min(at + length);
        match random.below(6) {
            // another text in its place, or none
            0 | 1 => drop(payload.splice(at..end, random.of(TEXTS).iter().copied())),
            2 => drop(payload.drain(at..end)),
            // the same twice
            3 => {
                let again = payload[at..end].to_vec();
                payload.splice(at..at, again);
            }
            // from elsewhere
            4 => {
                let from = random.below(payload.len() + 1);
                let other = payload[from..payload.len().min(from + length)].to_vec();
                payload.splice(at..end, other);
            }
            _ => {
                if let Some(byte) = payload.get_mut(at) {
                    *byte = byte.wrapping_add(u8::try_from(1 << random.below(8)).unwrap_or(1));
                }
            }
        }
    }
    payload
}

const OTHERS: [&str; 24] = [
    r#""sub":"7""#,
    r#""sub":"007""#,
    r#""sub":"""#,
    r#""sub":7"#,
    r#""sub":"ém""#,
    r#""sub":"a\u0064a""#,
    r#""sub":"\"""#,
    r#""sub":"\\""#,
    "\"sub\":\"a\u{7f}\"",
    "\"sub\":\"a\u{1}\"",
    r#""sid":"AAAAAAAAAAAAAAAAAAAAAB""#,
    r#""sid":"AAAAAAAAAAAAAAAAAAAA\u0041""#,
    r#""auth_age":600"#,
    r#""auth_time":0"#,
    r#""auth_time":-1"#,
    r#""iat":"1800000000""#,
    r#""exp":01800000900"#,
    r#""exp":1800000900.0"#,
    r#""exp":18446744073709551616"#,
    r#""nbf":1800000000"#,
    r#""jti":"x""#,
    r#""gen":1"#,
    r#""role":"admin""#,
    r#""name":"x""#,
];

/// A member more or less between members, and other values, which a change of bytes seldom makes.
fn rearrange(payload: &str, random: &mut Random) -> Vec<u8> {
    let mut members: Vec<&str> = payload.trim_matches(['{', '}']).split(',').collect();
    for _ in 0..random.below(3) {
        let at = random.below(members.len());
        match random.below(5) {
            0 => drop(members.remove(at)),
            1 => members.insert(at, members[random.below(members.len())]),
            2 => {
                let to = random.below(members.len());
                members.swap(at, to);
            }
            _ => {
                let other = random.of(&OTHERS);
                let name = other.split(':').next().unwrap();
                match members.iter_mut().find(|member| member.starts_with(name)) {
                    Some(member) if random.below(3) > 0 => *member = other,
                    _ => members.insert(at + random.below(2), other),
                }
            }
        }
        if members.is_empty() {
            break;
        }
    }
    format!("{{{}}}", members.join(",")).into_bytes()
}

fn signed(header: &str, payload: &[u8], secret: &str) -> String {
    sign(
        &format!("{header}.{}", URL_SAFE_NO_PAD.encode_to_string(payload)),
        secret,
    )
}

fn payloads() -> u64 {
    match std::env::var("WRITTEN_OTHERWISE") {
        Ok(count) => count.parse().unwrap(),
        Err(_) => PAYLOADS,
    }
}

/// All that a session says.
fn said<C: Debug>(session: &Session<C>) -> String {
    let claims: &C = session;
    format!("{session:?} {} {claims:?}", session.sid())
}

struct Tried {
    counted: u64,
    refused: u64,
}

impl Tried {
    fn both<T: PartialEq + Debug>(&mut self, payload: &[u8], one: Option<&T>, other: Option<&T>) {
        let text = String::from_utf8_lossy(payload);
        assert_eq!(one, other, "{text}");
        match one {
            Some(_) => self.counted += 1,
            None => self.refused += 1,
        }
    }
}

fn access_tokens_read_alike<C: SessionClaims + Clone + Debug>(claims: &[C], share: u64) {
    let clock = HeldClock::new();
    let sessions = clock.hold(Sessions::<C>::new(keys()));
    let tokens = claims.iter().map(|claims| {
        let login = sessions.login_checked_elsewhere(claims.clone()).unwrap();
        login.access_token().to_owned()
    });
    let tokens: Vec<String> = tokens.collect();
    let header = tokens[0].split('.').next().unwrap();
    let mut tried = Tried {
        counted: 0,
        refused: 0,
    };
    for case in 0..payloads() / share {
        let mut random = Random(case);
        let written = payload_as_written(&tokens[random.below(tokens.len())]);
        let payload = match random.below(3) {
            0 => rearrange(&written, &mut random),
            _ => mutate(written.as_bytes(), &mut random),
        };
        let verify = |payload: &[u8]| {
            let token = signed(header, payload, ACCESS_SECRET);
            sessions.verify(&token).ok().map(|session| said(&session))
        };
        tried.both(
            &payload,
            verify(&payload).as_ref(),
            verify(&[b" ", &*payload].concat()).as_ref(),
        );
    }
    assert!(tried.counted > tried.refused / 20 && tried.refused > tried.counted / 20);
}

#[test]
fn an_access_token_of_texts_reads_alike() {
    let claims = |sub: &str, role: Option<&str>| Texts {
        sub: sub.to_owned(),
        name: "Ada \"Countess\" L\u{f6}velace".to_owned(),
        role: role.map(str::to_owned),
    };
    let claims = [
        claims("ada", None),
        claims("ädä", Some("admin")),
        claims("a \"quoted\" \\ one", None),
    ];
    access_tokens_read_alike(&claims, 3);
}

#[test]
fn an_access_token_of_a_number_reads_alike() {
    access_tokens_read_alike(&[Numbers { sub: 7 }, Numbers { sub: u64::MAX }], 3);
}

#[test]
fn an_access_token_of_anything_reads_alike() {
    let others = [("level".to_owned(), Value::from(7))];
    let claims = Anything {
        sub: "ada".to_owned(),
        others: others.into(),
    };
    access_tokens_read_alike(&[claims], 3);
}

#[test]
fn a_refresh_token_reads_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ada = runtime.block_on(Victim::log_in(1));
    let router = App::new().router();
    let written = payload_as_written(&ada.refresh);
    let header = ada.refresh.split('.').next().unwrap();
    let mut tried = Tried {
        counted: 0,
        refused: 0,
    };
    // Each of them is an answer of a server, which takes longer.
    for case in 0..payloads() / 20 {
        let mut random = Random(case);
        let payload = match random.below(3) {
            0 => rearrange(&written, &mut random),
            _ => mutate(written.as_bytes(), &mut random),
        };
        let refresh = |payload: &[u8]| {
            let cookies = ada.cookies_with(&signed(header, payload, REFRESH_SECRET));
            let answer = runtime.block_on(door::refresh(&router, cookies.as_bytes()));
            (answer.status == 200).then(|| claims_of(&answer.access_token()))
        };
        tried.both(
            &payload,
            refresh(&payload).as_ref(),
            refresh(&[b" ", &*payload].concat()).as_ref(),
        );
    }
    assert!(tried.counted > 0 && tried.refused > 0);
}

fn claims_of(token: &str) -> String {
    payload(token).to_string()
}
