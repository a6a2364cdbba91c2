//! With the feature `utoipa`: the handler's `#[utoipa::path(..)]` says what its attribute requires.

use super::model::Guard;
use super::parse::Handler;
use crate::attributes::nested;
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Meta, Path};

/// Adds the security scheme and the refusals to the attribute below. Where there is none, a check that it did not stand above.
//
// #[utoipa::path(get, path = "/me", responses(
//     ::stateless_session::Require<Claims, MeGuard>, (status = OK)), security(("session" = [])))]
pub(super) fn describe(handler: &mut Handler, guard: &Guard) -> Option<TokenStream> {
    let (session, ident, root) = (&guard.session, &guard.ident, &guard.rules.root);
    let refusals = if guard.rules.is_empty() {
        quote!(#root::Session<#root::__private::ClaimsOf<#session>>)
    } else {
        quote!(#root::Require<#session, #ident>)
    };
    let mut is_described = false;
    for attribute in &mut handler.attributes {
        is_described |= add(&mut attribute.meta, &refusals);
    }
    (!is_described).then(|| order(handler, guard))
}

fn add(meta: &mut Meta, refusals: &TokenStream) -> bool {
    let Meta::List(list) = meta else {
        return false;
    };
    if is_utoipa(&list.path) {
        list.tokens = with(list.tokens.clone(), refusals);
        return true;
    }
    if !list.path.is_ident("cfg_attr") {
        return false;
    }
    let Some(mut metas) = nested(list) else {
        return false;
    };
    let is_described = metas.iter_mut().any(|meta| add(meta, refusals));
    list.tokens = quote!(#(#metas),*);
    is_described
}

fn is_utoipa(path: &Path) -> bool {
    let names: Vec<_> = path.segments.iter().map(|part| &part.ident).collect();
    matches!(names.as_slice(), [.., library, name] if *library == "utoipa" && *name == "path")
}

/// The arguments of the attribute with the refusals before what the user says of the same status, and with the scheme
/// where the user names none.
fn with(arguments: TokenStream, refusals: &TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let named = |tokens: &[TokenTree], name: &str| {
        tokens.windows(2).position(|pair| {
            matches!(pair, [TokenTree::Ident(key), TokenTree::Group(group)]
                if key == name && group.delimiter() == Delimiter::Parenthesis)
        })
    };
    let mut added = TokenStream::new();
    if let Some(position) = named(&tokens, "responses")
        && let Some(TokenTree::Group(group)) = tokens.get_mut(position + 1)
    {
        let (span, responses) = (group.span(), group.stream());
        *group = Group::new(Delimiter::Parenthesis, quote!(#refusals, #responses));
        group.set_span(span);
    } else {
        added.extend(quote!(, responses(#refusals)));
    }
    if named(&tokens, "security").is_none() {
        added.extend(quote!(, security(("session" = []))));
    }
    if matches!(tokens.last(), Some(TokenTree::Punct(comma)) if comma.as_char() == ',') {
        tokens.pop();
    }
    tokens.into_iter().chain(added).collect()
}

/// Attributes above this one are gone when it runs, but the struct that `#[utoipa::path]` makes is there.
//
// const _: () = {
//     mod order {
//         type __path_me = ();
//         const _: () = { use super::*; ::stateless_session::__private::assert_undescribed::<__path_me>() };
//     }
// };
fn order(handler: &Handler, guard: &Guard) -> TokenStream {
    let (root, repeated) = (&guard.rules.root, &guard.repeated);
    let described: Ident = format_ident!("__path_{}", handler.signature.ident.unraw());
    quote! {
        #(#[#repeated])*
        const _: () = {
            #[allow(non_camel_case_types, unused_imports, clippy::wildcard_imports)]
            mod order {
                type #described = ();
                const _: () = {
                    use super::*;
                    #root::__private::assert_undescribed::<#described>()
                };
            }
        };
    }
}
