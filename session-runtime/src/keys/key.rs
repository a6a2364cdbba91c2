//! One key for one kind of token.

use std::fmt;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use constant_time_eq::constant_time_eq_n;
use hmac::digest::common::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[cfg(feature = "asymmetric")]
use crate::keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKey;
use crate::token::base64url;
use crate::token::error::TokenError;

/// Which of the two tokens something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
}

impl TokenKind {
    /// The `typ` of RFC 9068's name, and of ours beside it. Every kind has two letters and `+jwt`, those to come included, or
    /// its header would be no whole block of the hash.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

/// The longest signature that a key here makes, in bytes: HS256's, or RS256's with an RSA key of 4096 bits.
pub(crate) const LONGEST_SIGNATURE: usize = if cfg!(feature = "asymmetric") {
    512
} else {
    32
};

/// What 32 bytes take in base64url.
const ENCODED_MAC: usize = 43;

/// A key with the only beginning that its tokens can have.
#[derive(Clone)]
pub(crate) struct TokenKey {
    /// The first segment and its dot: for HS256 64 bytes, a whole block of the hash.
    beginning: String,
    algorithm: Algorithm,
}

/// What a key can do is fixed when it is loaded.
#[derive(Clone)]
enum Algorithm {
    Hs256(Box<Hs256>),
    /// `EdDSA`, ES256 or RS256, by the type of the key.
    #[cfg(feature = "asymmetric")]
    Private(PrivateKey),
    #[cfg(feature = "asymmetric")]
    Public(PublicKey),
}

/// HS256 (RFC 7518, section 3.2), keyed once.
#[derive(Clone)]
struct Hs256 {
    keyed: Hmac<Sha256>,
    /// The same behind the beginning of all tokens, so that no check hashes it again.
    begun: Hmac<Sha256>,
}

impl Hs256 {
    fn new(keyed: Hmac<Sha256>, beginning: &str) -> Self {
        let begun = keyed.clone().chain_update(beginning);
        Self { keyed, begun }
    }

    /// The signature as it stands in a token. Encoding ours is cheaper than decoding a stranger's, and none but the
    /// canonical spelling equals it.
    fn encoded_signature(&self, payload: &[u8]) -> [u8; ENCODED_MAC] {
        let mut encoded = [0; ENCODED_MAC];
        let _ = URL_SAFE_NO_PAD.encode(
            &authenticate(&self.begun, payload),
            encoded.as_mut_slice().as_out(),
        );
        encoded
    }
}

impl TokenKey {
    /// # Errors
    ///
    /// HMAC takes keys of any length (RFC 2104); the signature of `hmac` only leaves room for ciphers that do not.
    pub(crate) fn hs256(kind: TokenKind, secret: &[u8]) -> Result<Self, InvalidLength> {
        let keyed = Hmac::new_from_slice(secret)?;
        let beginning = beginning(kind, "HS256", &key_id(&keyed, kind.typ()));
        Ok(Self {
            algorithm: Algorithm::Hs256(Hs256::new(keyed, &beginning).into()),
            beginning,
        })
    }

    /// A key for access tokens that others verify.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn private(key: PrivateKey) -> Self {
        Self {
            beginning: public_beginning(key.public()),
            algorithm: Algorithm::Private(key),
        }
    }

