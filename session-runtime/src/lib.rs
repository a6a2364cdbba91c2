//! The runtime of [`stateless-session`](https://docs.rs/stateless-session): use that crate, which re-exports this one.
//!
//! A request's way: `bearer` finds the access token, `sessions` has it opened by `token`, with the one of the `keys` whose
//! tokens begin so, and hands the `session` to the handler behind a `guard`. A session's way: `login` starts it, by a
//! `snapshot` of keys and time; `token` writes, reads back and signs its two tokens, `cookies` carries one of them; of the
//! `routes`, refresh asks `renew` for new claims, and logout ends it. What features and keys add stands beside that: `pages` leads
//! requests that cannot send `Authorization`, `login_state` and `one_time` are for logins that begin elsewhere, `registry` hears
//! which sessions have ended, `binding` asks for proofs by a browser's key, `openapi` describes all of it.

// On docs.rs each item says which feature it needs; but the default ones, that would be on every item.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(docsrs, doc(auto_cfg(hide(feature = "server"))))]
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

#[cfg(feature = "server")]
mod bearer;
#[cfg(feature = "binding")]
mod binding;
#[cfg(feature = "server")]
mod caught;
mod claims;
#[cfg(feature = "server")]
mod clock;
#[cfg(feature = "server")]
mod cookies;
#[cfg(feature = "server")]
mod event;
#[cfg(feature = "server")]
mod excerpt;
#[cfg(feature = "server")]
mod extract;
#[cfg(feature = "server")]
mod guard;
#[cfg(feature = "server")]
mod issue_error;
#[cfg(feature = "server")]
mod keys;
#[cfg(any(feature = "registry", feature = "remote-jwks"))]
mod last_heard;
#[cfg(feature = "live")]
mod live;
#[cfg(feature = "server")]
mod login;
#[cfg(feature = "server")]
mod login_state;
#[cfg(feature = "server")]
mod native;
#[cfg(feature = "server")]
mod one_time;
#[cfg(feature = "utoipa")]
mod openapi;
#[cfg(feature = "server")]
mod origin;
#[cfg(feature = "server")]
mod pages;
mod policy;
mod private;
#[cfg(feature = "registry")]
mod registry;
#[cfg(feature = "server")]
mod rejection;
#[cfg(feature = "server")]
mod renew;
#[cfg(feature = "registry")]
mod revocation;
#[cfg(feature = "server")]
mod routes;
#[cfg(feature = "server")]
mod same_origin;
#[cfg(feature = "server")]
mod session;
#[cfg(feature = "server")]
mod sessions;
#[cfg(feature = "server")]
mod snapshot;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "server")]
mod token;
#[cfg(feature = "server")]
mod token_response;
#[cfg(feature = "typescript")]
mod typescript;

pub use claims::SessionClaims;
#[cfg(feature = "server")]
pub use clock::TellTime;
#[cfg(feature = "server")]
pub use cookies::{InvalidCookie, SessionCookies};
#[cfg(feature = "server")]
pub use event::{EndCause, EventKind, SessionEvent};
#[cfg(feature = "server")]
pub use guard::{Guard, Require};
#[cfg(feature = "server")]
pub use issue_error::IssueError;
#[cfg(feature = "asymmetric")]
pub use keys::key_error::KeyError;
#[cfg(feature = "asymmetric")]
pub use keys::private_key::PrivateKey;
#[cfg(feature = "asymmetric")]
pub use keys::public_keys::PublicKeys;
#[cfg(feature = "remote-jwks")]
pub use keys::remote_keys::{FetchError, JwksUrl, RemoteKeys};
#[cfg(feature = "server")]
pub use keys::{Keys, KeysError, Weakness};
#[cfg(feature = "server")]
pub use login::Login;
#[cfg(feature = "server")]
pub use login_state::begin::{BeginLogin, LoginBegun};
#[cfg(feature = "server")]
pub use login_state::callback::LoginCallback;
#[cfg(feature = "server")]
pub use one_time::{Purpose, RedeemError, Redeemed, Unchanged};
#[cfg(feature = "server")]
pub use origin::OriginError;
#[cfg(feature = "server")]
pub use pages::local_path::{LocalPath, LocalPathError};
#[cfg(feature = "server")]
pub use pages::redirect::Redirect;
pub use policy::{Policy, Revocation};
#[cfg(feature = "registry")]
pub use registry::SessionRegistry;
#[cfg(feature = "registry")]
pub use registry::error::RegistryError;
#[cfg(feature = "registry")]
pub use registry::memory::MemoryRegistry;
#[cfg(feature = "postgres")]
pub use registry::postgres::PostgresRegistry;
#[cfg(feature = "registry")]
pub use registry::record::{Ending, SessionRecord};
#[cfg(feature = "redis")]
pub use registry::redis::RedisRegistry;
#[cfg(feature = "registry")]
pub use registry::rotation::Rotation;
#[cfg(feature = "registry")]
pub use registry::seen::Seen;
#[cfg(feature = "server")]
pub use rejection::SessionRejection;
#[cfg(feature = "server")]
pub use renew::{Renew, Renewal};
#[cfg(feature = "registry")]
pub use revocation::SessionKeys;
#[cfg(feature = "server")]
pub use routes::SessionRoutes;
#[cfg(feature = "server")]
pub use same_origin::SameOrigin;
#[cfg(feature = "server")]
pub use session::Session;
#[cfg(feature = "server")]
pub use sessions::Sessions;
#[cfg(feature = "server")]
pub use token::subject::SubjectError;
#[cfg(feature = "server")]
pub use token_response::{AccessToken, TokenResponse};

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}
