//! `#[require_session(role = Role::Admin, fresh = "30s")]` on a handler.

mod expand;
mod model;
mod parse;

use crate::attributes;
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = parse::arguments(arguments, &mut errors);
    let mut handler = match parse::handler(item, &mut errors) {
        Ok(handler) => handler,
        Err(item) => return quote!(#item #errors),
    };
    attributes::remove_repeated(&mut handler.attributes, "require_session", &mut errors);
    let requirement = model::requirement(arguments, &mut handler, &mut errors);
    let code = expand::handler(&handler, requirement.as_ref());
    quote!(#code #errors)
}
