//! What errors call the secrets and keys.

/// A variable of the environment, and the one that names a file instead.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
}

macro_rules! variable {
    ($name:literal) => {
        Variable {
            name: $name,
            file: concat!($name, "_FILE"),
        }
    };
}

pub(crate) const ACCESS: Variable = variable!("ACCESS_TOKEN_SECRET");
pub(crate) const REFRESH: Variable = variable!("REFRESH_TOKEN_SECRET");
pub(crate) const PREVIOUS_ACCESS: Variable = variable!("ACCESS_TOKEN_SECRET_PREVIOUS");
pub(crate) const PREVIOUS_REFRESH: Variable = variable!("REFRESH_TOKEN_SECRET_PREVIOUS");
/// The private key that signs access tokens instead of a secret.
pub(crate) const PRIVATE_KEY: Variable = variable!("ACCESS_TOKEN_PRIVATE_KEY");
/// Other public keys that verify them and are published.
pub(crate) const PUBLIC_KEYS: Variable = variable!("ACCESS_TOKEN_PUBLIC_KEYS");

/// What errors call the four secrets.
pub(crate) struct Names {
    pub(crate) access: &'static str,
    pub(crate) refresh: &'static str,
    pub(crate) previous_access: &'static str,
    pub(crate) previous_refresh: &'static str,
}

pub(crate) const ARGUMENTS: Names = Names {
    access: "the access token's secret",
    refresh: "the refresh token's secret",
    previous_access: "the access token's previous secret",
    previous_refresh: "the refresh token's previous secret",
};

/// What stands behind every message about a secret.
pub(crate) const REMEDY: &str = "`openssl rand -base64 48` makes a good one";
