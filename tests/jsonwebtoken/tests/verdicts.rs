//! What a service says of tokens that verifies with `jsonwebtoken` and the policy's `Validation`, beside what this crate says.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateless_session::{
    KeyError, Keys, PrivateKey, PublicKeys, SessionClaims, Sessions, stateless_session,
};

const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";
const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";

#[stateless_session(access = "15m", refresh = "7d", issuer = "auth", audience = "shop")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
    name: String,
}

#[derive(Debug, Deserialize)]
struct User {
    sub: String,
}

fn ada() -> Claims {
    let name = "Ada".to_owned();
    Claims { sub: 7, name }
}

/// A key pair as `openssl` prints it.
struct Pair {
    algorithm: Algorithm,
    private: &'static str,
    public: &'static str,
}

const PAIRS: [Pair; 3] = [
    Pair {
        algorithm: Algorithm::EdDSA,
        private: include_str!("ed25519.pem"),
        public: include_str!("ed25519.pub.pem"),
    },
    Pair {
        algorithm: Algorithm::ES256,
        private: include_str!("ec.pem"),
        public: include_str!("ec.pub.pem"),
    },
    Pair {
        algorithm: Algorithm::RS256,
        private: include_str!("rsa.pem"),
        public: include_str!("rsa.pub.pem"),
    },
];

impl Pair {
    fn keys(&self) -> Keys {
        let key = PrivateKey::from_pem(self.private).unwrap();
        Keys::from_private_key(key, REFRESH_SECRET).unwrap()
    }

    fn public_keys(&self) -> PublicKeys {
        PublicKeys::from_pem(self.public).unwrap()
    }

    fn decoding_key(&self) -> DecodingKey {
        let pem = self.public.as_bytes();
        let key = match self.algorithm {
            Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem),
            _ => DecodingKey::from_rsa_pem(pem),
        };
        key.unwrap()
    }

    /// Signs whatever it is.
    fn sign(&self, header: &str, payload: &str) -> String {
        let pem = self.private.as_bytes();
        let key = match self.algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        signed(header, payload, &key.unwrap(), self.algorithm)
    }
}

fn signed(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let encode = |text: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text);
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Header and payload of a token, as they are written.
fn parts(token: &str) -> [String; 2] {
    let mut parts = token.split('.').map(|part| {
        let json = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
        String::from_utf8(json).unwrap()
    });
    [parts.next().unwrap(), parts.next().unwrap()]
}

/// The lines of the guide, once with and once without the comparison of `typ`.
fn user(
    token: &str,
    keys: &HashMap<String, DecodingKey>,
    validation: &Validation,
    types: &[&str],
) -> Result<User, Error> {
    let Header { kid, typ, .. } = decode_header(token)?;
    let typ = typ.unwrap_or_default();
    let key = kid.and_then(|kid| keys.get(&kid));
    let key = key.filter(|_| types.is_empty() || types.contains(&&*typ));
    Ok(decode(token, key.ok_or(ErrorKind::InvalidToken)?, validation)?.claims)
}

