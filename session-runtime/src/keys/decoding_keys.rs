//! Public keys as those of the crate jsonwebtoken, and back.

use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, JwkSet, KeyAlgorithm, OctetKeyPairParameters, OctetKeyPairType,
    PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

use crate::keys::jwk;
use crate::keys::key_error::KeyError;
use crate::keys::public_keys::{PublicKey, PublicKeys};

impl PublicKeys {
    /// With the feature `jsonwebtoken`: the keys of that crate with the names that tokens call them by, `kid`.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use jsonwebtoken::DecodingKey;
    /// # use stateless_session::{KeyError, PublicKeys};
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let keys: HashMap<String, DecodingKey> = PublicKeys::from_jwks(set)?.decoding_keys().collect();
    /// assert!(keys.contains_key("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn decoding_keys(&self) -> impl Iterator<Item = (String, DecodingKey)> {
        self.keys().iter().filter_map(|key| {
            let key = entry(key);
            // What was read as a key is base64url.
            Some((
                key.common.key_id.clone()?,
                DecodingKey::from_jwk(&key).ok()?,
            ))
        })
    }
}

/// With the feature `jsonwebtoken`: the same set, each entry with its `use`, `alg` and `kid`.
impl From<&PublicKeys> for JwkSet {
    fn from(keys: &PublicKeys) -> Self {
        Self {
            keys: keys.keys().iter().map(entry).collect(),
        }
    }
}

/// With the feature `jsonwebtoken`: as [`PublicKeys::from_jwks`] reads the same set, of which entries that can't be used
/// are left out.
impl TryFrom<&JwkSet> for PublicKeys {
    type Error = KeyError;

    fn try_from(set: &JwkSet) -> Result<Self, KeyError> {
        let set = serde_json::to_value(set).map_err(|_| KeyError::Malformed)?;
        Self::from_set(&set)
    }
}

/// With the feature `jsonwebtoken`: a set of this one key. A shared secret is none.
impl TryFrom<&DecodingKey> for PublicKeys {
    type Error = KeyError;

    fn try_from(key: &DecodingKey) -> Result<Self, KeyError> {
        let key = match (key.family(), key.kind()) {
            (AlgorithmFamily::Hmac, _) => Err(KeyError::Secret),
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                PublicKey::rsa(n, e)
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(x)) if x.len() == 32 => {
                PublicKey::ed25519(x)
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) if point.len() == 65 => {
                PublicKey::p256(point)
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => PublicKey::rsa_of_der(der),
            _ => Err(KeyError::Unsupported),
        };
        Ok(Self::of(key?))
    }
}

/// An entry of a published set.
fn entry(key: &PublicKey) -> Jwk {
    let (alg, algorithm) = match key.jwk() {
        jwk::Jwk::Ed25519 { x } => (
            KeyAlgorithm::EdDSA,
            AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: x.clone(),
            }),
        ),
        jwk::Jwk::P256 { x, y } => (
            KeyAlgorithm::ES256,
            AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                key_type: EllipticCurveKeyType::EC,
                curve: EllipticCurve::P256,
                x: x.clone(),
                y: y.clone(),
            }),
        ),
        jwk::Jwk::Rsa { n, e } => (
            KeyAlgorithm::RS256,
            AlgorithmParameters::RSA(RSAKeyParameters {
                key_type: RSAKeyType::RSA,
                n: n.clone(),
                e: e.clone(),
            }),
        ),
    };
    let common = CommonParameters {
        public_key_use: Some(PublicKeyUse::Signature),
        key_algorithm: Some(alg),
        key_id: Some(key.jwk().thumbprint()),
        ..CommonParameters::default()
    };
    Jwk { common, algorithm }
}
