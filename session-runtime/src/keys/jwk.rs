//! Keys as JSON: JWK (RFC 7517), and the name that follows from a public one (RFC 7638).

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::keys::key_error::KeyError;

/// A public key's members, in canonical base64url.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Jwk {
    Ed25519 { x: String },
    P256 { x: String, y: String },
    Rsa { n: String, e: String },
}

impl Jwk {
    /// The one algorithm of a key of this type.
    pub(crate) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519 { .. } => "EdDSA",
            Self::P256 { .. } => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }

    /// The required members in the order that RFC 7638, section 3 asks for; base64url needs no escapes.
    fn members(&self) -> String {
        match self {
            Self::Ed25519 { x } => format!(r#""crv":"Ed25519","kty":"OKP","x":"{x}""#),
            Self::P256 { x, y } => format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#),
            Self::Rsa { n, e } => format!(r#""e":"{e}","kty":"RSA","n":"{n}""#),
        }
    }

    pub(crate) fn thumbprint(&self) -> String {
        encode(&Sha256::digest(format!("{{{}}}", self.members())))
    }

    /// An entry of a published set.
    pub(crate) fn to_json(&self) -> String {
        let (members, algorithm, kid) = (self.members(), self.algorithm(), self.thumbprint());
        format!(r#"{{{members},"use":"sig","alg":"{algorithm}","kid":"{kid}"}}"#)
    }
}

/// A JSON object that says it is a key.
pub(crate) struct JwkEntry<'a>(&'a Map<String, Value>);

impl<'a> JwkEntry<'a> {
    pub(crate) fn new(value: &'a Value) -> Result<Self, KeyError> {
        value.as_object().map(Self).ok_or(KeyError::Malformed)
    }

    pub(crate) fn is_private(&self) -> bool {
        self.0.contains_key("d")
    }

    /// The public key in it, once everything that it says of itself is true.
    pub(crate) fn public(&self) -> Result<Jwk, KeyError> {
        let jwk = match (self.text("kty"), self.text("crv")) {
            (Some("OKP"), Some("Ed25519")) => Jwk::Ed25519 {
                x: self.coordinate("x")?,
            },
            (Some("EC"), Some("P-256")) => Jwk::P256 {
                x: self.coordinate("x")?,
                y: self.coordinate("y")?,
            },
            (Some("RSA"), None) => Jwk::Rsa {
                n: encode(&self.bytes("n")?),
                e: encode(&self.bytes("e")?),
            },
            (Some("oct"), _) => return Err(KeyError::Secret),
            _ => return Err(KeyError::Unsupported),
        };
        self.says("use", "sig", KeyError::OtherUse)?;
        if !self.is_for_signatures() {
            return Err(KeyError::OtherUse);
        }
        self.says("alg", jwk.algorithm(), KeyError::OtherAlgorithm)?;
        self.says("kid", &jwk.thumbprint(), KeyError::OtherName)?;
        Ok(jwk)
    }

    /// RFC 7517, section 4.3: `key_ops`, where there are any.
    fn is_for_signatures(&self) -> bool {
        let is_ours = |operation: &Value| operation == "sign" || operation == "verify";
        match self.0.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) => operations.iter().any(is_ours),
            Some(_) => false,
        }
    }

    /// A member in bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, KeyError> {
        let text = self.text(name).ok_or(KeyError::Malformed)?;
        URL_SAFE_NO_PAD
            .decode_to_vec(text)
            .map_err(|_| KeyError::Malformed)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    /// A coordinate has its full length, with leading zeros (RFC 7518, section 6.2.1.2; RFC 8037, section 2).
    fn coordinate(&self, name: &str) -> Result<String, KeyError> {
        let bytes: [u8; 32] = (self.bytes(name)?.try_into()).map_err(|_| KeyError::Malformed)?;
        Ok(encode(&bytes))
    }

    /// Whether a member is absent or says this.
    fn says(&self, name: &str, expected: &str, otherwise: KeyError) -> Result<(), KeyError> {
        match self.0.get(name) {
            None => Ok(()),
            Some(Value::String(text)) if text == expected => Ok(()),
            Some(_) => Err(otherwise),
        }
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_thumbprint_of_rfc_7638_and_rfc_8037() {
        // RFC 8037, appendix A.3.
        let ed25519 = Jwk::Ed25519 {
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into(),
        };
        assert_eq!(
            ed25519.thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
        // RFC 7638, section 3.1.
        let rsa = Jwk::Rsa {
            n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o\
                knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHz\
                u6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8\
                awapJzKnqDKgw"
                .into(),
            e: "AQAB".into(),
        };
        assert_eq!(
            rsa.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
