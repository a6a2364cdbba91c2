//! Why keys were refused.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

#[cfg(feature = "asymmetric")]
use crate::keys::key_error::KeyError;
use crate::keys::names::{ACCESS, PREVIOUS_ACCESS, PRIVATE_KEY, PUBLIC_KEYS, REFRESH, REMEDY};
use crate::keys::strength::Weakness;

/// Why keys were refused, without any value.
///
/// ```
/// use stateless_session::{Keys, KeysError, Weakness};
///
/// let error = Keys::from_secrets("hunter2", "").unwrap_err();
/// assert!(matches!(error, KeysError::Weak { reason: Weakness::TooShort, .. }));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// Neither `ACCESS_TOKEN_SECRET` nor `REFRESH_TOKEN_SECRET` is set, nor a private or public key, nor a file of any.
    Unset,
    /// A variable is not set that is needed beside others.
    Missing {
        /// The variable that is not set, or empty, or names an empty file.
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
    /// Two variables are both set of which one counts: a secret and a private key, or a value and the file with it.
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
    /// The value of a variable is no path of a file that can be read, and no key.
    Unreadable {
        /// The variable.
        name: &'static str,
        /// Why not.
        kind: ErrorKind,
    },
    /// What a variable names a file for was refused.
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with what it holds.
        reason: Box<KeysError>,
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
    /// Whether nothing was configured at all: the only case in which a program may fall back on
    /// [`Keys::generate`](crate::Keys::generate).
    ///
    /// ```
    /// use stateless_session::Keys;
    ///
    /// let keys = match Keys::from_env() {
    ///     // Only then: a mistyped secret must not end all sessions at every start.
    ///     Err(error) if error.is_unset() => Keys::generate(),
    ///     keys => keys,
    /// };
    /// # keys.unwrap();
    /// ```
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// Whether it is about what this variable holds.
    pub(crate) fn is_about(&self, variable: &str) -> bool {
        match self {
            Self::Missing { name } | Self::Weak { name, .. } | Self::FeatureOff { name } => {
                *name == variable
            }
            #[cfg(feature = "asymmetric")]
            Self::Refused { name, .. } => *name == variable,
            Self::Equal { names } => names.contains(&variable),
            Self::InFile { reason, .. } => reason.is_about(variable),
            Self::Both { .. } | Self::Unreadable { .. } | Self::Unset | Self::Random => false,
        }
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => {
                let (access, refresh) = (ACCESS.name, REFRESH.name);
                let instead = if cfg!(feature = "asymmetric") {
                    format!(" (or {})", PRIVATE_KEY.name)
                } else {
                    String::new()
                };
                write!(
                    f,
                    "{access}{instead} and {refresh} are not set; {REMEDY} for each"
                )
            }
            Self::Missing { name } if *name == PUBLIC_KEYS.name => write!(
                f,
                "{name} is not set; it holds the public keys of the service that signs, as `openssl pkey -pubout` \
                 prints them, or the path of a file with them",
            ),
            Self::Missing { name } if name.ends_with("_FILE") => {
                write!(f, "{name} names a file that is empty")
            }
            Self::Missing { name } => write!(f, "{name} is not set; {REMEDY}"),
            Self::Weak { name, reason } => write!(f, "{name} {reason}; {REMEDY}"),
            Self::Equal {
                names: [one, other],
            } => {
                write!(f, "{one} and {other} are the same; {REMEDY}")
            }
            Self::Both {
                names: [value, file],
            } if file.strip_prefix(value) == Some("_FILE") => {
                write!(f, "{value} and {file} are both set; leave one of them")
            }
            Self::Both {
                names: [secret, key],
            } => write!(
                f,
                "{secret} and {key} are both set, and only one signs; to change over, move the secret to {}",
                PREVIOUS_ACCESS.name,
            ),
            #[cfg(feature = "asymmetric")]
            Self::Refused { name, reason }
                if [PRIVATE_KEY.name, PRIVATE_KEY.file].contains(name) =>
            {
                write!(
                    f,
                    "{name} {reason}; `openssl genpkey -algorithm ed25519` makes a private key"
                )
            }
            #[cfg(feature = "asymmetric")]
            Self::Refused { name, reason } => write!(f, "{name} {reason}"),
            Self::Unreadable { name, kind } if name.ends_with("_FILE") => {
                write!(f, "{name} names no file that can be read: {kind}")
            }
            Self::Unreadable { name, kind } => write!(
                f,
                "{name} holds no key, neither as PEM text nor as a JWK, and is no path of a file that can be read: {kind}",
            ),
            Self::InFile { path, reason } => write!(f, "{reason} (the file {})", path.display()),
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
