//! What is printed after a mistake, so that nothing else is wrong because of it.

use crate::errors::Errors;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote;
use std::panic::{AssertUnwindSafe, catch_unwind};
use syn::parse::Parser as _;
use syn::{DeriveInput, Field, FnArg, Signature, Token, Type};

/// Runs a macro. Should it panic, the user's item stays.
pub(crate) fn keeping_the_item(
    attribute: fn(TokenStream, &TokenStream) -> TokenStream,
    arguments: TokenStream,
    item: &TokenStream,
) -> TokenStream {
    let printed = catch_unwind(AssertUnwindSafe(|| attribute(arguments, item)));
    printed.unwrap_or_else(|_| {
        let mut errors = Errors::default();
        let message = "stateless-session cannot read this item, please report it";
        errors.at(Span::call_site(), message);
        quote!(#item #errors)
    })
}

/// Makes a refused handler one that axum takes, which would report its mistakes once more.
pub(crate) fn mend(signature: &mut Signature) {
    let span = signature.fn_token.span;
    signature.asyncness.get_or_insert(Token![async](span));
    if let Some(FnArg::Typed(parameter)) = signature.inputs.first_mut()
        && let Type::Reference(reference) = &*parameter.ty
    {
        let session = reference.elem.clone();
        parameter.ty = session;
    }
}

/// A struct without those of its fields that do not parse, as while they are typed.
pub(crate) fn finished_fields(item: &TokenStream) -> Option<DeriveInput> {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    let is_field = |field: &TokenStream| Field::parse_named.parse2(field.clone()).is_ok();
    let mut item: Vec<TokenTree> = item.clone().into_iter().collect();
    let Some(TokenTree::Group(body)) = item.pop() else {
        return None;
    };
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let fields = tokens
        .split(is_comma)
        .map(|field| field.iter().cloned().collect())
        .filter(is_field);
    item.push(Group::new(body.delimiter(), quote!(#(#fields),*)).into());
    syn::parse2(item.into_iter().collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::{finished_fields, keeping_the_item};
    use quote::quote;

    #[test]
    fn a_panic_keeps_the_item_and_is_an_error() {
        let item = quote!(
            async fn handler(claims: Claims) {}
        );
        let printed = keeping_the_item(|_, _| panic!("as if"), quote!(), &item);
        let printed = printed.to_string();
        assert!(printed.starts_with(&item.to_string()), "{printed}");
        assert!(printed.contains("compile_error"), "{printed}");
    }

    #[test]
    fn a_field_that_is_being_typed_is_left_out() {
        for unfinished in [
            quote!(pub struct Claims { pub sub: u64, pub ro }),
            quote!(struct Claims { sub: u64, role: }),
            quote!(struct Claims { pub, sub: u64 }),
            quote!(struct Claims { ro sub: u64, sub: u64 }),
        ] {
            let input = finished_fields(&unfinished).unwrap();
            let syn::Data::Struct(data) = input.data else {
                panic!("not a struct");
            };
            assert_eq!(data.fields.len(), 1);
        }
    }
}
