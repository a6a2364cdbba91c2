//! Secrets in, keys out.

use std::env;
use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;

use crate::key::{KeyRing, TokenKey, TokenKind};

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

/// The keys that sign and verify the two kinds of token with HS256 (RFC 7518, section 3.2).
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
    /// # Errors
    ///
    /// A [`KeysError`] that names the variable, and never shows a value. [`KeysError::is_unset`] is true only when
    /// neither of the two main variables is set.
    pub fn from_env() -> Result<Self, KeysError> {
        // Lossy, because a value that is not Unicode is refused with all others that are not ASCII.
        Self::from_variables(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, KeysError> {
        let names = &VARIABLES;
        // Set but empty is a configuration that failed, not one that is absent.
        if variable(names.access).is_none() && variable(names.refresh).is_none() {
            return Err(KeysError::Unset);
        }
        let secret = |name| variable(name).filter(|value| !value.trim().is_empty());
        let required = |name| secret(name).ok_or(KeysError::Missing { name });
        let (access, refresh) = (required(names.access)?, required(names.refresh)?);
        Self::new(names, &access, &refresh)?.and_previous(
            names,
            secret(names.previous_access).as_deref(),
            secret(names.previous_refresh).as_deref(),
        )
    }

    /// Takes the two secrets from elsewhere, such as a secret manager.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] when a secret could be guessed, or both are the same.
    pub fn from_secrets(access: &str, refresh: &str) -> Result<Self, KeysError> {
        Self::new(&ARGUMENTS, access, refresh)
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

    fn new(names: &Names, access: &str, refresh: &str) -> Result<Self, KeysError> {
        let keys = Self {
            access: KeyRing::new(key(TokenKind::Access, names.access, access)?),
            refresh: KeyRing::new(key(TokenKind::Refresh, names.refresh, refresh)?),
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
            self.access
                .add(key(TokenKind::Access, names.previous_access, secret)?);
        }
        if let Some(secret) = refresh {
            self.refresh
                .add(key(TokenKind::Refresh, names.previous_refresh, secret)?);
        }
        self.all_different(names)
    }

    fn all_different(self, names: &Names) -> Result<Self, KeysError> {
        let labels = |signing, other| std::iter::once(signing).chain(std::iter::repeat(other));
        let access = labels(names.access, names.previous_access).zip(self.access.iter());
        let refresh = labels(names.refresh, names.previous_refresh).zip(self.refresh.iter());
        let mut seen: Vec<(&'static str, [u8; 32])> = Vec::new();
        for (name, key) in access.chain(refresh) {
            // Keys are compared by what they make of one message, because the secrets themselves are not kept.
            let trace = key.sign(b"equal?");
            if let Some((first, _)) = seen.iter().find(|(_, other)| *other == trace) {
                return Err(KeysError::Equal {
                    names: [*first, name],
                });
            }
            seen.push((name, trace));
        }
        Ok(self)
    }
}

fn key(kind: TokenKind, name: &'static str, secret: &str) -> Result<TokenKey, KeysError> {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// Neither `ACCESS_TOKEN_SECRET` nor `REFRESH_TOKEN_SECRET` is set.
    Unset,
    /// One of the two is set and the other is not.
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
                write!(f, "{access} and {refresh} are not set; {REMEDY} for each")
            }
            Self::Missing { name } => write!(f, "{name} is not set; {REMEDY}"),
            Self::Weak { name, reason } => write!(f, "{name} {reason}; {REMEDY}"),
            Self::Equal {
                names: [one, other],
            } => {
                write!(f, "{one} and {other} are the same; {REMEDY}")
            }
            Self::Random => f.write_str("the operating system has no random numbers"),
        }
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

    #[test]
    fn no_message_and_no_debug_shows_a_secret() {
        let error = Keys::from_secrets(&GOOD[..20], OTHER).unwrap_err();
        let keys = Keys::from_secrets(GOOD, OTHER).unwrap();
        for text in [format!("{error} {error:?}"), format!("{keys:?} {keys:#?}")] {
            assert!(!text.contains(&GOOD[..8]), "{text}");
            assert!(!text.contains(&OTHER[..8]), "{text}");
        }
    }
}
