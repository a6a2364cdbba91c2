//! Secrets in, keys out.

#[cfg(all(feature = "asymmetric", feature = "jsonwebtoken"))]
mod decoding_keys;
mod environment;
mod error;
#[cfg(feature = "asymmetric")]
pub(crate) mod jwk;
pub(crate) mod key;
#[cfg(feature = "asymmetric")]
pub(crate) mod key_error;
mod names;
#[cfg(feature = "asymmetric")]
pub(crate) mod private_key;
#[cfg(feature = "asymmetric")]
pub(crate) mod public_keys;
#[cfg(feature = "remote-jwks")]
pub(crate) mod remote_keys;
mod strength;
#[cfg(feature = "asymmetric")]
mod verified;

use base64_simd::URL_SAFE_NO_PAD;

pub use crate::keys::error::KeysError;
use crate::keys::key::{KeyRing, TokenKey, TokenKind};
#[cfg(feature = "asymmetric")]
use crate::keys::key_error::KeyError;
use crate::keys::names::{ARGUMENTS, Names};
#[cfg(feature = "asymmetric")]
use crate::keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::{MOST_KEYS, PublicKeys};
pub use crate::keys::strength::Weakness;

/// The keys that sign and verify the two kinds of token: secrets (HS256; RFC 7518, section 3.2), or with the feature
/// `asymmetric`, a private key for access tokens.
///
/// A secret is printable ASCII, at least 43 characters (64 if all of them are hexadecimal). White space around it is
/// trimmed; otherwise it is used as it stands, never decoded. `openssl rand -base64 48` makes a good one.
///
/// ```
/// use stateless_session::Keys;
///
/// let error = Keys::from_secrets("hunter2", "correct horse battery staple").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the access token's secret is too short: it needs at least 43 characters (64 if hexadecimal); \
///      `openssl rand -base64 48` makes a good one",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Keys {
    pub(crate) access: KeyRing,
    pub(crate) refresh: KeyRing,
}

impl Keys {
    /// Takes the two secrets from elsewhere, such as a secret manager.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when a secret could be guessed, or both are the same.
    ///
    /// ```
    /// # use stateless_session::{Keys, KeysError};
    /// # fn keys(vault: impl Fn(&str) -> String) -> Result<Keys, KeysError> {
    /// Keys::from_secrets(&vault("access-token"), &vault("refresh-token"))
    /// # }
    /// ```
    pub fn from_secrets(access: &str, refresh: &str) -> Result<Self, KeysError> {
        let access = secret_key(TokenKind::Access, ARGUMENTS.access, access)?;
        let refresh = secret_key(TokenKind::Refresh, ARGUMENTS.refresh, refresh)?;
        Self::new(&ARGUMENTS, access, refresh)
    }

    /// Signs access tokens with a private key, so that whoever has its public half can verify them. Only this server reads
    /// its refresh tokens, so a secret is enough for them.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when the secret could be guessed.
    ///
    /// ```
    /// # use stateless_session::{Keys, PrivateKey};
    /// # fn keys(pem: &str, refresh: &str) -> Result<Keys, Box<dyn std::error::Error>> {
    /// let keys = Keys::from_private_key(PrivateKey::from_pem(pem)?, refresh)?;
    /// # Ok(keys)
    /// # }
    /// ```
    #[cfg(feature = "asymmetric")]
    pub fn from_private_key(access: PrivateKey, refresh: &str) -> Result<Self, KeysError> {
        let refresh = secret_key(TokenKind::Refresh, ARGUMENTS.refresh, refresh)?;
        Self::new(&ARGUMENTS, TokenKey::private(access), refresh)
    }

