//! Keys out of the environment.

#[cfg(feature = "asymmetric")]
use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::keys::error::KeysError;
use crate::keys::key::{TokenKey, TokenKind};
use crate::keys::names::{
    ACCESS, Names, PREVIOUS_ACCESS, PREVIOUS_REFRESH, PRIVATE_KEY, PUBLIC_KEYS, REFRESH, Variable,
};
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
    /// Each of them may stand in a file instead, as Kubernetes mounts secrets and systemd hands over credentials: the
    /// variable with `_FILE` behind its name is the path, `REFRESH_TOKEN_SECRET_FILE` for one. A file is read again at each
    /// call, so that [`Sessions::set_keys`](crate::Sessions::set_keys) rotates it. A previous secret or a set of public keys
    /// whose file is empty is none; a file that is not there is an error, and so is a variable beside its own file.
    ///
    /// # Errors
    ///
    /// A [`KeysError`] that names the variable and the file, and never shows a value. [`KeysError::is_unset`] is true only
    /// when none of these variables is set, the previous secrets aside.
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let sessions = Sessions::<Claims>::new(Keys::from_env()?);
    ///     // ..
    ///     Ok(())
    /// }
    /// ```
    pub fn from_env() -> Result<Self, KeysError> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, KeysError> {
        // Set but empty is a configuration that failed, not one that is absent.
        let any = [ACCESS, REFRESH, PRIVATE_KEY, PUBLIC_KEYS];
        let mut any = any.iter().flat_map(|of| [of.name, of.file]);
        if any.all(|name| variable(name).is_none()) {
            return Err(KeysError::Unset);
        }
        let access = Setting::read(&ACCESS, &variable)?;
        let refresh = Setting::read(&REFRESH, &variable)?;
        let previous_access = Setting::read(&PREVIOUS_ACCESS, &variable)?;
        let previous_refresh = Setting::read(&PREVIOUS_REFRESH, &variable)?;
        let private = Setting::read(&PRIVATE_KEY, &variable)?;
        let public = Setting::read(&PUBLIC_KEYS, &variable)?;

        let names = Names {
            access: access.name,
            refresh: refresh.name,
            previous_access: previous_access.name,
            previous_refresh: previous_refresh.name,
        };
        let keys = access_key(&access, &private)
            .and_then(|access| {
                let secret = refresh.required()?;
                let refresh = secret_key(TokenKind::Refresh, refresh.name, secret)?;
                Self::new(&names, access, refresh)
            })
            .and_then(|keys| {
                keys.and_previous(&names, previous_access.text(), previous_refresh.text())
            })
            .and_then(|keys| match public.text() {
                Some(_) => keys.and_public_keys(&public),
                None => Ok(keys),
            });
        let all = [
            &access,
            &refresh,
            &previous_access,
            &previous_refresh,
            &private,
            &public,
        ];
        keys.map_err(|error| {
            all.iter()
                .fold(error, |error, setting| setting.named_in(error))
        })
    }

    #[cfg(feature = "asymmetric")]
    fn and_public_keys(self, setting: &Setting) -> Result<Self, KeysError> {
        self.and_keys(setting.name, public_keys(setting)?)
    }

    #[cfg(not(feature = "asymmetric"))]
    #[expect(clippy::unused_self, reason = "it stands in the other's place")]
    fn and_public_keys(self, setting: &Setting) -> Result<Self, KeysError> {
        Err(KeysError::FeatureOff { name: setting.name })
    }
}

/// What a variable holds, or the file that the one beside it names.
struct Setting {
    /// The one of the two that counts.
    name: &'static str,
    text: Option<String>,
    path: Option<PathBuf>,
}

impl Setting {
    fn read(of: &Variable, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, KeysError> {
        // Lossy, because a value that is not Unicode is refused with all others that are not ASCII.
        let set = |name| variable(name).filter(|value| !value.to_string_lossy().trim().is_empty());
        match (set(of.name), set(of.file)) {
            (Some(_), Some(_)) => Err(KeysError::Both {
                names: [of.name, of.file],
            }),
            (None, Some(path)) => Self::from_file(of.file, path.into()),
            (value, None) => Ok(Self {
                name: of.name,
                text: value.map(|value| value.to_string_lossy().into_owned()),
                path: None,
            }),
        }
    }

    fn from_file(name: &'static str, path: PathBuf) -> Result<Self, KeysError> {
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self {
                name,
                text: Some(text),
                path: Some(path),
            }),
            Err(error) => {
                let kind = error.kind();
                let error = KeysError::Unreadable { name, kind };
                Err(if may_be_shown(&path) {
                    in_file(&path, error)
                } else {
                    error
                })
            }
        }
    }

    fn text(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| !text.trim().is_empty())
    }

    fn required(&self) -> Result<&str, KeysError> {
        self.text().ok_or(KeysError::Missing { name: self.name })
    }

    /// The error with this setting's file, where it is about this setting.
    fn named_in(&self, error: KeysError) -> KeysError {
        match &self.path {
            Some(path) if error.is_about(self.name) => in_file(path, error),
            _ => error,
        }
    }
}

