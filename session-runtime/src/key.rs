//! One key for one kind of token.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq_32;
use hmac::digest::common::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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

/// An HS256 key (RFC 7518, section 3.2), keyed once, with the only first segment that its tokens can have.
#[derive(Clone)]
pub(crate) struct TokenKey {
    header: String,
    mac: Hmac<Sha256>,
}

impl TokenKey {
    /// # Errors
    ///
    /// HMAC takes keys of any length (RFC 2104); the signature of `hmac` only leaves room for ciphers that do not.
    pub(crate) fn hs256(kind: TokenKind, secret: &[u8]) -> Result<Self, InvalidLength> {
        let mac = Hmac::new_from_slice(secret)?;
        let typ = kind.typ();
        let name = key_id(&mac, typ);
        let header = format!(r#"{{"typ":"{typ}","alg":"HS256","kid":"{name}"}}"#);
        Ok(Self {
            header: URL_SAFE_NO_PAD.encode_to_string(header),
            mac,
        })
    }

    /// The pinned first segment.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 32] {
        authenticate(&self.mac, message)
    }

    /// Compares in constant time.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 32]) -> bool {
        constant_time_eq_32(&self.sign(message), signature)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// The keys of one kind of token. One signs; it and all others verify: those that signed before, and those that will.
#[derive(Clone, Debug)]
pub(crate) struct KeyRing {
    signing: TokenKey,
    others: Vec<TokenKey>,
}

impl KeyRing {
    pub(crate) fn new(signing: TokenKey) -> Self {
        Self {
            signing,
            others: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, other: TokenKey) {
        self.others.push(other);
    }

    pub(crate) fn signing(&self) -> &TokenKey {
        &self.signing
    }

    /// All keys, the signing one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TokenKey> {
        std::iter::once(&self.signing).chain(&self.others)
    }

    /// The key whose tokens begin with `header`.
    pub(crate) fn find(&self, header: &[u8]) -> Option<&TokenKey> {
        self.iter().find(|key| key.header.as_bytes() == header)
    }
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
