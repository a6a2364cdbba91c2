//! The attributes that items carry besides the macro's own.

use crate::errors::Errors;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitBool, Meta, MetaList, Path, Result, Token};

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
pub(crate) fn repeated(attributes: &[Attribute]) -> Vec<Meta> {
    let metas = attributes.iter().map(|attribute| &attribute.meta);
    metas.filter_map(repeat).collect()
}

fn repeat(meta: &Meta) -> Option<Meta> {
    let name = meta.path().get_ident()?;
    let mut meta = meta.clone();
    match (name.to_string().as_str(), &mut meta) {
        ("allow" | "cfg" | "deny" | "forbid" | "warn", _) => {}
        // Two items that expect a lint would both have to cause it.
        ("expect", Meta::List(list)) => list.path = Ident::new("allow", name.span()).into(),
        ("cfg_attr", Meta::List(list)) => {
            let metas = nested(list)?;
            let (predicate, metas) = metas.split_first()?;
            let metas: Vec<_> = metas.iter().filter_map(repeat).collect();
            if metas.is_empty() {
                return None;
            }
            list.tokens = quote!(#predicate, #(#metas),*);
        }
        _ => return None,
    }
    Some(meta)
}

/// What an attribute holds in its parentheses; of a `cfg_attr` the first is the predicate.
pub(crate) fn nested(list: &MetaList) -> Option<Vec<Meta>> {
    let parser =
        |input: ParseStream| Punctuated::<Meta, Token![,]>::parse_terminated_with(input, meta);
    Some(list.parse_args_with(parser).ok()?.into_iter().collect())
}

/// A name, or one of the predicates `true` and `false`, which are none to syn.
fn meta(input: ParseStream) -> Result<Meta> {
    if input.peek(LitBool) {
        return Ok(Path::from(input.call(Ident::parse_any)?).into());
    }
    input.parse()
}

/// Finds an attribute that can remove what it stands on.
pub(crate) fn conditional(attributes: &[Attribute]) -> Option<&Attribute> {
    let mut attributes = attributes.iter();
    attributes.find(|attribute| removes(&attribute.meta))
}

fn removes(meta: &Meta) -> bool {
    match meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            nested(list).is_none_or(|metas| metas.iter().any(removes))
        }
        meta => meta.path().is_ident("cfg"),
    }
}

/// Finds `#[doc(hidden)]`.
pub(crate) fn doc_hidden(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{conditional, repeated};
    use quote::quote;
    use syn::{Attribute, parse_quote};

    fn printed(attributes: &[Attribute]) -> String {
        let repeated = repeated(attributes);
        quote!(#(#repeated)*).to_string().replace(' ', "")
    }

    #[test]
    fn conditions_and_lints_are_repeated_whatever_the_predicate_is() {
        let attributes: [Attribute; 6] = [
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[expect(dead_code)]),
            parse_quote!(#[derive(Clone)]),
            parse_quote!(#[cfg_attr(true, allow(dead_code), derive(Clone))]),
            parse_quote!(#[cfg_attr(any(unix, feature = "a"), cfg_attr(windows, cfg(unix)))]),
            parse_quote!(#[cfg_attr(unix, doc = "no lint")]),
        ];
        let expected = "cfg(unix)allow(dead_code)cfg_attr(true,allow(dead_code))\
                        cfg_attr(any(unix,feature=\"a\"),cfg_attr(windows,cfg(unix)))";
        assert_eq!(printed(&attributes), expected);
    }

    #[test]
    fn what_can_remove_an_item_is_found_wherever_it_stands() {
        for attribute in [
            parse_quote!(#[cfg(unix)]),
            parse_quote!(#[cfg_attr(true, cfg(unix))]),
            parse_quote!(#[cfg_attr(unix, allow(dead_code), cfg_attr(windows, cfg(unix)))]),
            parse_quote!(#[cfg_attr(unix, + of no known form)]),
        ] {
            assert!(conditional(&[attribute]).is_some());
        }
        let others = [
            parse_quote!(#[doc = "cfg"]),
            parse_quote!(#[cfg_attr(false, allow(dead_code))]),
        ];
        assert!(conditional(&others).is_none());
    }
}