fn in_file(path: &Path, error: KeysError) -> KeysError {
    KeysError::InFile {
        path: path.to_owned(),
        reason: Box::new(error),
    }
}

/// A path where there is no file might be a secret in the wrong variable, which is no path into a folder that is there.
fn may_be_shown(path: &Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder.parent().is_some() && folder.is_dir())
}

/// The key that signs access tokens: a secret, or a private key.
fn access_key(secret: &Setting, private: &Setting) -> Result<TokenKey, KeysError> {
    match (secret.text(), private.text()) {
        (Some(_), Some(_)) => Err(KeysError::Both {
            names: [secret.name, private.name],
        }),
        (None, Some(_)) => private_key(private),
        // Where neither is there, the one whose file is empty.
        (None, None) if private.path.is_some() => Err(KeysError::Missing { name: private.name }),
        _ => secret_key(TokenKind::Access, secret.name, secret.required()?),
    }
}

#[cfg(feature = "asymmetric")]
fn private_key(setting: &Setting) -> Result<TokenKey, KeysError> {
    let name = setting.name;
    let key = PrivateKey::from_text(&setting.text_or_file()?);
    key.map(TokenKey::private)
        .map_err(|reason| KeysError::Refused { name, reason })
}

#[cfg(feature = "asymmetric")]
fn public_keys(setting: &Setting) -> Result<PublicKeys, KeysError> {
    let name = setting.name;
    let keys = PublicKeys::from_text(&setting.text_or_file()?);
    keys.map_err(|reason| KeysError::Refused { name, reason })
}

#[cfg(feature = "asymmetric")]
impl PublicKeys {
    /// Reads `ACCESS_TOKEN_PUBLIC_KEYS`, for a service that only verifies: PEM blocks one behind the other, a JWK set, or the
    /// path of a file that holds either. `ACCESS_TOKEN_PUBLIC_KEYS_FILE` is such a path, too.
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
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, KeysError> {
        let setting = Setting::read(&PUBLIC_KEYS, variable)?;
        let keys = setting.required().and_then(|_| public_keys(&setting));
        keys.map_err(|error| setting.named_in(error))
    }
}

#[cfg(not(feature = "asymmetric"))]
fn private_key(setting: &Setting) -> Result<TokenKey, KeysError> {
    Err(KeysError::FeatureOff { name: setting.name })
}

