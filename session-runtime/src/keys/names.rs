//! What errors call the secrets and keys.

/// What errors call the four secrets.
pub(crate) struct Names {
    pub(crate) access: &'static str,
    pub(crate) refresh: &'static str,
    pub(crate) previous_access: &'static str,
    pub(crate) previous_refresh: &'static str,
}

pub(crate) const VARIABLES: Names = Names {
    access: "ACCESS_TOKEN_SECRET",
    refresh: "REFRESH_TOKEN_SECRET",
    previous_access: "ACCESS_TOKEN_SECRET_PREVIOUS",
    previous_refresh: "REFRESH_TOKEN_SECRET_PREVIOUS",
};

/// The private key that signs access tokens instead of a secret.
pub(crate) const PRIVATE_KEY: &str = "ACCESS_TOKEN_PRIVATE_KEY";
/// Other public keys that verify them and are published.
pub(crate) const PUBLIC_KEYS: &str = "ACCESS_TOKEN_PUBLIC_KEYS";

pub(crate) const ARGUMENTS: Names = Names {
    access: "the access token's secret",
    refresh: "the refresh token's secret",
    previous_access: "the access token's previous secret",
    previous_refresh: "the refresh token's previous secret",
};

/// What stands behind every message about a secret.
pub(crate) const REMEDY: &str = "`openssl rand -base64 48` makes a good one";
