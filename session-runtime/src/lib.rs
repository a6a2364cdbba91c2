//! The runtime of [`stateless-session`](https://docs.rs/stateless-session): use that crate, which re-exports this one.
//!
//! A request's way through the files: `bearer` finds the access token, `token` opens it with the `key` that its header
//! names and `payload_reader` reads it, `registered` says when it ends, `session` hands it to the handler behind a
//! `guard`. A session's way: `login` starts it, `payload_writer` and `token` make its tokens, `cookies` carries one of
//! them, `refresh` asks `renew` for new claims, `logout` ends it.

// Nothing that a request brings about is a panic. Tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod base64url;
mod bearer;
mod claims;
#[cfg(feature = "client")]
mod client;
mod clock;
mod cookies;
mod excerpt;
mod guard;
mod issue_error;
#[cfg(feature = "asymmetric")]
mod jwk;
#[cfg(feature = "asymmetric")]
mod jwks;
mod key;
#[cfg(feature = "asymmetric")]
mod key_error;
mod keys;
mod login;
mod logout;
mod marker;
mod origin;
mod parties;
mod payload_reader;
mod payload_writer;
mod policy;
mod private;
#[cfg(feature = "asymmetric")]
mod private_key;
#[cfg(feature = "asymmetric")]
mod public_keys;
mod refresh;
mod refresh_token;
mod registered;
mod rejection;
#[cfg(feature = "remote-jwks")]
mod remote_keys;
mod renew;
mod routes;
mod same_origin;
mod session;
mod sessions;
mod snapshot;
mod subject;
mod text;
mod token;
mod token_error;
mod token_response;
#[cfg(feature = "typescript")]
mod typescript;

#[cfg(test)]
mod vectors;

pub use claims::SessionClaims;
pub use cookies::{InvalidCookie, SessionCookies};
pub use guard::{Guard, Require};
pub use issue_error::IssueError;
#[cfg(feature = "asymmetric")]
pub use key_error::KeyError;
pub use keys::{Keys, KeysError, Weakness};
pub use login::Login;
pub use origin::OriginError;
pub use policy::Policy;
#[cfg(feature = "asymmetric")]
pub use private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
pub use public_keys::PublicKeys;
pub use rejection::SessionRejection;
#[cfg(feature = "remote-jwks")]
pub use remote_keys::{FetchError, JwksUrl, RemoteKeys};
pub use renew::{Renew, Renewal};
pub use same_origin::SameOrigin;
pub use session::Session;
pub use sessions::Sessions;
pub use subject::SubjectError;
pub use token_response::{AccessToken, TokenResponse};

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