#[cfg(feature = "asymmetric")]
impl Setting {
    /// A key as text, or the path of a file that holds it.
    fn text_or_file(&self) -> Result<Cow<'_, str>, KeysError> {
        let (name, value) = (self.name, self.required()?);
        if self.path.is_some()
            || value.contains("-----BEGIN ")
            || value.trim_start().starts_with('{')
        {
            return Ok(value.into());
        }
        // The path is not shown: it might be a secret that stands in the wrong variable.
        let read = std::fs::read_to_string(value.trim());
        read.map(Cow::from).map_err(|error| KeysError::Unreadable {
            name,
            kind: error.kind(),
        })
    }
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
                Some((*value).into())
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
    fn each_secret_stands_in_its_variable_or_in_a_file() {
        let folder =
            env::temp_dir().join(format!("stateless-session-files-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let load = |variables: &[(&str, &str)]| {
            Keys::from_variables(|name| {
                let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
                Some((*value).into())
            })
        };
        let refused = |variables: &[(&str, &str)]| load(variables).unwrap_err().to_string();
        let good = file("good", &format!("{GOOD}\n"));
        let other = file("other", OTHER);
        let empty = file("empty", "\n");
        let short = file("short", &GOOD[..20]);
        let access = ("ACCESS_TOKEN_SECRET_FILE", &*good);
        let refresh = ("REFRESH_TOKEN_SECRET_FILE", &*other);

        let header = |keys: &Keys| keys.access.signing().unwrap().beginning().to_owned();
        let keys = load(&[access, refresh]).unwrap();
        assert_eq!(
            header(&keys),
            header(&Keys::from_secrets(GOOD, OTHER).unwrap())
        );
        assert!(load(&[access, ("REFRESH_TOKEN_SECRET", OTHER)]).is_ok());
        let previous = |path| {
            load(&[
                access,
                refresh,
                ("REFRESH_TOKEN_SECRET_PREVIOUS_FILE", path),
            ])
        };
        assert!(previous(&empty).is_ok());
        assert!(previous(&good).is_err());
        assert!(previous(&format!("{empty}-not-there")).is_err());

        assert_eq!(
            refused(&[access, ("ACCESS_TOKEN_SECRET", OTHER), refresh]),
            "ACCESS_TOKEN_SECRET and ACCESS_TOKEN_SECRET_FILE are both set; leave one of them"
        );
        assert_eq!(
            refused(&[access, ("REFRESH_TOKEN_SECRET_FILE", &empty)]),
            format!("REFRESH_TOKEN_SECRET_FILE names a file that is empty (the file {empty})")
        );
        assert_eq!(
            refused(&[("ACCESS_TOKEN_SECRET_FILE", &short), refresh]),
            format!(
                "ACCESS_TOKEN_SECRET_FILE is too short: it needs at least 43 characters (64 if hexadecimal); \
                 `openssl rand -base64 48` makes a good one (the file {short})"
            )
        );
        assert_eq!(
            refused(&[access, ("REFRESH_TOKEN_SECRET_FILE", &good)]),
            format!(
                "ACCESS_TOKEN_SECRET_FILE and REFRESH_TOKEN_SECRET_FILE are the same; `openssl rand -base64 48` makes a \
                 good one (the file {good}) (the file {good})"
            )
        );
        assert_eq!(
            refused(&[
                access,
                ("REFRESH_TOKEN_SECRET_FILE", &format!("{empty}-not-there"))
            ]),
            format!(
                "REFRESH_TOKEN_SECRET_FILE names no file that can be read: entity not found (the file {empty}-not-there)"
            )
        );
        // A secret in the wrong variable is no path that is shown, whatever it looks like.
        for misplaced in [GOOD.to_owned(), format!("/{GOOD}"), format!("{GOOD}/x")] {
            let refusal = refused(&[access, ("REFRESH_TOKEN_SECRET_FILE", &misplaced)]);
            assert_eq!(
                refusal,
                "REFRESH_TOKEN_SECRET_FILE names no file that can be read: entity not found"
            );
        }
        assert_eq!(
            refused(&[("ACCESS_TOKEN_PRIVATE_KEY_FILE", &empty), refresh]),
            format!("ACCESS_TOKEN_PRIVATE_KEY_FILE names a file that is empty (the file {empty})")
        );
        assert!(
            !load(&[("REFRESH_TOKEN_SECRET_FILE", "")])
                .unwrap_err()
                .is_unset()
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(feature = "asymmetric")]
    #[test]
    fn a_private_key_stands_in_its_variable_or_in_a_file() {
        // RFC 8037, appendix A.
        const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
        const KEY: &str = PRIVATE_KEY.name;
        const KEYS: &str = PUBLIC_KEYS.name;
        let refresh = ("REFRESH_TOKEN_SECRET", OTHER);
        let load = |variables: &[(&str, &str)]| {
            Keys::from_variables(|name| {
                let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
                Some((*value).into())
            })
        };
        let file = env::temp_dir().join(format!("stateless-session-{}", std::process::id()));
        std::fs::write(&file, JWK).unwrap();
        let path = file.to_str().unwrap();
        for key in [(KEY, JWK), (KEY, path), (PRIVATE_KEY.file, path)] {
            let keys = load(&[key, refresh]).unwrap();
            let published = keys.public_keys().unwrap().to_jwks();
            assert!(published.contains("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
            assert!(!published.contains("nWGxne"));
        }
        assert_eq!(
            load(&[
                ("ACCESS_TOKEN_SECRET", GOOD),
                (PUBLIC_KEYS.file, path),
                refresh
            ])
            .unwrap_err()
            .to_string(),
            format!(
                "ACCESS_TOKEN_PUBLIC_KEYS_FILE is a private key; publish its public half, as `openssl pkey -pubout` prints it \
                 (the file {path})"
            )
        );
        std::fs::remove_file(&file).unwrap();
        let previous = ("ACCESS_TOKEN_SECRET_PREVIOUS", GOOD);
        assert!(load(&[(KEY, JWK), previous, refresh]).is_ok());
        let secret = ("ACCESS_TOKEN_SECRET", GOOD);
        assert!(load(&[secret, (KEYS, PUBLIC), refresh]).is_ok());

        let refused = |variables: &[(&str, &str)]| load(variables).unwrap_err().to_string();
        assert_eq!(
            refused(&[secret, (KEY, JWK), refresh]),
            "ACCESS_TOKEN_SECRET and ACCESS_TOKEN_PRIVATE_KEY are both set, and only one signs; to change over, move the \
             secret to ACCESS_TOKEN_SECRET_PREVIOUS"
        );
        assert_eq!(
            refused(&[(KEY, JWK)]),
            "REFRESH_TOKEN_SECRET is not set; `openssl rand -base64 48` makes a good one"
        );
        assert_eq!(
            refused(&[(KEY, PUBLIC), refresh]),
            "ACCESS_TOKEN_PRIVATE_KEY is a public key; signing takes the private one; `openssl genpkey -algorithm ed25519` \
             makes a private key"
        );
        assert!(refused(&[secret, (KEYS, JWK), refresh]).contains("is a private key"));
        // A service that only verifies reads no secrets, and one that should sign does not make up any.
        let verifying = |value: Option<&str>| {
            PublicKeys::from_variables(|name| value.filter(|_| name == KEYS).map(OsString::from))
        };
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
        assert!(!load(&[(KEYS, PUBLIC)]).unwrap_err().is_unset());
        let same = refused(&[(KEY, JWK), (KEYS, PUBLIC), refresh]);
        assert_eq!(
            same,
            "ACCESS_TOKEN_PUBLIC_KEYS repeats a key that is there already"
        );
        let misplaced = refused(&[(KEY, GOOD), refresh]);
        assert!(misplaced.contains("no path of a file that can be read"));
        assert!(!misplaced.contains(&GOOD[..8]));
    }
}
