//! `#[stateless_session(access = "15m", refresh = "7d")]` on a claims struct.

mod expand;
mod model;
mod parse;

use crate::arguments::Argument;
use crate::attributes;
use crate::errors::Errors;
use crate::recovery;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = parse::arguments(arguments, &mut errors);
    let mut input = match parse::input(item.clone()) {
        Ok(input) => input,
        Err(error) => return unfinished(arguments, item, error, errors),
    };
    attributes::remove_repeated(&mut input.attrs, "stateless_session", &mut errors);
    let policy = model::policy(arguments, &mut errors);
    let claims = model::claims(policy, &input, &mut errors);
    let impls = claims.as_ref().map(expand::impls);
    quote!(#input #impls #errors)
}

/// A struct that does not parse is one that somebody types: rustc reports it, and its name stays a session's.
fn unfinished(
    arguments: Vec<Argument>,
    item: &TokenStream,
    error: syn::Error,
    mut errors: Errors,
) -> TokenStream {
    let policy = model::policy(arguments, &mut errors);
    let Some(finished) = recovery::finished_fields(item) else {
        errors.add(error);
        return quote!(#item #errors);
    };
    let claims = model::claims(policy, &finished, &mut Errors::default());
    let impls = claims.as_ref().map(|claims| {
        let impls = expand::impls(claims);
        let wire = expand::wire(claims);
        quote!(#impls #wire)
    });
    quote!(#item #impls #errors)
}
