//! A proof: a JWS (RFC 7515, section 7.1) that the browser's key signed over a challenge (W3C, Device Bound Session
//! Credentials, section "DBSC proof JWTs").

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor,
};

use crate::binding::key::ProofKey;
use crate::binding::names::Names;
use crate::token::base64url;
use crate::token::text::Text;

/// The longest proof that is looked at, in bytes. Chromium's have 250 to 450.
const LONGEST: usize = 2048;

const TYP: &str = "dbsc+jwt";

/// A proof that was read. Nothing of it counts before the signature is checked.
pub(crate) struct Proof<'a> {
    signed: &'a [u8],
    signature: [u8; 64],
    /// The one that is to be registered; later proofs bring none.
    pub(crate) key: Option<ProofKey>,
    /// The `jti`.
    pub(crate) challenge: String,
}

impl<'a> Proof<'a> {
    /// Reads a header's value: bare, as Chromium sends it, or a string of RFC 9651, section 3.3.3, as the draft has it.
    pub(crate) fn read(value: &'a [u8]) -> Result<Self, ProofError> {
        let text = unquoted(value);
        if text.len() > LONGEST {
            return Err(ProofError::TooLong);
        }
        let mut segments = text.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(ProofError::Segments);
        };
        let mut bytes = [0; 64];
        if base64url::decode(signature, &mut bytes).is_none_or(|decoded| decoded.len() < 64) {
            return Err(ProofError::Signature);
        }
        let Header(key) = object(header).ok_or(ProofError::Header)?;
        let Payload(challenge) = object(payload).ok_or(ProofError::Payload)?;
        let signed = text.get(..header.len() + 1 + payload.len());
        Ok(Self {
            signed: signed.unwrap_or_default(),
            signature: bytes,
            key,
            challenge,
        })
    }

    pub(crate) fn is_by(&self, key: &ProofKey) -> bool {
        key.verifies(self.signed, &self.signature)
    }
}

/// What stands between quotes, or all of it where there are none.
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    if let [b'"', text @ .., b'"'] = value {
        text
    } else {
        value
    }
}

/// Why a proof does not read: for the log, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofError {
    TooLong,
    Segments,
    Signature,
    Header,
    Payload,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than 2048 bytes",
            Self::Segments => "it does not have three segments",
            Self::Signature => "its signature is not 64 bytes of canonical base64url",
            Self::Header => "its header is none of a proof with ES256",
            Self::Payload => "its payload has no challenge",
        })
    }
}

/// Reads an encoded JSON object, and nothing behind it.
fn object<T: DeserializeOwned>(encoded: &[u8]) -> Option<T> {
    let mut bytes = [0; LONGEST];
    let json = str::from_utf8(base64url::decode(encoded, &mut bytes)?).ok()?;
    serde_json::from_str(json).ok()
}

