//! Secrets in, keys out.

#[cfg(feature = "asymmetric")]
pub(crate) mod jwk;
pub(crate) mod key;
#[cfg(feature = "asymmetric")]
pub(crate) mod key_error;
#[cfg(feature = "asymmetric")]
pub(crate) mod private_key;
#[cfg(feature = "asymmetric")]
pub(crate) mod public_keys;
#[cfg(feature = "remote-jwks")]
pub(crate) mod remote_keys;

#[cfg(feature = "asymmetric")]
use std::borrow::Cow;
use std::env;
use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;

use crate::keys::key::{KeyRing, TokenKey, TokenKind};
#[cfg(feature = "asymmetric")]
use crate::keys::{
    key_error::KeyError,
    private_key::PrivateKey,
    public_keys::{MOST_KEYS, PublicKeys},
};

/// What errors call the four secrets.
struct Names {
    access: &'static str,
    refresh: &'static str,
    previous_access: &'static str,
    previous_refresh: &'static str,
}

const VARIABLES: Names = Names {
    access: "ACCESS_TOKEN_SECRET",
    refresh: "REFRESH_TOKEN_SECRET",
    previous_access: "ACCESS_TOKEN_SECRET_PREVIOUS",
    previous_refresh: "REFRESH_TOKEN_SECRET_PREVIOUS",
};

/// The private key that signs access tokens instead of a secret.
const PRIVATE_KEY: &str = "ACCESS_TOKEN_PRIVATE_KEY";
/// Other public keys that verify them and are published.
const PUBLIC_KEYS: &str = "ACCESS_TOKEN_PUBLIC_KEYS";

const ARGUMENTS: Names = Names {
    access: "the access token's secret",
    refresh: "the refresh token's secret",
    previous_access: "the access token's previous secret",
    previous_refresh: "the refresh token's previous secret",
};

/// 32 random bytes are 43 characters of base64.
const SHORTEST: usize = 43;
/// 32 random bytes are 64 characters of hexadecimal.
const SHORTEST_HEX: usize = 64;
const FEWEST_DIFFERENT: usize = 10;

