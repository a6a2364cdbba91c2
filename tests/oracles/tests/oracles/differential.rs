//! Generated tokens, and what two other libraries say of them under the same policy: nothing may be accepted here that
//! one of them refuses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::Method;
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, Role};
use crate::door;
use crate::support::{ACCESS_SECRET, DAY, MINUTE, NEXT_ACCESS_SECRET, REFRESH_SECRET, sign};
use crate::victim::{Kind, Victim};

/// Random enough, and the same again where the seed is (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn one_of<'a, T: ?Sized>(&mut self, options: &[&'a T]) -> &'a T {
        options[self.below(options.len())]
    }
}

struct Generator {
    random: Random,
    ada: Victim,
    now: u64,
}

/// A token in the making.
struct Draft {
    header: String,
    /// Names and values as they stand, so that a name can stand twice.
    claims: Vec<(String, String)>,
    secret: String,
}

/// Values that are wrong for some claim, and right for others.
const VALUES: [&str; 26] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "1e3",
    "1e300",
    "\"\"",
    "\"1\"",
    "\"2\"",
    "\"x\"",
    "\"User\"",
    "[]",
    "[1]",
    "[\"x\"]",
    "{}",
    "{\"a\":1}",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\u{e9}\"",
    "\"stateless-session\"",
];

const NAMES: [&str; 14] = [
    "iss",
    "aud",
    "sub",
    "sid",
    "auth_time",
    "iat",
    "exp",
    "nbf",
    "jti",
    "role",
    "generation",
    "gen",
    "x",
    "__proto__",
];

impl Generator {
    async fn new(seed: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        Self {
            random: Random(seed),
            ada: Victim::log_in(1).await,
            now,
        }
    }

    /// A token of one kind: one in three as it should be, and all others changed in one to three ways.
    fn token(&mut self) -> (Kind, Vec<u8>) {
        let kind = if self.random.one_in(2) {
            Kind::Access
        } else {
            Kind::Refresh
        };
        let mut draft = self.valid(kind);
        let changes = if self.random.one_in(3) {
            0
        } else {
            1 + self.random.below(3)
        };
        let mut encodings = 0;
        for _ in 0..changes {
            match self.random.below(8) {
                0 => self.change_header(&mut draft, kind),
                1..=4 => self.change_claim(&mut draft),
                5 => draft.secret = self.other_secret(kind),
                _ => encodings += 1,
            }
        }
        let payload = self.payload(&draft, changes > 0);
        let header = URL_SAFE_NO_PAD.encode_to_string(&draft.header);
        let payload = URL_SAFE_NO_PAD.encode_to_string(&payload);
        let mut token = sign(&format!("{header}.{payload}"), &draft.secret).into_bytes();
        for _ in 0..encodings {
            token = self.change_encoding(token, &draft.secret);
        }
        (kind, token)
    }

    fn valid(&mut self, kind: Kind) -> Draft {
        let of = self.ada.of(kind);
        let header = URL_SAFE_NO_PAD.decode_to_vec(of.segments()[0]).unwrap();
        let (mut claims, secret) = (of.payload(), of.secret.to_owned());
        let random = &mut self.random;
        // All of these are far enough from every edge for an oracle whose clock cannot be held.
        let age = 200 * random.below(4) as u64;
        let iat = self.now - age;
        let lifetime = if kind == Kind::Access {
            15 * MINUTE
        } else {
            7 * DAY
        };
        claims["iat"] = iat.into();
        claims["exp"] = (iat + lifetime).into();
        claims["auth_time"] = (iat - random.one_of(&[&0, &HALF_AN_HOUR, &DAY, &(29 * DAY)])).into();
        claims["sub"] = (1 + random.below(3)).to_string().into();
        let mut claims: Vec<(String, String)> = claims
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        for _ in 0..random.below(3) {
            let name = format!("x{}", random.below(100));
            claims.push((name, random.one_of(&VALUES).to_owned()));
        }
        let swap = (random.below(claims.len()), random.below(claims.len()));
        claims.swap(swap.0, swap.1);
        Draft {
            header: String::from_utf8(header).unwrap(),
            claims,
            secret,
        }
    }

    fn other_secret(&mut self, kind: Kind) -> String {
        let other = if kind == Kind::Access {
            REFRESH_SECRET
        } else {
            ACCESS_SECRET
        };
        self.random
            .one_of(&[other, NEXT_ACCESS_SECRET, "", "secret"])
            .to_owned()
    }

    fn change_header(&mut self, draft: &mut Draft, kind: Kind) {
        let typ = if kind == Kind::Access {
            "at+jwt"
        } else {
            "rt+jwt"
        };
        let (from, to) = *self.random.one_of(&[
            &("HS256", "none"),
            &("HS256", "HS512"),
            &("HS256", "RS256"),
            &("HS256", "hs256"),
            &(typ, "JWT"),
            &(typ, "at+jwt"),
            &(typ, "rt+jwt"),
            &(typ, "application/at+jwt"),
            &("\"kid\"", "\"Kid\""),
            &("\"kid\"", "\"jku\""),
            &("{", "{ "),
            &("{", "{\"crit\":[\"exp\"],\"exp\":1,"),
            &("{", "{\"b64\":false,"),
            &("{", "{\"crit\":[],"),
            &("{", "{\"alg\":\"none\","),
            &("{", "{\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},"),
            &("{", "[{"),
            &("}", ""),
            &("}", "}}"),
        ]);
        draft.header = draft.header.replacen(from, to, 1);
    }