/// Changes of a token that whoever has the key could make, and two verdicts: ours, and that of the guide's lines, which may
/// refuse by their comparison of `typ` alone. What is null is removed, and `now-60` is a time.
const ROWS: &str = r#"
as it was issued            | {}                          | {}                                     | counts  | counts
typ of a refresh token      | {"typ":"rt+jwt"}            | {}                                     | refused | by type
typ of any token            | {"typ":"JWT"}               | {}                                     | refused | by type
no typ                      | {"typ":null}                | {}                                     | refused | by type
alg none                    | {"alg":"none"}              | {}                                     | refused | refused
alg of a secret             | {"alg":"HS256"}             | {}                                     | refused | refused
alg of another size         | {"alg":"ES384"}             | {}                                     | refused | refused
no alg                      | {"alg":null}                | {}                                     | refused | refused
another kid                 | {"kid":"another"}           | {}                                     | refused | refused
no kid                      | {"kid":null}                | {}                                     | refused | refused
crit                        | {"crit":["exp"]}            | {}                                     | refused | counts
another audience            | {}                          | {"aud":"other"}                        | refused | refused
audience of refresh tokens  | {}                          | {"aud":"shop#refresh"}                 | refused | refused
no audience                 | {}                          | {"aud":null}                           | refused | refused
audience as a number        | {}                          | {"aud":7}                              | refused | refused
several audiences           | {}                          | {"aud":["other","shop"]}               | refused | counts
another issuer              | {}                          | {"iss":"other"}                        | refused | refused
no issuer                   | {}                          | {"iss":null}                           | refused | refused
several issuers             | {}                          | {"iss":["other","auth"]}               | refused | counts
no subject                  | {}                          | {"sub":null}                           | refused | refused
subject as a number         | {}                          | {"sub":7}                              | refused | refused
expired                     | {}                          | {"exp":"now-60"}                       | refused | refused
expired within the leeway   | {}                          | {"exp":"now-1"}                        | counts  | counts
no end                      | {}                          | {"exp":null}                           | refused | refused
end as a string             | {}                          | {"exp":"2100000000"}                   | refused | refused
end as a fraction           | {}                          | {"exp":2100000000.5}                   | refused | counts
older than `access`         | {}                          | {"iat":"now-3600","auth_time":"now-3600","exp":"now+3600"} | refused | counts
a login before `absolute`   | {}                          | {"auth_time":"now-2678400"}            | refused | counts
not yet                     | {}                          | {"nbf":"now+60"}                       | refused | refused
since a minute ago          | {}                          | {"nbf":"now-60"}                       | counts  | counts
not before a string         | {}                          | {"nbf":"soon"}                         | refused | refused
issued ahead                | {}                          | {"iat":"now+60"}                       | refused | counts
issued never                | {}                          | {"iat":null}                           | refused | counts
of no login                 | {}                          | {"auth_time":null}                     | refused | counts
of no session               | {}                          | {"sid":null}                           | refused | counts
"#;

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs().cast_signed()
}

fn changed(mut object: Value, changes: &str) -> String {
    let members = object.as_object_mut().unwrap();
    let changes: HashMap<String, Value> = serde_json::from_str(changes).unwrap();
    for (name, value) in changes {
        let seconds = value.as_str().and_then(|time| time.strip_prefix("now"));
        if let Some(seconds) = seconds {
            let seconds: i64 = seconds.parse().unwrap();
            members.insert(name, (now() + seconds).into());
        } else if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    object.to_string()
}

#[test]
fn a_validation_asks_what_its_documentation_says_and_no_more() {
    for pair in &PAIRS {
        let sessions = Sessions::<Claims>::new(pair.keys());
        let keys: HashMap<_, _> = pair.public_keys().decoding_keys().collect();
        let validation = Claims::POLICY.validation(pair.algorithm);
        let issued = sessions.login_checked_elsewhere(ada()).unwrap();
        let [header, payload] = parts(issued.access_token());
        let rows = ROWS.lines().filter(|row| !row.is_empty());
        for row in rows {
            let columns: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, of_header, of_payload, ours, theirs] = columns[..] else {
                panic!("{row}");
            };
            // The header's own bytes where nothing in it is changed: this crate compares them.
            let header = match of_header {
                "{}" => header.clone(),
                changes => changed(serde_json::from_str(&header).unwrap(), changes),
            };
            let payload = changed(serde_json::from_str(&payload).unwrap(), of_payload);
            let token = pair.sign(&header, &payload);
            let verdict = match sessions.verify(&token) {
                Ok(session) => {
                    assert_eq!((session.sub, &*session.name), (7, "Ada"));
                    "counts"
                }
                Err(_) => "refused",
            };
            assert_eq!(verdict, ours, "ours, {:?}: {row}", pair.algorithm);
            let typed = user(&token, &keys, &validation, &["at+jwt"]);
            let untyped = user(&token, &keys, &validation, &[]);
            let verdict = match (typed, untyped) {
                (Ok(user), Ok(_)) => {
                    assert_eq!(user.sub, "7");
                    "counts"
                }
                (Err(_), Ok(_)) => "by type",
                (Err(_), Err(_)) => "refused",
                (Ok(_), Err(error)) => panic!("{error}"),
            };
            assert_eq!(verdict, theirs, "theirs, {:?}: {row}", pair.algorithm);
        }
    }
}

