//! Why keys were refused.

use std::fmt;

#[cfg(feature = "asymmetric")]
use crate::keys::key_error::KeyError;
use crate::keys::names::{Names, PRIVATE_KEY, PUBLIC_KEYS, REMEDY, VARIABLES};
use crate::keys::strength::Weakness;

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
    /// Whether nothing was configured at all: the only case in which a program may fall back on
    /// [`Keys::generate`](crate::Keys::generate).
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }
}

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
