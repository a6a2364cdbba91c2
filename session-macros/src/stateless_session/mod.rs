//! `#[stateless_session(access = "15m", refresh = "7d")]` on a claims struct.

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
    let mut input = match parse::input(item, &mut errors) {
        Ok(input) => input,
        Err(item) => return quote!(#item #errors),
    };
    attributes::remove_repeated(&mut input.attrs, "stateless_session", &mut errors);
    let claims = model::claims(arguments, &input, &mut errors);
    let impls = claims.as_ref().map(expand::impls);
    quote!(#input #impls #errors)
}
