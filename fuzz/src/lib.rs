//! What the targets share: the macros as functions of text, and an application with one session.

// A crate of procedural macros exports nothing else, so its modules are taken from their files.
#[path = "../../session-macros/src/arguments.rs"]
mod arguments;
#[path = "../../session-macros/src/attributes.rs"]
mod attributes;
#[path = "../../session-macros/src/errors.rs"]
mod errors;
#[path = "../../session-macros/src/expand.rs"]
mod expand;
#[path = "../../session-macros/src/lifetime.rs"]
mod lifetime;
#[path = "../../session-macros/src/pattern.rs"]
mod pattern;
#[allow(dead_code)] // a panic is not to be caught here
#[path = "../../session-macros/src/recovery.rs"]
mod recovery;
#[path = "../../session-macros/src/require_session/mod.rs"]
mod require_session;
#[path = "../../session-macros/src/stateless_session/mod.rs"]
mod stateless_session;
#[path = "../../session-macros/src/suggest.rs"]
mod suggest;

pub mod application;

use proc_macro2::TokenStream;

/// What `#[stateless_session(arguments)]` prints for an item.
pub fn stateless_session(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    stateless_session::attribute(arguments, item)
}

/// What `#[require_session(arguments)]` prints for an item.
pub fn require_session(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    require_session::attribute(arguments, item)
}

/// The seconds of a lifetime, and how it prints.
pub fn lifetime(text: &str) -> Option<(u64, String)> {
    let string = syn::LitStr::new(text, proc_macro2::Span::call_site());
    let lifetime = lifetime::Lifetime::read(&string).ok()?;
    Some((lifetime.seconds(), lifetime.to_string()))
}