    /// A key that verifies the access tokens of another.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn public(key: PublicKey) -> Self {
        Self {
            beginning: public_beginning(&key),
            algorithm: Algorithm::Public(key),
        }
    }

    /// What may be published of it: nothing of a secret.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn published(&self) -> Option<&PublicKey> {
        match &self.algorithm {
            Algorithm::Hs256(_) => None,
            Algorithm::Private(key) => Some(key.public()),
            Algorithm::Public(key) => Some(key),
        }
    }

    /// The same key for tokens that begin otherwise, as vectors do.
    #[cfg(test)]
    pub(crate) fn pinned_to(self, beginning: &str) -> Self {
        let algorithm = match self.algorithm {
            Algorithm::Hs256(key) => {
                Algorithm::Hs256(Hs256::new(key.keyed.clone(), beginning).into())
            }
            #[cfg(feature = "asymmetric")]
            other => other,
        };
        Self {
            beginning: beginning.to_owned(),
            algorithm,
        }
    }

    /// How every token of this key begins: the pinned first segment and its dot.
    pub(crate) fn beginning(&self) -> &str {
        &self.beginning
    }

    /// Appends a dot and the signature to a token's first two segments; `None` where the key only verifies, or the
    /// operating system has no random numbers.
    pub(crate) fn sign(&self, token: &mut String) -> Option<()> {
        match &self.algorithm {
            Algorithm::Hs256(key) => {
                let payload = token.as_bytes().get(self.beginning.len()..)?;
                let signature = key.encoded_signature(payload);
                token.push('.');
                token.push_str(str::from_utf8(&signature).ok()?);
            }
            #[cfg(feature = "asymmetric")]
            Algorithm::Private(key) => {
                let mut signature = [0; LONGEST_SIGNATURE];
                let signature = key.sign(token.as_bytes(), &mut signature)?;
                token.push('.');
                URL_SAFE_NO_PAD.encode_append(signature, token);
            }
            #[cfg(feature = "asymmetric")]
            Algorithm::Public(_) => return None,
        }
        Some(())
    }

    /// Checks the encoded signature over a token's first two segments, which begin as all of this key's do. What a
    /// stranger sent is compared in constant time, and decoded by safe code where it has to be.
    pub(crate) fn check(&self, signed: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        let verifies = match &self.algorithm {
            Algorithm::Hs256(key) => {
                let payload = signed.get(self.beginning.len()..).unwrap_or_default();
                // Before the hash, which costs more than all of this.
                let signature = signature.try_into().map_err(|_| TokenError::Signature)?;
                if !base64url::is_text(signature) {
                    return Err(TokenError::Encoding);
                }
                constant_time_eq_n(&key.encoded_signature(payload), signature)
            }
            #[cfg(feature = "asymmetric")]
            Algorithm::Private(key) => verifies(key.public(), signed, signature)?,
            #[cfg(feature = "asymmetric")]
            Algorithm::Public(key) => verifies(key, signed, signature)?,
        };
        if verifies {
            Ok(())
        } else {
            Err(TokenError::Signature)
        }
    }

    /// Whether the two are one key, of whichever kind of token.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.algorithm, &other.algorithm) {
            // By what they make of one message, because the secrets themselves are not kept.
            (Algorithm::Hs256(one), Algorithm::Hs256(other)) => {
                authenticate(&one.keyed, b"equal?") == authenticate(&other.keyed, b"equal?")
            }
            #[cfg(feature = "asymmetric")]
            _ => self.beginning == other.beginning,
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// The keys of one kind of token. One signs, unless another service does; it and all others verify: those that signed
/// before, and those that will.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyRing {
    signing: Option<TokenKey>,
    others: Vec<TokenKey>,
}

impl KeyRing {
    pub(crate) fn new(signing: TokenKey) -> Self {
        Self {
            signing: Some(signing),
            others: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, other: TokenKey) {
        self.others.push(other);
    }

    pub(crate) fn signing(&self) -> Option<&TokenKey> {
        self.signing.as_ref()
    }

    /// All keys, the signing one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TokenKey> {
        self.signing.iter().chain(&self.others)
    }

    /// The key whose tokens begin as this one does, and what stands behind its first segment's dot.
    pub(crate) fn find<'token>(&self, token: &'token [u8]) -> Option<(&TokenKey, &'token [u8])> {
        self.iter()
            .find_map(|key| Some((key, token.strip_prefix(key.beginning.as_bytes())?)))
    }
}

/// The encoded header of all tokens of one key and kind, and the dot behind it.
fn beginning(kind: TokenKind, algorithm: &str, name: &str) -> String {
    let typ = kind.typ();
    let header = format!(r#"{{"typ":"{typ}","alg":"{algorithm}","kid":"{name}"}}"#);
    URL_SAFE_NO_PAD.encode_to_string(header) + "."
}

#[cfg(feature = "asymmetric")]
fn public_beginning(key: &PublicKey) -> String {
    let jwk = key.jwk();
    beginning(TokenKind::Access, jwk.algorithm(), &jwk.thumbprint())
}

#[cfg(feature = "asymmetric")]
fn verifies(key: &PublicKey, signed: &[u8], signature: &[u8]) -> Result<bool, TokenError> {
    let mut bytes = [0; LONGEST_SIGNATURE];
    let signature = base64url::decode(signature, &mut bytes).ok_or(TokenError::Encoding)?;
    Ok(key.verifies(signed, signature))
}

/// A name that tells keys apart and nothing about them: never a digest of the key itself, which could be searched for.
/// Its 8 characters make the header a whole block of the hash.
fn key_id(mac: &Hmac<Sha256>, typ: &str) -> String {
    let name = authenticate(mac, format!("stateless-session kid {typ}").as_bytes());
    let (first, _) = name.split_at(6);
    URL_SAFE_NO_PAD.encode_to_string(first)
}

fn authenticate(mac: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    mac.clone()
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_of_a_secret_begins_with_one_block_of_the_hash() {
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let key = TokenKey::hs256(kind, b"whatever").unwrap();
            assert_eq!(key.beginning().len(), 64);
        }
    }
}
