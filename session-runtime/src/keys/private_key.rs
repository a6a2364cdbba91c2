//! The private key that signs access tokens which others verify with its public half.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde_json::Value;

use crate::keys::jwk::{Jwk, JwkEntry};
use crate::keys::key_error::KeyError;
use crate::keys::public_keys::{PublicKey, is_private};

/// A private key that signs access tokens: Ed25519, P-256 (ES256) or RSA of 2048 to 4096 bits (RS256). The type of the key
/// fixes its algorithm.
///
/// `openssl genpkey -algorithm ed25519` makes a good one.
///
/// ```
/// use stateless_session::{KeyError, PrivateKey};
///
/// let public = "-----BEGIN PUBLIC KEY-----
/// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
/// -----END PUBLIC KEY-----";
/// assert_eq!(PrivateKey::from_pem(public).unwrap_err(), KeyError::Public);
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    signer: Arc<Signer>,
    public: PublicKey,
}

enum Signer {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Reads the one private key of a PEM text: PKCS#8 (RFC 5958), or what older tools print, `EC PRIVATE KEY` (RFC 5915)
    /// and `RSA PRIVATE KEY` (RFC 8017). It must not be encrypted.
    ///
    /// # Errors
    ///
    /// A [`KeyError`] when there is no such key, or more than one.
    ///
    /// ```
    /// # use stateless_session::{KeyError, PrivateKey};
    /// assert_eq!(PrivateKey::from_pem("no key").unwrap_err(), KeyError::Missing);
    /// ```
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let mut private = None;
        let mut has_public = false;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
            let (kind, der) = section.map_err(|_| damage(pem))?;
            has_public |= matches!(kind, SectionKind::PublicKey);
            if is_private(kind) && private.replace(Self::from_der(kind, &der)).is_some() {
                return Err(KeyError::Several);
            }
        }
        match private {
            Some(key) => key,
            None if is_encrypted(pem) => Err(KeyError::Encrypted),
            None if has_public => Err(KeyError::Public),
            None => Err(KeyError::Missing),
        }
    }

    fn from_der(kind: SectionKind, der: &[u8]) -> Result<Self, KeyError> {
        let ed25519 = || Ed25519KeyPair::from_pkcs8(der).map(Signer::Ed25519);
        let p256 = || {
            EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(Signer::P256)
        };
        let signer = match kind {
            SectionKind::EcPrivateKey => p256(),
            SectionKind::RsaPrivateKey => RsaKeyPair::from_der(der).map(Signer::Rsa),
            _ => ed25519()
                .or_else(|_| p256())
                .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Signer::Rsa)),
        };
        Self::new(signer.map_err(|rejected| match rejected.description_() {
            "TooSmall" | "TooLarge" => KeyError::Size,
            _ => KeyError::Unsupported,
        })?)
    }

    /// Reads a JWK (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).
    ///
    /// # Errors
    ///
    /// A [`KeyError`] when it is no private key, or one whose parts do not belong together.
    ///
    /// ```
    /// # use stateless_session::{KeyError, PrivateKey};
    /// let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// assert_eq!(PrivateKey::from_jwk(public).unwrap_err(), KeyError::Public);
    /// ```
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let json: Value = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        let entry = JwkEntry::new(&json)?;
        let public = entry.public()?;
        if !entry.is_private() {
            return Err(KeyError::Public);
        }
        PublicKey::from_jwk(&public)?;
        let bytes = |name| entry.bytes(name);
        let signer = match public {
            Jwk::Ed25519 { .. } => {
                let d = bytes("d")?;
                if d.len() != 32 {
                    return Err(KeyError::Malformed);
                }
                Ed25519KeyPair::from_seed_and_public_key(&d, &bytes("x")?).map(Signer::Ed25519)
            }
            Jwk::P256 { .. } => {
                let point = [&[4], &*bytes("x")?, &*bytes("y")?].concat();
                let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(curve, &bytes("d")?, &point)
                    .map(Signer::P256)
            }
            Jwk::Rsa { .. } => RsaKeyPair::from_components(&KeyPairComponents {
                public_key: RsaPublicKeyComponents {
                    n: bytes("n")?,
                    e: bytes("e")?,
                },
                d: bytes("d")?,
                p: bytes("p")?,
                q: bytes("q")?,
                dP: bytes("dp")?,
                dQ: bytes("dq")?,
                qInv: bytes("qi")?,
            })
            .map(Signer::Rsa),
        };
        Self::new(signer.map_err(|_| KeyError::Malformed)?)
    }

    /// Reads PEM text or JSON, whichever it is.
    pub(crate) fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with('{') {
            Self::from_jwk(text)
        } else {
            Self::from_pem(text)
        }
    }

    fn new(signer: Signer) -> Result<Self, KeyError> {
        let public = match &signer {
            Signer::Ed25519(pair) => PublicKey::ed25519(pair.public_key().as_ref()),
            Signer::P256(pair) => PublicKey::p256(pair.public_key().as_ref()),
            Signer::Rsa(pair) => {
                let public = pair.public_key();
                PublicKey::rsa(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
        };
        Ok(Self {
            signer: Arc::new(signer),
            public: public?,
        })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Writes the signature into `out`; `None` where the operating system has no random numbers.
    pub(crate) fn sign<'out>(&self, message: &[u8], out: &'out mut [u8]) -> Option<&'out [u8]> {
        match &*self.signer {
            Signer::Ed25519(pair) => {
                let signature = pair.try_sign(message).ok()?;
                copy(signature.as_ref(), out)
            }
            Signer::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).ok()?;
                copy(signature.as_ref(), out)
            }
            Signer::Rsa(pair) => {
                let out = out.get_mut(..pair.public_modulus_len())?;
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, out)
                    .ok()?;
                Some(out)
            }
        }
    }
}

/// RFC 7468, section 11 has a label of its own for it, and older tools a header within (RFC 1421, section 4.6.1.1).
fn is_encrypted(pem: &str) -> bool {
    pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED")
}

fn damage(pem: &str) -> KeyError {
    if is_encrypted(pem) {
        KeyError::Encrypted
    } else {
        KeyError::Malformed
    }
}

fn copy<'out>(signature: &[u8], out: &'out mut [u8]) -> Option<&'out [u8]> {
    let out = out.get_mut(..signature.len())?;
    out.copy_from_slice(signature);
    Some(out)
}

/// Names the key, which is no secret.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey")
            .field(&self.public.jwk().thumbprint())
            .finish()
    }
}
