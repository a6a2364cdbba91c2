//! One key for one kind of token.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq_32;
use hmac::digest::common::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[cfg(feature = "asymmetric")]
use crate::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
use crate::public_keys::PublicKey;

/// Which of the two tokens something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
}

impl TokenKind {
    /// The `typ` of RFC 9068's name, and of ours beside it.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

/// The longest signature that a key here makes: HS256's 32 bytes, or those of RS256 with an RSA key of 4096 bits.
pub(crate) const LONGEST_SIGNATURE: usize = if cfg!(feature = "asymmetric") {
    512
} else {
    32
};

/// A key with the only first segment that its tokens can have.
#[derive(Clone)]
pub(crate) struct TokenKey {
    header: String,
    algorithm: Algorithm,
}

/// What a key can do is fixed when it is loaded.
#[derive(Clone)]
enum Algorithm {
    /// HS256 (RFC 7518, section 3.2), keyed once.
    Hs256(Hmac<Sha256>),
    /// `EdDSA`, ES256 or RS256, by the type of the key.
    #[cfg(feature = "asymmetric")]
    Private(PrivateKey),
    #[cfg(feature = "asymmetric")]
    Public(PublicKey),
}

impl TokenKey {
    /// # Errors
    ///
    /// HMAC takes keys of any length (RFC 2104); the signature of `hmac` only leaves room for ciphers that do not.
    pub(crate) fn hs256(kind: TokenKind, secret: &[u8]) -> Result<Self, InvalidLength> {
        let mac = Hmac::new_from_slice(secret)?;
        let header = header(kind, "HS256", &key_id(&mac, kind.typ()));
        let algorithm = Algorithm::Hs256(mac);
        Ok(Self { header, algorithm })
    }

    /// A key for access tokens that others verify.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn private(key: PrivateKey) -> Self {
        Self {
            header: public_header(key.public()),
            algorithm: Algorithm::Private(key),
        }
    }

    /// A key that verifies the access tokens of another.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn public(key: PublicKey) -> Self {
        Self {
            header: public_header(&key),
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

    /// The same key for tokens of another header, which vectors have.
    #[cfg(test)]
    pub(crate) fn pinned_to(self, header: &str) -> Self {
        Self {
            header: header.to_owned(),
            ..self
        }
    }

    /// The pinned first segment.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// Writes the signature into `out`; `None` where the key only verifies, or the operating system has no random
    /// numbers.
    pub(crate) fn sign<'out>(
        &self,
        message: &[u8],
        out: &'out mut [u8; LONGEST_SIGNATURE],
    ) -> Option<&'out [u8]> {
        match &self.algorithm {
            Algorithm::Hs256(mac) => {
                let out = out.first_chunk_mut()?;
                *out = authenticate(mac, message);
                Some(out)
            }
            #[cfg(feature = "asymmetric")]
            Algorithm::Private(key) => key.sign(message, out),
            #[cfg(feature = "asymmetric")]
            Algorithm::Public(_) => None,
        }
    }

    /// Compares in constant time.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.algorithm {
            Algorithm::Hs256(mac) => signature
                .try_into()
                .is_ok_and(|signature| constant_time_eq_32(&authenticate(mac, message), signature)),
            #[cfg(feature = "asymmetric")]
            Algorithm::Private(key) => key.public().verifies(message, signature),
            #[cfg(feature = "asymmetric")]
            Algorithm::Public(key) => key.verifies(message, signature),
        }
    }

    /// Whether the two are one key, of whichever kind of token.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.algorithm, &other.algorithm) {
            // By what they make of one message, because the secrets themselves are not kept.
            (Algorithm::Hs256(one), Algorithm::Hs256(other)) => {
                authenticate(one, b"equal?") == authenticate(other, b"equal?")
            }
            #[cfg(feature = "asymmetric")]
            _ => self.header == other.header,
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

    /// The key whose tokens have this one's first segment, and what stands behind that segment's dot.
    pub(crate) fn find<'token>(&self, token: &'token [u8]) -> Option<(&TokenKey, &'token [u8])> {
        self.iter().find_map(|key| {
            let rest = token.strip_prefix(key.header.as_bytes())?;
            Some((key, rest.strip_prefix(b".")?))
        })
    }
}

/// The encoded header of all tokens of one key and kind.
fn header(kind: TokenKind, algorithm: &str, name: &str) -> String {
    let typ = kind.typ();
    let header = format!(r#"{{"typ":"{typ}","alg":"{algorithm}","kid":"{name}"}}"#);
    URL_SAFE_NO_PAD.encode_to_string(header)
}

#[cfg(feature = "asymmetric")]
fn public_header(key: &PublicKey) -> String {
    let jwk = key.jwk();
    header(TokenKind::Access, jwk.algorithm(), &jwk.thumbprint())
}

/// A name that tells keys apart and nothing about them: never a digest of the key itself, which could be searched for.
fn key_id(mac: &Hmac<Sha256>, typ: &str) -> String {
    let name = authenticate(mac, format!("stateless-session kid {typ}").as_bytes());
    let (first, _) = name.split_at(8);
    URL_SAFE_NO_PAD.encode_to_string(first)
}

fn authenticate(mac: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    mac.clone()
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}
