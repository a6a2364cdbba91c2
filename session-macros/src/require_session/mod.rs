//! `#[require_session(role = Role::Admin, fresh = "30s")]` on a handler, or on a struct as a guard with a name.

mod expand;
mod model;
mod parse;

use crate::attributes;
use crate::errors::Errors;
use crate::recovery;
use parse::Item;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let words = arguments.to_string();
    let arguments = parse::arguments(arguments, &mut errors);
    let mut item = match syn::parse2::<Item>(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            errors.add(error);
            return quote!(#item #errors);
        }
    };
    attributes::remove_repeated(item.attributes(), "require_session", &mut errors);
    let rules = model::Rules::of(arguments, words, &mut errors);
    let code = match &mut item {
        Item::Handler(handler) => {
            let requirement = model::of_handler(rules, handler, &mut errors);
            recovery::mend(&mut handler.signature);
            expand::handler(handler, requirement.as_ref())
        }
        Item::Guard(item) => {
            let requirement = model::of_guard(rules, item, &mut errors);
            expand::guard(item, requirement.as_ref())
        }
    };
    quote!(#code #errors)
}