    fn change_claim(&mut self, draft: &mut Draft) {
        let random = &mut self.random;
        let position = random.below(draft.claims.len());
        let name = random.one_of(&NAMES).to_owned();
        let now = self.now;
        let other_value = |random: &mut Random| match random.below(3) {
            0 => {
                let far = [0, 100, HALF_AN_HOUR, DAY, 31 * DAY, 500 * DAY];
                let far = far[random.below(far.len())];
                let time = if random.one_in(2) {
                    now + far + 100
                } else {
                    now - far - 100
                };
                time.to_string()
            }
            _ => random.one_of(&VALUES).to_owned(),
        };
        match random.below(6) {
            0 => drop(draft.claims.remove(position)),
            1 => draft.claims[position].1 = other_value(random),
            2 => {
                let twice = draft.claims[position].clone();
                draft.claims.push(twice);
            }
            3 => draft.claims.push((name, other_value(random))),
            4 => {
                let (name, _) = &mut draft.claims[position];
                let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
                let other = random.one_of(&[&*escaped, &name.to_uppercase()]).to_owned();
                *name = other;
            }
            _ => match draft.claims.iter_mut().find(|(other, _)| *other == name) {
                Some((_, value)) => *value = other_value(random),
                None => draft.claims.push((name, other_value(random))),
            },
        }
    }

    fn payload(&mut self, draft: &Draft, may_break: bool) -> Vec<u8> {
        let random = &mut self.random;
        let blank = random.one_of(&["", "", " ", "\n", "\t "]);
        let members: Vec<String> = draft
            .claims
            .iter()
            .map(|(name, value)| format!("\"{name}\":{blank}{value}"))
            .collect();
        let json = format!("{{{}}}", members.join(&format!("{blank},")));
        if !may_break || !random.one_in(6) {
            return json.into_bytes();
        }
        match random.below(8) {
            0 => format!("{json}{json}").into_bytes(),
            1 => format!("[{json}]").into_bytes(),
            2 => format!("\u{feff}{json}").into_bytes(),
            3 => format!("{json}\0").into_bytes(),
            4 => json.replacen(',', ",,", 1).into_bytes(),
            5 => [json.as_bytes(), b"\xff"].concat(),
            6 => json.replacen('{', "{\"\u{1}\":1,", 1).into_bytes(),
            _ => json[..json.len() - 1].into(),
        }
    }

    fn change_encoding(&mut self, mut token: Vec<u8>, secret: &str) -> Vec<u8> {
        let random = &mut self.random;
        let position = random.below(token.len().max(1));
        match random.below(9) {
            0 if !token.is_empty() => token[position] ^= 1 << random.below(7),
            1 => token.truncate(position),
            2 => token.insert(
                position,
                *random
                    .one_of(&[b"=", b".", b"A", b"+", b"/", b"%", b"~"])
                    .first()
                    .unwrap(),
            ),
            3 => token.push(b'='),
            4 => token.push(b'.'),
            5 => {
                // One byte of a segment changed, and the whole signed again.
                let text = String::from_utf8_lossy(&token).into_owned();
                if let Some((signed, _)) = text.rsplit_once('.') {
                    let at = position.min(signed.len());
                    let signed = format!(
                        "{}{}",
                        signed.get(..at).unwrap_or_default(),
                        signed.get(at + 1..).unwrap_or_default()
                    );
                    token = sign(&signed, secret).into_bytes();
                }
            }
            6 => {
                let text = String::from_utf8_lossy(&token).into_owned();
                if let Some((signed, _)) = text.rsplit_once('.') {
                    token = sign(&format!("{signed}="), secret).into_bytes();
                }
            }
            7 => {
                if let Some(last) = token.last_mut() {
                    *last = if *last == b'A' { b'B' } else { b'A' };
                }
            }
            _ => {
                let mut segments: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
                let (one, other) = (random.below(segments.len()), random.below(segments.len()));
                segments.swap(one, other);
                token = segments.join(&b'.');
            }
        }
        token
    }
}