    /// Adds public keys of access tokens that verify, are published, and never sign: of the private keys before the last
    /// change, or of those to come. Call it again for more of them.
    ///
    /// A key that is to come is published first, for as long as verifiers keep a set (they ask for it anew every five
    /// minutes here), so that all of them know it when it signs. One that signed before is needed for one access lifetime
    /// after the last instance has stopped signing with it.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when a key is there already, or there would be more than 32.
    ///
    /// ```
    /// # use stateless_session::{Keys, PrivateKey, PublicKeys};
    /// # fn keys(pem: &str, refresh: &str, next: &str) -> Result<Keys, Box<dyn std::error::Error>> {
    /// let keys = Keys::from_private_key(PrivateKey::from_pem(pem)?, refresh)?
    ///     .with_public_keys(PublicKeys::from_pem(next)?)?;
    /// # Ok(keys)
    /// # }
    /// ```
    #[cfg(feature = "asymmetric")]
    pub fn with_public_keys(self, keys: PublicKeys) -> Result<Self, KeysError> {
        self.and_keys("the set of public keys", keys)
    }

    /// The public keys that verify these access tokens, the signing one first; `None` where all of them are secrets.
    ///
    /// ```
    /// # use stateless_session::{Keys, PrivateKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let keys = Keys::from_private_key(PrivateKey::from_jwk(jwk)?, "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ")?;
    /// let published = keys.public_keys().map(|keys| keys.to_jwks());
    /// assert!(published.is_some_and(|set| set.contains(r#""alg":"EdDSA""#)));
    /// assert!(Keys::generate()?.public_keys().is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "asymmetric")]
    pub fn public_keys(&self) -> Option<PublicKeys> {
        PublicKeys::published(self.access.iter().filter_map(TokenKey::published))
    }

    /// Adds secrets that verify and never sign: of the keys before the last change, or of those to come. Call it again
    /// for more of them.
    ///
    /// An old access secret is needed for one access lifetime after the last instance has stopped signing with it, an
    /// old refresh secret for one refresh lifetime: whoever did not come back in between is logged out when it goes.
    ///
    /// ```
    /// # use stateless_session::{Keys, KeysError};
    /// # fn keys(access: &str, refresh: &str, old_access: &str) -> Result<Keys, KeysError> {
    /// Keys::from_secrets(access, refresh)?.with_previous(Some(old_access), None)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when a secret could be guessed, or any two of the four are the same.
    pub fn with_previous(
        self,
        access: Option<&str>,
        refresh: Option<&str>,
    ) -> Result<Self, KeysError> {
        self.and_previous(&ARGUMENTS, access, refresh)
    }

    /// Random keys for development and tests: every session ends with the process, and a second instance of the
    /// program accepts none of them. A warning in the log says so.
    ///
    /// # Errors
    ///
    /// [`KeysError::Random`] when the operating system has no random numbers.
    ///
    /// ```
    /// use stateless_session::{Keys, KeysError};
    ///
    /// /// For a program that should start without configuration.
    /// fn keys() -> Result<Keys, KeysError> {
    ///     match Keys::from_env() {
    ///         Err(error) if error.is_unset() => Keys::generate(),
    ///         keys => keys,
    ///     }
    /// }
    /// # keys().unwrap();
    /// ```
    pub fn generate() -> Result<Self, KeysError> {
        tracing::warn!(target: "stateless_session", "the keys are random: every session ends with this process");
        let mut random = [0; 96];
        getrandom::fill(&mut random).map_err(|_| KeysError::Random)?;
        let (access, refresh) = random.split_at(48);
        Self::from_secrets(
            &URL_SAFE_NO_PAD.encode_to_string(access),
            &URL_SAFE_NO_PAD.encode_to_string(refresh),
        )
    }

    fn new(names: &Names, access: TokenKey, refresh: TokenKey) -> Result<Self, KeysError> {
        let keys = Self {
            access: KeyRing::new(access),
            refresh: KeyRing::new(refresh),
        };
        keys.all_different(names)
    }

    fn and_previous(
        mut self,
        names: &Names,
        access: Option<&str>,
        refresh: Option<&str>,
    ) -> Result<Self, KeysError> {
        if let Some(secret) = access {
            self.access.add(secret_key(
                TokenKind::Access,
                names.previous_access,
                secret,
            )?);
        }
        if let Some(secret) = refresh {
            self.refresh.add(secret_key(
                TokenKind::Refresh,
                names.previous_refresh,
                secret,
            )?);
        }
        self.all_different(names)
    }

