//! Public keys: what verifies the access tokens of a service that signs with a private one.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde_json::Value;

use crate::keys::jwk::{Jwk, JwkEntry, encode};
use crate::keys::key_error::KeyError;

/// A set of more keys is nobody's, and each is another constant to compare a token with.
pub(crate) const MOST_KEYS: usize = 32;

/// The sizes of RSA keys, in bits: RFC 7518, section 3.3, and what a token has room for.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A public key whose algorithm is fixed by its type.
#[derive(Clone)]
pub(crate) struct PublicKey {
    jwk: Jwk,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// From the `SubjectPublicKeyInfo` of PEM text (RFC 5280, section 4.1).
    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = |algorithm: &'static dyn VerificationAlgorithm| {
            let key = ParsedPublicKey::new(algorithm, der).ok()?;
            let der = key.as_der().ok()?;
            Some(der.as_ref().to_vec())
        };
        // The last bytes of these two are the key itself.
        if let Some(der) = parsed(&ED25519) {
            let (_, x) = der.split_last_chunk::<32>().ok_or(KeyError::Malformed)?;
            return Self::ed25519(x);
        }
        if let Some(der) = parsed(&ECDSA_P256_SHA256_FIXED) {
            let (_, point) = der.split_last_chunk::<65>().ok_or(KeyError::Malformed)?;
            return Self::p256(point);
        }
        Self::rsa_of_der(der)
    }

    /// From the same, or from an `RSAPublicKey` (RFC 8017, appendix A.1.1).
    pub(crate) fn rsa_of_der(der: &[u8]) -> Result<Self, KeyError> {
        match aws_lc_rs::rsa::PublicKey::from_der(der) {
            Ok(key) => Self::rsa(
                key.modulus().big_endian_without_leading_zero(),
                key.exponent().big_endian_without_leading_zero(),
            ),
            Err(_) => Err(KeyError::Unsupported),
        }
    }

    pub(crate) fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let bytes = |text: &str| {
            URL_SAFE_NO_PAD
                .decode_to_vec(text)
                .map_err(|_| KeyError::Malformed)
        };
        match jwk {
            Jwk::Ed25519 { x } => Self::ed25519(&bytes(x)?),
            Jwk::P256 { x, y } => Self::p256(&[&[4], &*bytes(x)?, &*bytes(y)?].concat()),
            Jwk::Rsa { n, e } => Self::rsa(&bytes(n)?, &bytes(e)?),
        }
    }

    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            jwk: Jwk::Ed25519 { x: encode(x) },
            parsed: ParsedPublicKey::new(&ED25519, x).map_err(|_| KeyError::Malformed)?,
        })
    }

    /// From an uncompressed point (SEC 1, section 2.3.3).
    pub(crate) fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let Some((4, coordinates)) = point.split_first().map(|(form, rest)| (*form, rest)) else {
            return Err(KeyError::Malformed);
        };
        let (x, y) = coordinates
            .split_at_checked(32)
            .ok_or(KeyError::Malformed)?;
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        Ok(Self {
            jwk: Jwk::P256 {
                x: encode(x),
                y: encode(y),
            },
            parsed: parsed.map_err(|_| KeyError::Malformed)?,
        })
    }

    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let leading_zeros = n.first().map_or(0, |byte| byte.leading_zeros());
        let bits = n.len() * 8 - usize::try_from(leading_zeros).unwrap_or(0);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::Size);
        }
        // RFC 8017, section 3.1: both are odd, and the exponent is at least 3. With 1, anybody could sign.
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        if e == [1] || !is_odd(e) || !is_odd(n) {
            return Err(KeyError::Malformed);
        }
        let components = RsaPublicKeyComponents { n, e };
        let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        Ok(Self {
            jwk: Jwk::Rsa {
                n: encode(n),
                e: encode(e),
            },
            parsed: parsed.map_err(|_| KeyError::Malformed)?,
        })
    }

    pub(crate) fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Public keys that access tokens verify with: Ed25519, P-256 (ES256) or RSA of 2048 to 4096 bits (RS256). The type of a
