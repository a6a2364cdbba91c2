//! The attributes that items carry besides the macro's own.

use crate::errors::Errors;
use syn::{Attribute, Meta};

/// Removes and reports further uses of the macro itself, which would only fail in their turn.
pub(crate) fn remove_repeated(attributes: &mut Vec<Attribute>, own: &str, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let path = attribute.path();
        let repeated = path.segments.last().is_some_and(|last| last.ident == own);
        if repeated {
            errors.push(
                path,
                format!("duplicate attribute `{own}`, remove one of them"),
            );
        }
        !repeated
    });
}

/// The attributes that generated items must repeat, as they exist only where the item does.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<&Attribute> {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(is_cfg).collect()
}

/// Finds an attribute that can remove what it stands on.
pub(crate) fn conditional(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| {
        let path = attribute.path();
        path.is_ident("cfg") || path.is_ident("cfg_attr")
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
