//! `#[stateless_session(access = "15m", refresh = "7d")]` on a claims struct.

mod expand;
mod model;
mod parse;

use crate::attributes::remove_repeated;
use crate::errors::Errors;
use crate::recovery;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = parse::arguments(arguments, &mut errors);
    let policy = model::policy(arguments, &mut errors);
    match parse::input(item.clone()) {
        Ok(mut input) => {
            remove_repeated(&mut input.attrs, "stateless_session", &mut errors);
            let claims = model::claims(policy, &input, &mut errors);
            let impls = claims.as_ref().map(expand::impls);
            quote!(#input #impls #errors)
        }
        Err(error) => {
            // Somebody types it: rustc reports what is unfinished, and the struct's name stays a session's.
            let finished = recovery::finished_fields(item);
            if finished.is_none() {
                errors.add(error);
            }
            let unreported = &mut Errors::default();
            let claims = finished.as_ref();
            let claims = claims.and_then(|input| model::claims(policy, input, unreported));
            let impls = claims.as_ref().map(expand::impls);
            let wire = claims.as_ref().map(expand::wire);
            quote!(#item #impls #wire #errors)
        }
    }
}
