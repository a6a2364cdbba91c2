//! One key for one kind of token.

use std::fmt;
#[cfg(feature = "asymmetric")]
use std::sync::{Arc, OnceLock};

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use constant_time_eq::constant_time_eq_n;
use hmac::digest::common::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[cfg(feature = "asymmetric")]
use crate::keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKey;
#[cfg(feature = "asymmetric")]
use crate::keys::verified::{Fingerprint, Verified};
use crate::token::base64url;
use crate::token::error::TokenError;

/// Which of the two tokens something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
    /// A refresh token that a program keeps which is no browser.
    Native,
}

impl TokenKind {
    /// The `typ` of RFC 9068's name, and of ours beside it. Every kind has two letters and `+jwt`, those to come included, or
    /// its header would be no whole block of the hash.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh | Self::Native => "rt+jwt",
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

/// What a key can do is fixed when it is loaded. What a check reads of a secret lies beside the beginning of its tokens, with no
/// pointer to follow.
#[derive(Clone)]
enum Algorithm {
    Hs256(Hs256),
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
        Self::hs256_of_typ(kind.typ(), secret)
    }

    fn hs256_of_typ(typ: &str, secret: &[u8]) -> Result<Self, InvalidLength> {
        let keyed = Hmac::new_from_slice(secret)?;
        let beginning = beginning(typ, "HS256", &key_id(&keyed, typ));
        Ok(Self {
            algorithm: Algorithm::Hs256(Hs256::new(keyed, &beginning)),
            beginning,
        })
    }

    /// The key of the same age for tokens of another `typ`: what this one makes of its name (NIST SP 800-108r1, section 4.1).
    /// `None` for a key that is no secret.
    pub(crate) fn derived(&self, typ: &str) -> Option<Self> {
        let secret = self.mac("key", &[typ.as_bytes()])?;
        Self::hs256_of_typ(typ, &secret).ok()
    }

    /// A MAC over parts, each with its length before it, so that none can lend bytes to the next. No token begins as what is
    /// hashed here does. `None` for a key that is no secret.
    pub(crate) fn mac(&self, label: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
        match &self.algorithm {
            Algorithm::Hs256(key) => {
                let mut mac = key.keyed.clone();
                for part in [&[b"stateless-session", label.as_bytes()], parts].concat() {
                    mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
                    mac.update(part);
                }
                Some(mac.finalize().into_bytes().into())
            }
            #[cfg(feature = "asymmetric")]
            _ => None,
        }
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
            Algorithm::Hs256(key) => Algorithm::Hs256(Hs256::new(key.keyed, beginning)),
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
    /// Of these keys and no others, from the first token on that a public one verifies.
    #[cfg(feature = "asymmetric")]
    verified: Arc<OnceLock<Option<Verified>>>,
}

/// A token whose signature was verified for the first time, or nothing where that is not kept.
#[derive(Clone, Copy)]
pub(crate) struct Unseen(#[cfg(feature = "asymmetric")] Option<Fingerprint>);

impl Unseen {
    const NOTHING: Self = Self(
        #[cfg(feature = "asymmetric")]
        None,
    );
}

impl KeyRing {
    pub(crate) fn new(signing: TokenKey) -> Self {
        Self {
            signing: Some(signing),
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, other: TokenKey) {
        self.others.push(other);
        #[cfg(feature = "asymmetric")]
        {
            self.verified = Arc::default();
        }
    }

    pub(crate) fn signing(&self) -> Option<&TokenKey> {
        self.signing.as_ref()
    }

    /// All keys, the signing one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TokenKey> {
        self.signing.iter().chain(&self.others)
    }

    /// The ring for tokens of another `typ`, each key derived from one of this ring. Keys that are no secrets have no part in it.
    pub(crate) fn derived(&self, typ: &str) -> Self {
        let derive = |key: &TokenKey| key.derived(typ);
        Self {
            signing: self.signing.as_ref().and_then(derive),
            others: self.others.iter().filter_map(derive).collect(),
            #[cfg(feature = "asymmetric")]
            verified: Arc::default(),
        }
    }

    /// The key whose tokens begin as this one does, and what stands behind its first segment's dot.
    pub(crate) fn find<'token>(&self, token: &'token [u8]) -> Option<(&TokenKey, &'token [u8])> {
        self.iter()
            .find_map(|key| Some((key, token.strip_prefix(key.beginning.as_bytes())?)))
    }

    /// Checks the signature of a token with the key that was found for it, unless this very token was remembered.
    #[cfg_attr(
        not(feature = "asymmetric"),
        expect(clippy::unused_self, reason = "nothing is remembered of secrets")
    )]
    #[inline]
    pub(crate) fn check(
        &self,
        key: &TokenKey,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<Unseen, TokenError> {
        #[cfg(feature = "asymmetric")]
        if key.published().is_some()
            && let Some(verified) = self.verified.get_or_init(Verified::new)
        {
            let fingerprint = verified.fingerprint(signed, signature);
            if verified.contains(&fingerprint) {
                return Ok(Unseen::NOTHING);
            }
            key.check(signed, signature)?;
            return Ok(Unseen(Some(fingerprint)));
        }
        key.check(signed, signature)?;
        Ok(Unseen::NOTHING)
    }

    /// Spares a token that counts its next check here.
    #[cfg_attr(
        not(feature = "asymmetric"),
        expect(clippy::unused_self, reason = "nothing is remembered of secrets")
    )]
    #[inline]
    pub(crate) fn remember(&self, unseen: Unseen) {
        #[cfg(feature = "asymmetric")]
        if let (Unseen(Some(token)), Some(Some(verified))) = (unseen, self.verified.get()) {
            verified.remember(&token);
        }
        #[cfg(not(feature = "asymmetric"))]
        let Unseen() = unseen;
    }

    #[cfg(all(test, feature = "asymmetric"))]
    pub(crate) fn remembers(&self, token: &str) -> bool {
        self.verified.get().is_some_and(|verified| {
            let verified = verified.as_ref().unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            verified.contains(&verified.fingerprint(signed.as_bytes(), signature.as_bytes()))
        })
    }

    #[cfg(all(test, feature = "asymmetric"))]
    pub(crate) fn remembers_anything(&self) -> bool {
        self.verified.get().is_some()
    }
}

/// The encoded header of all tokens of one key and kind, and the dot behind it.
fn beginning(typ: &str, algorithm: &str, name: &str) -> String {
    let header = format!(r#"{{"typ":"{typ}","alg":"{algorithm}","kid":"{name}"}}"#);
    URL_SAFE_NO_PAD.encode_to_string(header) + "."
}

#[cfg(feature = "asymmetric")]
fn public_beginning(key: &PublicKey) -> String {
    let jwk = key.jwk();
    beginning(TokenKind::Access.typ(), jwk.algorithm(), &jwk.thumbprint())
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