    #[cfg(feature = "asymmetric")]
    fn and_keys(mut self, name: &'static str, keys: PublicKeys) -> Result<Self, KeysError> {
        let refused = |reason| Err(KeysError::Refused { name, reason });
        for key in keys.into_keys().map(TokenKey::public) {
            if self.access.iter().any(|known| known.is_same(&key)) {
                return refused(KeyError::Repeated);
            }
            self.access.add(key);
        }
        // A verifier refuses a larger set as a whole.
        if self.access.iter().filter_map(TokenKey::published).count() > MOST_KEYS {
            return refused(KeyError::TooMany);
        }
        Ok(self)
    }

    /// Whether these are public keys and nothing else, and they the ones, in whichever order.
    #[cfg(feature = "remote-jwks")]
    pub(crate) fn are_just(&self, keys: &PublicKeys) -> bool {
        // Whoever signs has some for refresh tokens.
        let signs = self.refresh.iter().next().is_some();
        let published: Option<Vec<_>> = self.access.iter().map(TokenKey::published).collect();
        let are_same = |published: Vec<_>| {
            published.len() == keys.len() && published.into_iter().all(|key| keys.contains(key))
        };
        !signs && published.is_some_and(are_same)
    }

    fn all_different(self, names: &Names) -> Result<Self, KeysError> {
        let labels = |signing, other| std::iter::once(signing).chain(std::iter::repeat(other));
        let access = labels(names.access, names.previous_access).zip(self.access.iter());
        let refresh = labels(names.refresh, names.previous_refresh).zip(self.refresh.iter());
        let mut seen: Vec<(&'static str, &TokenKey)> = Vec::new();
        for (name, key) in access.chain(refresh) {
            if let Some((first, _)) = seen.iter().find(|(_, other)| other.is_same(key)) {
                return Err(KeysError::Equal {
                    names: [*first, name],
                });
            }
            seen.push((name, key));
        }
        Ok(self)
    }
}

/// Keys that verify the access tokens of another service, and sign nothing.
#[cfg(feature = "asymmetric")]
impl From<PublicKeys> for Keys {
    fn from(keys: PublicKeys) -> Self {
        let mut access = KeyRing::default();
        for key in keys.into_keys() {
            access.add(TokenKey::public(key));
        }
        Self {
            access,
            refresh: KeyRing::default(),
        }
    }
}

fn secret_key(kind: TokenKind, name: &'static str, secret: &str) -> Result<TokenKey, KeysError> {
    let secret = secret.trim();
    let weak = |reason| KeysError::Weak { name, reason };
    strength::check(secret).map_err(weak)?;
    TokenKey::hs256(kind, secret.as_bytes()).map_err(|_| weak(Weakness::TooShort))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
    const OTHER: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";

    fn weakness(secret: &str) -> Option<Weakness> {
        match Keys::from_secrets(secret, OTHER) {
            Ok(_) => None,
            Err(KeysError::Weak { reason, .. }) => Some(reason),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused() {
        assert_eq!(weakness(GOOD), None);
        assert_eq!(weakness(&format!(" {GOOD}\n")), None);
        assert_eq!(weakness(&GOOD[..42]), Some(Weakness::TooShort));
        assert_eq!(weakness(""), Some(Weakness::TooShort));
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(weakness(hex), None);
        assert_eq!(weakness(&hex[..62]), Some(Weakness::TooShort));
        assert_eq!(
            weakness(&GOOD.replace("XcL7", "X L7")),
            Some(Weakness::InnerBlank)
        );
        assert_eq!(
            weakness(&GOOD.replace('X', "é")),
            Some(Weakness::NotPrintable)
        );
        assert_eq!(
            weakness(&GOOD.replace('X', "\u{7}")),
            Some(Weakness::NotPrintable)
        );
        assert_eq!(
            weakness(&"abcdefghi".repeat(6)),
            Some(Weakness::FewCharacters)
        );
        assert_eq!(weakness(&GOOD[..12].repeat(4)), Some(Weakness::Repetition));
        assert_eq!(weakness(&format!("{}x", &GOOD[..15].repeat(3))), None);
        assert_eq!(
            weakness(&format!("my-Secret-{GOOD}")),
            Some(Weakness::Sample)
        );
        assert_eq!(
            weakness(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
            ),
            Some(Weakness::Sample)
        );
    }

    #[test]
    fn any_two_equal_secrets_are_refused() {
        let third = "b8Nc5XzQ1LpW7vKt3RfYj0GhM6sDa9EuIo2TqBnV4xCy";
        let equal = |keys: Result<Keys, KeysError>| matches!(keys, Err(KeysError::Equal { .. }));
        assert!(equal(Keys::from_secrets(GOOD, &format!(" {GOOD}"))));
        let keys = Keys::from_secrets(GOOD, OTHER).unwrap();
        for (access, refresh) in [
            (Some(GOOD), None),
            (Some(OTHER), None),
            (None, Some(GOOD)),
            (None, Some(OTHER)),
            (Some(third), Some(third)),
        ] {
            assert!(equal(keys.clone().with_previous(access, refresh)));
        }
        assert!(keys.with_previous(Some(third), None).is_ok());
    }

    #[test]
    fn no_message_and_no_debug_shows_a_secret() {
        let error = Keys::from_secrets(&GOOD[..20], OTHER).unwrap_err();
        let keys = Keys::from_secrets(GOOD, OTHER).unwrap();
        for text in [format!("{error} {error:?}"), format!("{keys:?} {keys:#?}")] {
            assert!(!text.contains(&GOOD[..8]), "{text}");
            assert!(!text.contains(&OTHER[..8]), "{text}");
        }
    }

    /// `fn main() -> Result<(), Box<dyn Error>>` prints `Debug`.
    #[test]
    fn a_main_that_returns_the_error_says_what_is_wrong() {
        let error = Keys::from_secrets("hunter2", OTHER).unwrap_err();
        let printed = format!("{:?}", Box::<dyn std::error::Error>::from(error.clone()));
        assert_eq!(printed, error.to_string());
        assert!(printed.contains("`openssl rand -base64 48` makes a good one"));
    }

    #[cfg(feature = "remote-jwks")]
    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// What an application put in the place of fetched keys is replaced by the next answer.
    #[cfg(feature = "remote-jwks")]
    #[test]
    fn public_keys_beside_secrets_are_not_just_those() {
        let [one, other] = [
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
        ]
        .map(|x| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#));
        let set = |keys: &[&String]| {
            let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
            PublicKeys::from_jwks(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap()
        };
        let both = Keys::from(set(&[&one, &other]));
        assert!(both.are_just(&set(&[&other, &one])));
        assert!(!both.are_just(&set(&[&one])));
        assert!(!Keys::from(set(&[&one])).are_just(&set(&[&one, &other])));
        assert!(!Keys::from(set(&[&one])).are_just(&set(&[&other])));
        let secrets = Keys::from_secrets(GOOD, OTHER).unwrap();
        let beside = secrets.with_public_keys(set(&[&one])).unwrap();
        assert!(!beside.are_just(&set(&[&one])));
        let previous = Keys::from(set(&[&one])).with_previous(Some(GOOD), None);
        assert!(!previous.unwrap().are_just(&set(&[&one])));
        let private = PrivateKey::from_jwk(PRIVATE).unwrap();
        let signing = Keys::from_private_key(private, OTHER).unwrap();
        assert!(!signing.are_just(&set(&[&one])));
    }

    #[test]
    fn random_keys_are_never_the_same() {
        let headers = |keys: &Keys| {
            let both = [keys.access.signing(), keys.refresh.signing()];
            both.map(|key| key.unwrap().beginning().to_owned())
        };
        let mut seen = Vec::new();
        for _ in 0..100 {
            seen.extend(headers(&Keys::generate().unwrap()));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 200);
    }
}
