//! Keys out of the environment.

#[cfg(feature = "asymmetric")]
use std::borrow::Cow;
use std::env;

use crate::keys::error::KeysError;
use crate::keys::key::{TokenKey, TokenKind};
use crate::keys::names::{PRIVATE_KEY, PUBLIC_KEYS, VARIABLES};
#[cfg(feature = "asymmetric")]
use crate::keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::PublicKeys;
use crate::keys::{Keys, secret_key};

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

    #[cfg(feature = "asymmetric")]
    fn and_public_keys(self, value: Option<&str>) -> Result<Self, KeysError> {
        let Some(value) = value else { return Ok(self) };
        self.and_keys(PUBLIC_KEYS, public_keys(value)?)
    }

    #[cfg(not(feature = "asymmetric"))]
    fn and_public_keys(self, value: Option<&str>) -> Result<Self, KeysError> {
        match value {
            None => Ok(self),
            Some(_) => Err(KeysError::FeatureOff { name: PUBLIC_KEYS }),
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
    const OTHER: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";

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
}
