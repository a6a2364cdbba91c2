//! Where the refresh token is kept: Keychain, Credential Manager or Secret Service, or where there is none, a file that only
//! its owner reads.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::{env, fmt};

use keyring::{Entry, Error};

use crate::Result;

const SERVICE: &str = "stateless-session-cli";

pub enum Keystore {
    System(Entry),
    File(PathBuf),
}

impl Keystore {
    /// The place for one server's token.
    pub fn of(api: &str) -> Self {
        match Entry::new(SERVICE, api) {
            Ok(entry) => Self::System(entry),
            Err(_) => Self::File(file(api)),
        }
    }

    pub fn load(&self) -> Result<Option<String>> {
        match self {
            Self::System(entry) => match entry.get_password() {
                Ok(token) => Ok(Some(token)),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::File(path) => match fs::read_to_string(path) {
                Ok(token) => Ok(Some(token)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    pub fn store(&self, token: &str) -> Result<()> {
        match self {
            Self::System(entry) => Ok(entry.set_password(token)?),
            Self::File(path) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                // A new file beside it, so that whoever is interrupted keeps the old one.
                let new = path.with_extension("new");
                let _ = fs::remove_file(&new);
                private().open(&new)?.write_all(token.as_bytes())?;
                Ok(fs::rename(new, path)?)
            }
        }
    }

    pub fn delete(&self) -> Result<()> {
        match self {
            Self::System(entry) => match entry.delete_credential() {
                Ok(()) | Err(Error::NoEntry) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Self::File(path) => match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            },
        }
    }
}

/// How a file is made that nobody else reads, from its first byte on.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Below `XDG_STATE_HOME`, one for each server.
fn file(api: &str) -> PathBuf {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.unwrap_or_else(|| {
        PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".local/state")
    });
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    let name: String = api
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .collect();
    state.join(SERVICE).join(name)
}

impl fmt::Display for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(_) => f.write_str("in the operating system's keystore"),
            Self::File(path) => write!(f, "in {}, because there is no keystore", path.display()),
        }
    }
}