const HALF_AN_HOUR: u64 = 30 * MINUTE;

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the oracle reads is whether it reads")]
struct AccessClaims {
    sub: String,
    sid: String,
    auth_time: u64,
    iat: u64,
    exp: u64,
    role: Role,
    generation: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what the oracle reads is whether it reads")]
struct RefreshClaims {
    sub: String,
    sid: String,
    auth_time: u64,
    iat: u64,
    exp: u64,
}

/// The policy of one kind of token, as both oracles are told it.
struct Oracle {
    key: DecodingKey,
    validation: Validation,
    policy: Value,
}

impl Oracle {
    fn new(generator: &Generator, kind: Kind) -> Self {
        let of = generator.ada.of(kind);
        let (issuer, audience) = (of.payload()["iss"].clone(), of.payload()["aud"].clone());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[issuer.as_str().unwrap()]);
        validation.set_audience(&[audience.as_str().unwrap()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 5;
        validation.validate_nbf = true;
        let lifetime = if kind == Kind::Access {
            15 * MINUTE
        } else {
            7 * DAY
        };
        Self {
            key: DecodingKey::from_secret(of.secret.as_bytes()),
            validation,
            policy: json!({
                "secret": of.secret,
                "issuer": issuer,
                "audience": audience,
                "typ": of.header()["typ"],
                "lifetime": lifetime,
                "leeway": 5,
                "now": generator.now,
            }),
        }
    }

    fn accepts(&self, kind: Kind, token: &[u8]) -> bool {
        match kind {
            Kind::Access => {
                jsonwebtoken::decode::<AccessClaims>(token, &self.key, &self.validation).is_ok()
            }
            Kind::Refresh => {
                jsonwebtoken::decode::<RefreshClaims>(token, &self.key, &self.validation).is_ok()
            }
        }
    }
}

async fn accepted_here(router: &Router, ada: &Victim, kind: Kind, token: &[u8]) -> bool {
    let answer = match kind {
        Kind::Access => door::bearer(router, Method::GET, "/me", token).await,
        Kind::Refresh => {
            let cookies = [ada.cookies_with("").as_bytes(), token].concat();
            door::refresh(router, &cookies).await
        }
    };
    // A refresh token from the near future is an outage.
    assert!(
        answer.status < 500 || (kind == Kind::Refresh && answer.status == 503),
        "{}",
        String::from_utf8_lossy(token)
    );
    answer.status == 200
}

/// So many tokens with what each verifier says. `jose` is asked where it is there.
async fn compare(count: usize, seed: u64, jose: bool) {
    let mut generator = Generator::new(seed).await;
    let app = App::new();
    app.clock.set(generator.now);
    let router = app.router();
    let oracle = |kind| Oracle::new(&generator, kind);
    let (access, refresh) = (oracle(Kind::Access), oracle(Kind::Refresh));
    let tokens: Vec<(Kind, Vec<u8>)> = (0..count).map(|_| generator.token()).collect();
    let by_jose = jose.then(|| verdicts_of_jose(&access, &refresh, &tokens));
    let mut counts = BTreeMap::new();
    for (index, (kind, token)) in tokens.iter().enumerate() {
        let here = accepted_here(&router, &generator.ada, *kind, token).await;
        let oracle = if *kind == Kind::Access {
            &access
        } else {
            &refresh
        };
        let by_jsonwebtoken = oracle.accepts(*kind, token);
        let by_jose = by_jose.as_ref().map(|verdicts| verdicts[index]);
        let everybody = by_jsonwebtoken && by_jose != Some(false);
        assert!(
            !here || everybody,
            "accepted here, by jsonwebtoken: {by_jsonwebtoken}, by jose: {by_jose:?}, seed {seed}: {}",
            String::from_utf8_lossy(token)
        );
        *counts
            .entry((here, by_jsonwebtoken, by_jose))
            .or_insert(0_usize) += 1;
    }
    for ((here, by_jsonwebtoken, by_jose), count) in &counts {
        println!(
            "accepted here {here}, by jsonwebtoken {by_jsonwebtoken}, by jose {by_jose:?}: {count}"
        );
    }
    let accepted: usize = counts
        .iter()
        .filter(|((here, ..), _)| *here)
        .map(|(_, count)| count)
        .sum();
    // Neither all nor nothing, or the comparison would say nothing.
    assert!(
        accepted > count / 5 && accepted < count / 2,
        "{accepted} of {count}"
    );
}

fn verdicts_of_jose(access: &Oracle, refresh: &Oracle, tokens: &[(Kind, Vec<u8>)]) -> Vec<bool> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/jose");
    let policies = json!({ "Access": access.policy, "Refresh": refresh.policy });
    let mut lines = format!("{policies}\n");
    for (kind, token) in tokens {
        let _ = writeln!(lines, "{kind:?} {}", STANDARD.encode_to_string(token));
    }
    let mut node = Command::new("node")
        .arg("verdicts.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Nothing comes out before everything is in.
    node.stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    let verdicts: Vec<bool> = output
        .stdout
        .iter()
        .map(|verdict| *verdict == b'1')
        .collect();
    assert_eq!(verdicts.len(), tokens.len());
    verdicts
}

#[tokio::test]
async fn nothing_is_accepted_that_jsonwebtoken_refuses() {
    compare(10_000, 1, false).await;
}

#[tokio::test]
#[ignore = "needs Node.js and jose; .ci/attack-tests installs them"]
async fn nothing_is_accepted_that_jsonwebtoken_or_jose_refuses() {
    let tokens = std::env::var("DIFFERENTIAL_TOKENS");
    let tokens = tokens.map_or(100_000, |tokens| tokens.parse().unwrap());
    compare(tokens, 2, true).await;
}
