//! The attributes that items carry besides the macro's own.

use crate::errors::Errors;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Meta, MetaList, Token};

/// Removes and reports further uses of the macro itself, which would only fail in their turn.
pub(crate) fn remove_repeated(attributes: &mut Vec<Attribute>, own: &str, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let path = attribute.path();
        let repeated = path.segments.last().is_some_and(|last| last.ident == own);
        if repeated {
            let message = format!("duplicate attribute `{own}`, remove one of them");
            errors.push(path, message);
        }
        !repeated
    });
}

/// What generated items repeat: `cfg`, as they exist only where the item does, and the levels of lints, as they hold
/// what the user wrote.
pub(crate) struct Repeated(Vec<Meta>);

impl Repeated {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let metas = attributes.iter().map(|attribute| &attribute.meta);
        Self(metas.filter_map(repeated).collect())
    }
}

impl ToTokens for Repeated {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for meta in &self.0 {
            tokens.extend(quote!(#[#meta]));
        }
    }
}

fn repeated(meta: &Meta) -> Option<Meta> {
    let name = meta.path().get_ident()?;
    let mut meta = meta.clone();
    match (name.to_string().as_str(), &mut meta) {
        ("allow" | "cfg" | "deny" | "forbid" | "warn", _) => {}
        // Two items that expect a lint would both have to cause it.
        ("expect", Meta::List(list)) => list.path = Ident::new("allow", name.span()).into(),
        ("cfg_attr", Meta::List(list)) => {
            let (predicate, metas) = behind_predicate(list)?;
            let metas: Vec<_> = metas.iter().filter_map(repeated).collect();
            if metas.is_empty() {
                return None;
            }
            list.tokens = quote!(#predicate, #(#metas),*);
        }
        _ => return None,
    }
    Some(meta)
}

/// The predicate of a `cfg_attr`, and the attributes behind it.
pub(crate) fn behind_predicate(cfg_attr: &MetaList) -> Option<(TokenStream, Vec<Meta>)> {
    let parser = |input: ParseStream| {
        let mut predicate = TokenStream::new();
        while !input.peek(Token![,]) {
            predicate.extend([input.parse::<TokenTree>()?]);
        }
        input.parse::<Token![,]>()?;
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated(input)?;
        Ok((predicate, metas.into_iter().collect()))
    };
    cfg_attr.parse_args_with(parser).ok()
}

/// Finds an attribute that can remove what it stands on.
pub(crate) fn conditional(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => behind_predicate(list)
            .is_none_or(|(_, metas)| metas.iter().any(|meta| meta.path().is_ident("cfg"))),
        meta => meta.path().is_ident("cfg"),
    })
}

/// Finds `#[doc(hidden)]`.
pub(crate) fn doc_hidden(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| {
        let Meta::List(list) = &attribute.meta else {
            return false;
        };
        list.path.is_ident("doc") && list.tokens.to_string() == "hidden"
    })
}