/// A proof's header, and the key in it.
struct Header(Option<ProofKey>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header of a proof")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Header, A::Error> {
        let mut names = Names::default();
        let (mut typ, mut alg, mut jwk) = (None, None, None);
        while let Some(name) = names.next(&mut entries)? {
            match &*name {
                "typ" => typ = Some(entries.next_value::<Text<'de>>()?),
                "alg" => alg = Some(entries.next_value::<Text<'de>>()?),
                "jwk" => jwk = Some(entries.next_value()?),
                // Whatever it is that has to be understood, it is not (RFC 7515, section 4.1.11).
                "crit" => return Err(de::Error::custom("an extension")),
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        let is =
            |member: Option<Text<'_>>, wanted| member.is_some_and(|text| text.as_str() == wanted);
        if is(typ, TYP) && is(alg, "ES256") {
            Ok(Header(jwk))
        } else {
            Err(de::Error::custom("another type or algorithm"))
        }
    }
}

/// A proof's payload, and the challenge in it.
struct Payload(String);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload of a proof")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Payload, A::Error> {
        let mut names = Names::default();
        let mut challenge = None;
        while let Some(name) = names.next(&mut entries)? {
            if name == "jti" {
                challenge = Some(entries.next_value()?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        challenge
            .map(Payload)
            .ok_or_else(|| de::Error::missing_field("jti"))
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;
    use p256::ecdsa::signature::Signer;
    use p256::ecdsa::{Signature, SigningKey};
    use serde_json::{Value, json};

    use super::*;

    fn encode(text: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode_to_string(text.as_ref())
    }

    fn signing() -> SigningKey {
        SigningKey::from_slice(&[7; 32]).unwrap()
    }

    fn jwk() -> Value {
        let point = signing().verifying_key().to_sec1_point(false);
        let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    fn key() -> ProofKey {
        serde_json::from_str(&jwk().to_string()).unwrap()
    }

    /// Signed as it stands.
    fn signed(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature: Signature = signing().sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes()))
    }

    fn header() -> Value {
        json!({"typ": "dbsc+jwt", "alg": "ES256"})
    }

    fn good() -> String {
        signed(header().to_string(), r#"{"jti":"c"}"#)
    }

    fn error(text: impl AsRef<[u8]>) -> Option<ProofError> {
        Proof::read(text.as_ref()).err()
    }

    #[test]
    fn a_proof_reads_bare_and_quoted_and_is_by_its_key() {
        let registration = json!({"typ": "dbsc+jwt", "alg": "ES256", "jwk": jwk()});
        let more = r#"{"jti":"c","iat":1,"aud":"https://a","sub":"x","authorization":"y"}"#;
        let registration = signed(registration.to_string(), more);
        for (text, has_key) in [(good(), false), (registration, true)] {
            for text in [text.clone(), format!("\"{text}\"")] {
                let proof = Proof::read(text.as_bytes()).unwrap();
                assert_eq!(proof.challenge, "c");
                assert_eq!(proof.key.is_some(), has_key);
                assert!(proof.key.is_none_or(|found| found == key()));
                assert!(proof.is_by(&key()));
            }
        }
    }

    /// With the key in the payload, where it stood in earlier drafts and does not count. Its signature is none.
    #[test]
    fn the_example_of_the_draft_reads() {
        let text = "\"eyJhbGciOiJFUzI1NiIsInR5cCI6ImRic2Mrand0In0.eyJhdWQiOiJodHRwczovL2V4YW1wbGUuY29tL3JlZyIsImp0aSI6ImN2IiwiaWF0IjoiMTcyNTU3OTA1NSIsImp3ayI6eyJrdHkiOiJFQyIsImNydiI6IlAtMjU2IiwieCI6IjZfR0Iydm9RMHFyb01oNk9sREZDRlNfU0pyaVFpMVBUdnZCT2hHWjNiSEkiLCJ5IjoiSWVnT0pVTHlFN1N4SF9DZDFLQ0VSN2xXQnZHRkhRLWgweHlqelVqRUlXRSJ9LCJhdXRob3JpemF0aW9uIjoiYWMifQ.6Fb_vVBDmfNghQiBmIGe8o7tBfYPbPCywhQruP0vIhxgmcJmuNTaMHeVn_M8ZnOm1_bzIitbZqCWEn-1Qzmtyw\"";
        let proof = Proof::read(text.as_bytes()).unwrap();
        assert_eq!(proof.challenge, "cv");
        assert!(proof.key.is_none());
    }

    #[test]
    fn a_proof_is_by_no_other_key_and_over_no_other_bytes() {
        let text = good();
        let other = SigningKey::from_slice(&[8; 32]).unwrap();
        let point = other.verifying_key().to_sec1_point(false);
        let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
        let other = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let other: ProofKey = serde_json::from_str(&other.to_string()).unwrap();
        assert!(!Proof::read(text.as_bytes()).unwrap().is_by(&other));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            if let Ok(proof) = Proof::read(&changed) {
                assert!(!proof.is_by(&key()), "{at}");
            }
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_proof_that_is_not_exactly_one_is_refused() {
        let plain = header().to_string();
        let good = good();
        let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("three segments")
        };
        let with = |name: &str, value: Value| {
            let mut header = header();
            header[name] = value;
            signed(header.to_string(), r#"{"jti":"c"}"#)
        };
        let of_payload = |payload: &str| signed(&plain, payload);
        let of_header = |header: &str| signed(header, r#"{"jti":"c"}"#);
        let without = |name: &str| {
            let mut header = header();
            header.as_object_mut().unwrap().remove(name);
            signed(header.to_string(), r#"{"jti":"c"}"#)
        };
        let mut private = jwk();
        private["d"] = json!(encode([7; 32]));
        let rows: Vec<(&str, String, ProofError)> = vec![
            ("nothing", String::new(), ProofError::Segments),
            (
                "two segments",
                format!("{head}.{payload}"),
                ProofError::Segments,
            ),
            ("four segments", format!("{good}."), ProofError::Segments),
            ("a blank", format!("{good} "), ProofError::Signature),
            ("half a quote", format!("\"{good}"), ProofError::Header),
            (
                "quoted twice",
                format!("\"\"{good}\"\""),
                ProofError::Signature,
            ),
            ("padding", format!("{good}=="), ProofError::Signature),
            (
                "no signature",
                format!("{head}.{payload}."),
                ProofError::Signature,
            ),
            (
                "a short signature",
                good[..good.len() - 2].to_owned(),
                ProofError::Signature,
            ),
            (
                "a long signature",
                format!("{good}AA"),
                ProofError::Signature,
            ),
            (
                "a signature in DER",
                format!("{head}.{payload}.{}", encode([0x30; 70])),
                ProofError::Signature,
            ),
            (
                "unused bits",
                good[..good.len() - 1].to_owned() + "B",
                ProofError::Signature,
            ),
            (
                "too long",
                of_payload(&format!(r#"{{"jti":"c","x":"{}"}}"#, "x".repeat(1500))),
                ProofError::TooLong,
            ),
            (
                "an empty header",
                format!(".{payload}.{signature}"),
                ProofError::Header,
            ),
            (
                "an empty payload",
                format!("{head}..{signature}"),
                ProofError::Payload,
            ),
            ("no algorithm", without("alg"), ProofError::Header),
            ("no type", without("typ"), ProofError::Header),
            ("alg none", with("alg", json!("none")), ProofError::Header),
            (
                "alg in lower case",
                with("alg", json!("es256")),
                ProofError::Header,
            ),
            (
                "another curve",
                with("alg", json!("ES384")),
                ProofError::Header,
            ),
            ("RSA", with("alg", json!("RS256")), ProofError::Header),
            ("a MAC", with("alg", json!("HS256")), ProofError::Header),
            (
                "alg in a list",
                with("alg", json!(["ES256"])),
                ProofError::Header,
            ),
            (
                "another type",
                with("typ", json!("dpop+jwt")),
                ProofError::Header,
            ),
            (
                "an access token's type",
                with("typ", json!("at+jwt")),
                ProofError::Header,
            ),
            (
                "a type without suffix",
                with("typ", json!("dbsc")),
                ProofError::Header,
            ),
            ("crit", with("crit", json!(["b64"])), ProofError::Header),
            ("an empty crit", with("crit", json!([])), ProofError::Header),
            ("a private key", with("jwk", private), ProofError::Header),
            (
                "a key in text",
                with("jwk", json!(jwk().to_string())),
                ProofError::Header,
            ),
            ("no key", with("jwk", Value::Null), ProofError::Header),
            ("keys", with("jwk", json!([jwk()])), ProofError::Header),
            (
                "alg twice",
                of_header(r#"{"alg":"ES256","typ":"dbsc+jwt","alg":"ES256"}"#),
                ProofError::Header,
            ),
            (
                "alg twice, escaped",
                of_header(r#"{"alg":"ES256","typ":"dbsc+jwt","\u0061lg":"none"}"#),
                ProofError::Header,
            ),
            (
                "another name twice",
                of_header(r#"{"alg":"ES256","typ":"dbsc+jwt","a":1,"a":1}"#),
                ProofError::Header,
            ),
            (
                "behind the header",
                of_header(&format!("{plain}{{}}")),
                ProofError::Header,
            ),
            (
                "a header of a list",
                of_header(r#"["ES256"]"#),
                ProofError::Header,
            ),
            (
                "a BOM",
                of_header(&format!("\u{feff}{plain}")),
                ProofError::Header,
            ),
            (
                "a comma too many",
                of_header(r#"{"alg":"ES256","typ":"dbsc+jwt",}"#),
                ProofError::Header,
            ),
            ("no challenge", of_payload("{}"), ProofError::Payload),
            (
                "a challenge in a list",
                of_payload(r#"{"jti":["c"]}"#),
                ProofError::Payload,
            ),
            ("a number", of_payload(r#"{"jti":7}"#), ProofError::Payload),
            ("null", of_payload(r#"{"jti":null}"#), ProofError::Payload),
            (
                "two challenges",
                of_payload(r#"{"jti":"c","jti":"c"}"#),
                ProofError::Payload,
            ),
            (
                "two challenges, escaped",
                of_payload(r#"{"jti":"c","jt\u0069":"d"}"#),
                ProofError::Payload,
            ),
            (
                "another name twice in the payload",
                of_payload(r#"{"jti":"c","a":1,"a":1}"#),
                ProofError::Payload,
            ),
            (
                "behind the payload",
                of_payload(r#"{"jti":"c"}{"jti":"d"}"#),
                ProofError::Payload,
            ),
            (
                "nested deeply",
                of_payload(&format!(r#"{{"jti":"c","a":{}}}"#, "[".repeat(300))),
                ProofError::Payload,
            ),
            (
                "half a surrogate",
                of_payload(r#"{"jti":"\ud800"}"#),
                ProofError::Payload,
            ),
        ];
        for (what, text, expected) in &rows {
            assert_eq!(error(text), Some(*expected), "{what}: {text}");
        }
        assert_eq!(
            error(signed(&plain, b"{\"jti\":\"\xff\"}")),
            Some(ProofError::Payload)
        );
        assert_eq!(
            error(signed(&plain, b"{\"jti\":\"c\",\"a\":\"\xff\"}")),
            Some(ProofError::Payload)
        );
        assert_eq!(error([0xFF; 300]), Some(ProofError::Segments));
        assert_eq!(error(&good), None);
    }
}
