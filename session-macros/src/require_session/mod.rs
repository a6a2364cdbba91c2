//! `#[require_session(role = Role::Admin, fresh = "30s")]` on a handler, or on a struct as a guard with a name.

mod expand;
mod model;
mod openapi;
mod parse;

use crate::attributes::remove_repeated;
use crate::errors::Errors;
use crate::recovery;
use parse::Item;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let words = arguments.to_string();
    let arguments = parse::arguments(arguments, &mut errors);
    let Some(mut item) = errors.take(syn::parse2::<Item>(item.clone())) else {
        return quote!(#item #errors);
    };
    let rules = model::Rules::of(arguments, &words, &mut errors);
    let code = match &mut item {
        Item::Handler(handler) => {
            remove_repeated(&mut handler.attributes, "require_session", &mut errors);
            let guard = model::of_handler(rules, handler, &mut errors);
            recovery::mend(&mut handler.signature);
            expand::handler(handler, errors.take(guard).as_ref())
        }
        Item::Guard(item) => {
            remove_repeated(&mut item.attrs, "require_session", &mut errors);
            let guard = model::of_guard(rules, item, &mut errors);
            expand::guard(item, errors.take(guard).as_ref())
        }
    };
    quote!(#code #errors)
}
