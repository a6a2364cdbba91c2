//! The attribute macros of [stateless-session], which documents and re-exports them.
//!
//! Each macro is a folder of three parts: `parse` reads syntax and never decides, `model` holds the
//! rules and never prints, `expand` prints and never fails. `recovery` is what happens after a mistake.
//!
//! [stateless-session]: https://docs.rs/stateless-session

mod arguments;
mod attributes;
mod errors;
mod expand;
mod lifetime;
mod pattern;
mod recovery;
mod require_session;
mod stateless_session;
mod suggest;

#[cfg(test)]
mod expansions;

use proc_macro::TokenStream;

#[allow(missing_docs)] // the facade documents it, and rustdoc would append this
#[proc_macro_attribute]
pub fn stateless_session(arguments: TokenStream, item: TokenStream) -> TokenStream {
    recovery::keeping_the_item(stateless_session::attribute, arguments.into(), &item.into()).into()
}

#[allow(missing_docs)] // the facade documents it, and rustdoc would append this
#[proc_macro_attribute]
pub fn require_session(arguments: TokenStream, item: TokenStream) -> TokenStream {
    recovery::keeping_the_item(require_session::attribute, arguments.into(), &item.into()).into()
}
