//! The runtime of [`stateless-session`](https://docs.rs/stateless-session): use that crate, which re-exports this one.
//!
//! A request's way: `bearer` finds the access token, `sessions` has it opened by `token`, with the one of the `keys` whose
//! tokens begin so, and hands the `session` to the handler behind a `guard`. A session's way: `login` starts it, by a
//! `snapshot` of keys and time; `token` writes, reads back and signs its two tokens, `cookies` carries one of them; of the
//! `routes`, refresh asks `renew` for new claims, and logout ends it.

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

mod bearer;
mod claims;
mod clock;
mod cookies;
mod excerpt;
mod guard;
mod issue_error;
mod keys;
mod login;
mod origin;
mod policy;
mod private;
mod rejection;
mod renew;
mod routes;
mod same_origin;
mod session;
mod sessions;
mod snapshot;
mod token;
mod token_response;
#[cfg(feature = "typescript")]
mod typescript;

pub use claims::SessionClaims;
pub use cookies::{InvalidCookie, SessionCookies};
pub use guard::{Guard, Require};
pub use issue_error::IssueError;
#[cfg(feature = "asymmetric")]
pub use keys::key_error::KeyError;
#[cfg(feature = "asymmetric")]
pub use keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
pub use keys::public_keys::PublicKeys;
#[cfg(feature = "remote-jwks")]
pub use keys::remote_keys::{FetchError, JwksUrl, RemoteKeys};
pub use keys::{Keys, KeysError, Weakness};
pub use login::Login;
pub use origin::OriginError;
pub use policy::Policy;
pub use rejection::SessionRejection;
pub use renew::{Renew, Renewal};
pub use routes::SessionRoutes;
pub use same_origin::SameOrigin;
pub use session::Session;
pub use sessions::Sessions;
pub use token::subject::SubjectError;
pub use token_response::{AccessToken, TokenResponse};

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
