//! The attribute macros of [stateless-session], which documents and re-exports them.
//!
//! Each macro is a folder of three files: `parse` reads syntax and never decides, `model` holds the
//! rules and never prints, `expand` prints and never fails.
//!
//! [stateless-session]: https://docs.rs/stateless-session

mod arguments;
mod attributes;
mod case;
mod errors;
mod lifetime;
mod pattern;
mod require_session;
mod stateless_session;
mod suggest;

#[cfg(test)]
mod expansions;

use proc_macro::TokenStream;

#[allow(missing_docs)] // the facade documents it, and rustdoc would append this
#[proc_macro_attribute]
pub fn stateless_session(arguments: TokenStream, item: TokenStream) -> TokenStream {
    stateless_session::attribute(arguments.into(), item.into()).into()
}

#[allow(missing_docs)] // the facade documents it, and rustdoc would append this
#[proc_macro_attribute]
pub fn require_session(arguments: TokenStream, item: TokenStream) -> TokenStream {
    require_session::attribute(arguments.into(), item.into()).into()
}