#[test]
fn what_another_key_signed_counts_for_neither() {
    let [first, second] = [&PAIRS[0], &PAIRS[1]];
    let sessions = Sessions::<Claims>::new(first.keys());
    let keys: HashMap<_, _> = first.public_keys().decoding_keys().collect();
    let validation = Claims::POLICY.validation(first.algorithm);
    let issued = sessions.login_checked_elsewhere(ada()).unwrap();
    let [header, payload] = parts(issued.access_token());
    let stolen = second.sign(&header, &payload);
    // The oldest confusion: the public key as the secret of an HMAC.
    let secret = EncodingKey::from_secret(first.public.as_bytes());
    let confused = header.replace("EdDSA", "HS256");
    let confused = signed(&confused, &payload, &secret, Algorithm::HS256);
    let of_another = Sessions::<Claims>::new(second.keys());
    let of_another = of_another.login_checked_elsewhere(ada()).unwrap();
    let token = issued.access_token();
    let (message, _) = token.rsplit_once('.').unwrap();
    for forged in [
        stolen,
        confused,
        of_another.access_token().to_owned(),
        format!("{message}."),
        message.to_owned(),
    ] {
        assert!(sessions.verify(&forged).is_err(), "{forged}");
        assert!(user(&forged, &keys, &validation, &[]).is_err(), "{forged}");
    }
    assert!(user(token, &keys, &validation, &["at+jwt"]).is_ok());
}

#[test]
fn a_secret_has_its_validation_as_well() {
    let keys = Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap();
    let sessions = Sessions::<Claims>::new(keys);
    let issued = sessions.login_checked_elsewhere(ada()).unwrap();
    let validation = Claims::POLICY.validation(Algorithm::HS256);
    let decoded = |secret: &str, validation: &Validation| {
        let key = DecodingKey::from_secret(secret.as_bytes());
        decode::<User>(issued.access_token(), &key, validation).map(|token| token.claims.sub)
    };
    assert_eq!(decoded(ACCESS_SECRET, &validation).unwrap(), "7");
    assert!(decoded(REFRESH_SECRET, &validation).is_err());
    let other = Claims::POLICY.with_issuer("other");
    assert!(decoded(ACCESS_SECRET, &other.validation(Algorithm::HS256)).is_err());
}

#[test]
fn sets_and_keys_convert_both_ways() {
    for pair in &PAIRS {
        let ours = pair.public_keys();
        let set = JwkSet::from(&ours);
        // What the route publishes.
        let published: JwkSet = serde_json::from_str(&ours.to_jwks()).unwrap();
        assert_eq!(set, published);
        let back = PublicKeys::try_from(&set).unwrap();
        assert_eq!(back.to_jwks(), ours.to_jwks());
        for key in [
            pair.decoding_key(),
            DecodingKey::from_jwk(&set.keys[0]).unwrap(),
        ] {
            let back = PublicKeys::try_from(&key).unwrap();
            assert_eq!(back.to_jwks(), ours.to_jwks());
        }
        let kid = set.keys[0].common.key_id.clone().unwrap();
        let names: Vec<String> = ours.decoding_keys().map(|(kid, _)| kid).collect();
        assert_eq!(names, [kid]);
    }
}

#[test]
fn what_is_no_public_key_of_ours_is_refused() {
    let refused = |key: DecodingKey| PublicKeys::try_from(&key).unwrap_err();
    let secret = DecodingKey::from_secret(ACCESS_SECRET.as_bytes());
    assert_eq!(refused(secret), KeyError::Secret);
    // The uncompressed point of P-384 has 97 bytes.
    assert_eq!(
        refused(DecodingKey::from_ec_der(&[4; 97])),
        KeyError::Unsupported
    );
    assert_eq!(
        refused(DecodingKey::from_ec_der(&[4; 65])),
        KeyError::Malformed
    );
    assert_eq!(
        refused(DecodingKey::from_ed_der(&[0; 31])),
        KeyError::Unsupported
    );
    assert_eq!(
        refused(DecodingKey::from_rsa_der(&[0; 9])),
        KeyError::Unsupported
    );
    assert_eq!(
        refused(DecodingKey::from_rsa_raw_components(&[1; 128], &[1, 0, 1])),
        KeyError::Size
    );
    let empty = JwkSet { keys: Vec::new() };
    assert_eq!(PublicKeys::try_from(&empty).unwrap_err(), KeyError::Missing);
    let mut set = JwkSet::from(&PAIRS[0].public_keys());
    set.keys[0].common.key_id = Some("another".to_owned());
    assert_eq!(PublicKeys::try_from(&set).unwrap_err(), KeyError::OtherName);
}