/// key fixes its algorithm.
///
/// ```
/// use stateless_session::PublicKeys;
///
/// let keys = PublicKeys::from_pem("-----BEGIN PUBLIC KEY-----
/// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
/// -----END PUBLIC KEY-----")?;
/// assert_eq!(
///     keys.to_jwks(),
///     r#"{"keys":[{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}]}"#,
/// );
/// # Ok::<(), stateless_session::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// Reads every public key of a PEM text (RFC 7468, section 13), such as `openssl pkey -pubout` prints.
    ///
    /// # Errors
    ///
    /// A [`KeyError`] for the first key that is refused, or where there is none.
    ///
    /// ```
    /// # use stateless_session::{KeyError, PublicKeys};
    /// let keys = PublicKeys::from_pem("-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    /// -----END PUBLIC KEY-----")?;
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<PublicKey> = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
            match section.map_err(|_| KeyError::Malformed)? {
                (SectionKind::PublicKey, der) => {
                    let key = PublicKey::from_der(&der)?;
                    if keys.iter().any(|known| known.jwk == key.jwk) {
                        return Err(KeyError::Repeated);
                    }
                    keys.push(key);
                }
                (kind, _) if is_private(kind) => return Err(KeyError::Private),
                _ => {}
            }
        }
        Self::new(keys)
    }

    /// Reads a JWK set (RFC 7517, section 5), or one JWK. Entries that can't be used here are left out, with the reason in
    /// the log. An entry without an `alg` has the one of its type.
    ///
    /// # Errors
    ///
    /// A [`KeyError`] when it is no set, has more than 32 entries, or holds no key that can be used: then the reason of the
    /// first one.
    ///
    /// ```
    /// # use stateless_session::{KeyError, PublicKeys};
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let keys = PublicKeys::from_jwks(set)?;
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        let json: Value = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        Self::from_set(&json)
    }

    pub(crate) fn from_set(json: &Value) -> Result<Self, KeyError> {
        let entries = match json.get("keys") {
            Some(Value::Array(entries)) => entries.as_slice(),
            Some(_) => return Err(KeyError::Malformed),
            None => std::slice::from_ref(json),
        };
        if entries.len() > MOST_KEYS {
            return Err(KeyError::TooMany);
        }
        let mut keys: Vec<PublicKey> = Vec::new();
        let mut first_refusal = None;
        for (index, entry) in entries.iter().enumerate() {
            let key = public_key(entry).and_then(|key| {
                let is_known = keys.iter().any(|known| known.jwk == key.jwk);
                if is_known {
                    Err(KeyError::Repeated)
                } else {
                    Ok(key)
                }
            });
            match key {
                Ok(key) => keys.push(key),
                Err(cause) => {
                    tracing::warn!(target: "stateless_session", index, %cause, "left out a key of a JWK set");
                    first_refusal = first_refusal.or(Some(cause));
                }
            }
        }
        match first_refusal {
            Some(cause) if keys.is_empty() => Err(cause),
            _ => Self::new(keys),
        }
    }

    pub(crate) fn published<'a>(keys: impl Iterator<Item = &'a PublicKey>) -> Option<Self> {
        let keys: Vec<PublicKey> = keys.cloned().collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    fn new(keys: Vec<PublicKey>) -> Result<Self, KeyError> {
        match keys.len() {
            0 => Err(KeyError::Missing),
            1..=MOST_KEYS => Ok(Self(keys)),
            _ => Err(KeyError::TooMany),
        }
    }

    /// Reads PEM text or JSON, whichever it is.
    pub(crate) fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with('{') {
            Self::from_jwks(text)
        } else {
            Self::from_pem(text)
        }
    }

    /// The keys as a JWK set, for verifiers that read it from a file. The route of
    /// [`SessionRoutes::jwks_routes`](crate::SessionRoutes::jwks_routes) serves the same.
    ///
    /// ```
    /// # use stateless_session::{KeyError, PublicKeys};
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// assert!(PublicKeys::from_jwks(set)?.to_jwks().contains(r#""use":"sig""#));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn to_jwks(&self) -> String {
        let entries: Vec<String> = self.0.iter().map(|key| key.jwk.to_json()).collect();
        format!(r#"{{"keys":[{}]}}"#, entries.join(","))
    }

    #[cfg(feature = "jsonwebtoken")]
    pub(crate) fn of(key: PublicKey) -> Self {
        Self(vec![key])
    }

    #[cfg(feature = "jsonwebtoken")]
    pub(crate) fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    #[cfg(feature = "remote-jwks")]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(feature = "remote-jwks")]
    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.0.iter().any(|known| known.jwk == key.jwk)
    }

    pub(crate) fn into_keys(self) -> impl Iterator<Item = PublicKey> {
        self.0.into_iter()
    }
}

/// Names the keys, which is no secret.
impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|key| key.jwk.thumbprint());
        f.debug_list().entries(names).finish()
    }
}

pub(crate) fn is_private(kind: SectionKind) -> bool {
    matches!(
        kind,
        SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey
    )
}

fn public_key(entry: &Value) -> Result<PublicKey, KeyError> {
    let entry = JwkEntry::new(entry)?;
    let jwk = entry.public()?;
    if entry.is_private() {
        return Err(KeyError::Private);
    }
    PublicKey::from_jwk(&jwk)
}