/// What a secret of random characters never holds, but one that was made up or copied does.
const SAMPLES: [&str; 14] = [
    "secret",
    "password",
    "passphrase",
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "example",
    "qwertyuiop",
    "0123456789",
    "abcdefghij",
    // RFC 7515, appendix A.1; RFC 7520, section 3.5; RFC 7517, appendix A.3.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqq",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjg-onbc6mxccyg",
    "fdfh7p1qyvnv8n4avdjfqxxktaop5gfipjhwk0fsaem",
];

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
    /// Reads `ACCESS_TOKEN_SECRET` and `REFRESH_TOKEN_SECRET`, and where they are set `ACCESS_TOKEN_SECRET_PREVIOUS`
    /// and `REFRESH_TOKEN_SECRET_PREVIOUS`.
    ///
    /// A previous secret verifies and never signs, so that several instances rotate in two deployments: first the new
    /// secret as `_PREVIOUS` everywhere, then the two swapped.
    ///
    /// With the feature `asymmetric`, `ACCESS_TOKEN_PRIVATE_KEY` stands instead of `ACCESS_TOKEN_SECRET`: a
    /// `PrivateKey` as PEM text or JWK, or the path of a file that holds it. `ACCESS_TOKEN_PUBLIC_KEYS`, in the same
    /// manner, holds other keys that verify and are published: PEM blocks one behind the other, or a JWK set.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] that names the variable, and never shows a value. [`KeysError::is_unset`] is true only when none of
    /// these variables is set, the previous secrets aside.
    pub fn from_env() -> Result<Self, KeysError> {
        // Lossy, because a value that is not Unicode is refused with all others that are not ASCII.
        Self::from_variables(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, KeysError> {
        let names = &VARIABLES;
        // Set but empty is a configuration that failed, not one that is absent.
        let any = [names.access, names.refresh, PRIVATE_KEY, PUBLIC_KEYS];
        if any.into_iter().all(|name| variable(name).is_none()) {
            return Err(KeysError::Unset);
        }
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let access = access_key(set(names.access), set(PRIVATE_KEY))?;
        let name = names.refresh;
        let refresh = set(name).ok_or(KeysError::Missing { name })?;
        let refresh = secret_key(TokenKind::Refresh, name, &refresh)?;
        let keys = Self::new(names, access, refresh)?.and_previous(
            names,
            set(names.previous_access).as_deref(),
            set(names.previous_refresh).as_deref(),
        )?;
        keys.and_public_keys(set(PUBLIC_KEYS).as_deref())
    }

    /// Takes the two secrets from elsewhere, such as a secret manager.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when a secret could be guessed, or both are the same.
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
    #[cfg(feature = "asymmetric")]
    pub fn with_public_keys(self, keys: PublicKeys) -> Result<Self, KeysError> {
        self.and_keys("the set of public keys", keys)
    }

    /// The public keys that verify these access tokens, the signing one first; `None` where all of them are secrets.
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
    pub fn generate() -> Result<Self, KeysError> {
        tracing::warn!("the keys are random: every session ends with this process");
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
    fn and_public_keys(self, value: Option<&str>) -> Result<Self, KeysError> {
        let Some(value) = value else { return Ok(self) };
        self.and_keys(PUBLIC_KEYS, public_keys(value)?)
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

    #[cfg(not(feature = "asymmetric"))]
    fn and_public_keys(self, value: Option<&str>) -> Result<Self, KeysError> {
        match value {
            None => Ok(self),
            Some(_) => Err(KeysError::FeatureOff { name: PUBLIC_KEYS }),
        }
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

/// The key that signs access tokens: a secret, or a private key.
fn access_key(secret: Option<String>, private: Option<String>) -> Result<TokenKey, KeysError> {
    let name = VARIABLES.access;
    match (secret, private) {
        (Some(secret), None) => secret_key(TokenKind::Access, name, &secret),
        (None, Some(key)) => private_key(&key),
        (None, None) => Err(KeysError::Missing { name }),
        (Some(_), Some(_)) => Err(KeysError::Both {
            names: [name, PRIVATE_KEY],
        }),
    }
}

#[cfg(feature = "asymmetric")]
fn private_key(value: &str) -> Result<TokenKey, KeysError> {
    let name = PRIVATE_KEY;
    let key = PrivateKey::from_text(&text_or_file(name, value)?);
    key.map(TokenKey::private)
        .map_err(|reason| KeysError::Refused { name, reason })
}

#[cfg(feature = "asymmetric")]
fn public_keys(value: &str) -> Result<PublicKeys, KeysError> {
    let name = PUBLIC_KEYS;
    let keys = PublicKeys::from_text(&text_or_file(name, value)?);
    keys.map_err(|reason| KeysError::Refused { name, reason })
}

#[cfg(feature = "asymmetric")]
impl PublicKeys {
    /// Reads `ACCESS_TOKEN_PUBLIC_KEYS`, for a service that only verifies: PEM blocks one behind the other, a JWK set, or the
    /// path of a file that holds either.
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{KeysError, PublicKeys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), KeysError> {
    /// let sessions: Sessions<Claims> = Sessions::verifying(PublicKeys::from_env()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when the variable is not set, or holds no key that can be used.
    pub fn from_env() -> Result<Self, KeysError> {
        Self::from_variable(env::var_os(PUBLIC_KEYS).map(|value| value.to_string_lossy().into()))
    }

    fn from_variable(value: Option<String>) -> Result<Self, KeysError> {
        let name = PUBLIC_KEYS;
        let value = value.filter(|value| !value.trim().is_empty());
        public_keys(&value.ok_or(KeysError::Missing { name })?)
    }
}

#[cfg(not(feature = "asymmetric"))]
fn private_key(_: &str) -> Result<TokenKey, KeysError> {
    Err(KeysError::FeatureOff { name: PRIVATE_KEY })
}

/// A key as text, or the path of a file that holds it.
#[cfg(feature = "asymmetric")]
fn text_or_file<'a>(name: &'static str, value: &'a str) -> Result<Cow<'a, str>, KeysError> {
    if value.contains("-----BEGIN ") || value.trim_start().starts_with('{') {
        return Ok(value.into());
    }
    // The path is not shown: it might be a secret that stands in the wrong variable.
    let read = std::fs::read_to_string(value.trim());
    read.map(Cow::from).map_err(|error| KeysError::Unreadable {
        name,
        kind: error.kind(),
    })
}

fn secret_key(kind: TokenKind, name: &'static str, secret: &str) -> Result<TokenKey, KeysError> {
    let secret = secret.trim();
    let weak = |reason| KeysError::Weak { name, reason };
    check(secret).map_err(weak)?;
    TokenKey::hs256(kind, secret.as_bytes()).map_err(|_| weak(Weakness::TooShort))
}

fn check(secret: &str) -> Result<(), Weakness> {
    let bytes = secret.as_bytes();
    if bytes.iter().any(u8::is_ascii_whitespace) {
        return Err(Weakness::InnerBlank);
    }
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(Weakness::NotPrintable);
    }
    let shortest = if bytes.iter().all(u8::is_ascii_hexdigit) {
        SHORTEST_HEX
    } else {
        SHORTEST
    };
    if bytes.len() < shortest {
        return Err(Weakness::TooShort);
    }
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    if different.len() < FEWEST_DIFFERENT {
        return Err(Weakness::FewCharacters);
    }
    if repeats_a_unit(bytes) {
        return Err(Weakness::Repetition);
    }
    let lower = secret.to_ascii_lowercase();
    if SAMPLES.iter().any(|sample| lower.contains(sample)) {
        return Err(Weakness::Sample);
    }
    Ok(())
}

/// Whether the whole is some shorter unit again and again, the last one possibly cut.
fn repeats_a_unit(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|unit| {
        bytes
            .iter()
            .zip(bytes.iter().skip(unit))
            .all(|(earlier, later)| earlier == later)
    })
}

/// Why keys were refused, without any value.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// Neither `ACCESS_TOKEN_SECRET` nor `REFRESH_TOKEN_SECRET` is set, nor a private or public key.
    Unset,
    /// A variable is not set that is needed beside others.
    Missing {
        /// The variable that is not set, or empty.
        name: &'static str,
    },
    /// A secret could be guessed.
    Weak {
        /// The variable, or what the secret is for.
        name: &'static str,
        /// What is wrong with it.
        reason: Weakness,
    },
    /// Two of the secrets are the same.
    Equal {
        /// The two variables, or what the two secrets are for.
        names: [&'static str; 2],
    },
    /// A secret and a private key are both set, and only one key signs.
    Both {
        /// The two variables.
        names: [&'static str; 2],
    },
    /// A private or public key was refused.
    #[cfg(feature = "asymmetric")]
    Refused {
        /// The variable, or what was refused.
        name: &'static str,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// A variable holds no key, and its value is no path of a file that can be read.
    #[cfg(feature = "asymmetric")]
    Unreadable {
        /// The variable.
        name: &'static str,
        /// Why not.
        kind: std::io::ErrorKind,
    },
    /// A variable needs the feature `asymmetric`, which is off.
    FeatureOff {
        /// The variable.
        name: &'static str,
    },
    /// The operating system has no random numbers.
    Random,
}

impl KeysError {
    /// Whether nothing was configured at all: the only case in which a program may fall back on [`Keys::generate`].
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }
}

const REMEDY: &str = "`openssl rand -base64 48` makes a good one";

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => {
                let Names {
                    access, refresh, ..
                } = VARIABLES;
                let instead = if cfg!(feature = "asymmetric") {
                    format!(" (or {PRIVATE_KEY})")
                } else {
                    String::new()
                };
                write!(
                    f,
                    "{access}{instead} and {refresh} are not set; {REMEDY} for each"
                )
            }
            Self::Missing { name: PUBLIC_KEYS } => write!(
                f,
                "{PUBLIC_KEYS} is not set; it holds the public keys of the service that signs, as `openssl pkey -pubout` \
                 prints them, or the path of a file with them",
            ),
            Self::Missing { name } => write!(f, "{name} is not set; {REMEDY}"),
            Self::Weak { name, reason } => write!(f, "{name} {reason}; {REMEDY}"),
            Self::Equal {
                names: [one, other],
            } => {
                write!(f, "{one} and {other} are the same; {REMEDY}")
            }
            Self::Both {
                names: [secret, key],
            } => write!(
                f,
                "{secret} and {key} are both set, and only one signs; to change over, move the secret to {}",
                VARIABLES.previous_access,
            ),
            #[cfg(feature = "asymmetric")]
            Self::Refused {
                name: PRIVATE_KEY,
                reason,
            } => write!(
                f,
                "{PRIVATE_KEY} {reason}; `openssl genpkey -algorithm ed25519` makes a private key"
            ),
            #[cfg(feature = "asymmetric")]
            Self::Refused { name, reason } => write!(f, "{name} {reason}"),
            #[cfg(feature = "asymmetric")]
            Self::Unreadable { name, kind } => write!(
                f,
                "{name} holds no key, neither as PEM text nor as a JWK, and is no path of a file that can be read: {kind}",
            ),
            Self::FeatureOff { name } => {
                write!(
                    f,
                    "{name} needs the feature `asymmetric` of stateless-session"
                )
            }
            Self::Random => f.write_str("the operating system has no random numbers"),
        }
    }
}

/// As it stands in the output of a `main` that returns it.
impl fmt::Debug for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KeysError {}

/// Why a secret was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer than 43 characters, or fewer than 64 hexadecimal ones.
    TooShort,
    /// White space inside.
    InnerBlank,
    /// Something else than printable ASCII.
    NotPrintable,
    /// Fewer than 10 different characters.
    FewCharacters,
    /// One unit again and again.
    Repetition,
    /// A well-known sample, or a word that stands in samples.
    Sample,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "is too short: it needs at least 43 characters (64 if hexadecimal)",
            Self::InnerBlank => "holds white space",
            Self::NotPrintable => "holds something else than printable ASCII",
            Self::FewCharacters => "has fewer than 10 different characters",
            Self::Repetition => "repeats itself",
            Self::Sample => "is a well-known sample, or was made up",
        })
    }
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
    fn only_a_configuration_that_is_wholly_absent_is_unset() {
        let load = |variables: &[(&str, &str)]| {
            Keys::from_variables(|name| {
                let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
                Some((*value).to_owned())
            })
        };
        let (access, refresh) = (
            ("ACCESS_TOKEN_SECRET", GOOD),
            ("REFRESH_TOKEN_SECRET", OTHER),
        );
        assert!(load(&[]).unwrap_err().is_unset());
        let empty = load(&[("ACCESS_TOKEN_SECRET", ""), ("REFRESH_TOKEN_SECRET", " ")]);
        assert_eq!(
            empty.unwrap_err(),
            KeysError::Missing {
                name: "ACCESS_TOKEN_SECRET"
            }
        );
        assert_eq!(
            load(&[access]).unwrap_err(),
            KeysError::Missing {
                name: "REFRESH_TOKEN_SECRET"
            }
        );
        assert_eq!(
            load(&[refresh]).unwrap_err(),
            KeysError::Missing {
                name: "ACCESS_TOKEN_SECRET"
            }
        );
        assert!(
            !load(&[("ACCESS_TOKEN_SECRET", "short"), refresh])
                .unwrap_err()
                .is_unset()
        );
        assert!(load(&[access, refresh, ("ACCESS_TOKEN_SECRET_PREVIOUS", "")]).is_ok());
        let weak = load(&[access, refresh, ("ACCESS_TOKEN_SECRET_PREVIOUS", "short")]).unwrap_err();
        assert!(
            weak.to_string()
                .starts_with("ACCESS_TOKEN_SECRET_PREVIOUS is too short")
        );
        let equal = load(&[access, refresh, ("REFRESH_TOKEN_SECRET_PREVIOUS", GOOD)]).unwrap_err();
        assert!(
            equal
                .to_string()
                .starts_with("ACCESS_TOKEN_SECRET and REFRESH_TOKEN_SECRET_PREVIOUS are the same")
        );
    }

    #[cfg(feature = "asymmetric")]
    #[test]
    fn a_private_key_stands_in_its_variable_or_in_a_file() {
        // RFC 8037, appendix A.
        const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
        let refresh = ("REFRESH_TOKEN_SECRET", OTHER);
        let load = |variables: &[(&str, &str)]| {
            Keys::from_variables(|name| {
                let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
                Some((*value).to_owned())
            })
        };
        let file = env::temp_dir().join(format!("stateless-session-{}", std::process::id()));
        std::fs::write(&file, JWK).unwrap();
        for value in [JWK, file.to_str().unwrap()] {
            let keys = load(&[(PRIVATE_KEY, value), refresh]).unwrap();
            let published = keys.public_keys().unwrap().to_jwks();
            assert!(published.contains("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
            assert!(!published.contains("nWGxne"));
        }
        std::fs::remove_file(&file).unwrap();
        let previous = ("ACCESS_TOKEN_SECRET_PREVIOUS", GOOD);
        assert!(load(&[(PRIVATE_KEY, JWK), previous, refresh]).is_ok());
        let secret = ("ACCESS_TOKEN_SECRET", GOOD);
        assert!(load(&[secret, (PUBLIC_KEYS, PUBLIC), refresh]).is_ok());

        let refused = |variables: &[(&str, &str)]| load(variables).unwrap_err().to_string();
        assert_eq!(
            refused(&[secret, (PRIVATE_KEY, JWK), refresh]),
            "ACCESS_TOKEN_SECRET and ACCESS_TOKEN_PRIVATE_KEY are both set, and only one signs; to change over, move the \
             secret to ACCESS_TOKEN_SECRET_PREVIOUS"
        );
        assert_eq!(
            refused(&[(PRIVATE_KEY, JWK)]),
            "REFRESH_TOKEN_SECRET is not set; `openssl rand -base64 48` makes a good one"
        );
        assert_eq!(
            refused(&[(PRIVATE_KEY, PUBLIC), refresh]),
            "ACCESS_TOKEN_PRIVATE_KEY is a public key; signing takes the private one; `openssl genpkey -algorithm ed25519` \
             makes a private key"
        );
        assert!(refused(&[secret, (PUBLIC_KEYS, JWK), refresh]).contains("is a private key"));
        // A service that only verifies reads no secrets, and one that should sign does not make up any.
        let verifying = |value: Option<&str>| PublicKeys::from_variable(value.map(str::to_owned));
        assert!(verifying(Some(PUBLIC)).is_ok());
        for absent in [None, Some(" ")] {
            let refusal = verifying(absent).unwrap_err().to_string();
            assert!(
                refusal.starts_with("ACCESS_TOKEN_PUBLIC_KEYS is not set; it holds the public")
            );
        }
        assert_eq!(
            verifying(Some(JWK)).unwrap_err().to_string(),
            "ACCESS_TOKEN_PUBLIC_KEYS is a private key; publish its public half, as `openssl pkey -pubout` prints it"
        );
        assert!(!load(&[(PUBLIC_KEYS, PUBLIC)]).unwrap_err().is_unset());
        let same = refused(&[(PRIVATE_KEY, JWK), (PUBLIC_KEYS, PUBLIC), refresh]);
        assert_eq!(
            same,
            "ACCESS_TOKEN_PUBLIC_KEYS repeats a key that is there already"
        );
        let misplaced = refused(&[(PRIVATE_KEY, GOOD), refresh]);
        assert!(misplaced.contains("no path of a file that can be read"));
        assert!(!misplaced.contains(&GOOD[..8]));
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
        let printed = format!("{:?}", Box::<dyn std::error::Error>::from(error));
        assert_eq!(printed, error.to_string());
        assert!(printed.contains("`openssl rand -base64 48` makes a good one"));
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
