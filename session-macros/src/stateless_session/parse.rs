use crate::arguments::{self, Argument};
use crate::attributes::nested;
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Attribute, DeriveInput, Error, LitStr, Meta, Path, Result};

pub(super) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    arguments::parse(tokens, errors, |input| {
        let key = arguments::key(input, "`access = \"15m\"`")?;
        Argument::parse(key, input)
    })
}

/// Parses a struct, an enum or a union.
pub(super) fn input(item: TokenStream) -> Result<DeriveInput> {
    syn::parse2(item).map_err(|error| {
        let expected = "expected a struct, as in `struct Claims { sub: UserId }`";
        Error::new(error.span(), expected)
    })
}

/// One entry of `#[serde(..)]`, such as `default` or `rename = "sub"`.
pub(super) struct SerdeEntry {
    meta: Meta,
    /// Whether it stands in a `cfg_attr`.
    pub(super) conditional: bool,
}

pub(super) fn serde(attributes: &[Attribute]) -> Vec<SerdeEntry> {
    let metas = attributes.iter().map(|attribute| &attribute.meta);
    metas.flat_map(|meta| entries(meta, false)).collect()
}

// What cannot be read here is reported by serde.
fn entries(meta: &Meta, conditional: bool) -> Vec<SerdeEntry> {
    let Meta::List(list) = meta else {
        return Vec::new();
    };
    let metas = nested(list).unwrap_or_default().into_iter();
    if list.path.is_ident("serde") {
        metas.map(|meta| SerdeEntry { meta, conditional }).collect()
    } else if list.path.is_ident("cfg_attr") {
        metas.flat_map(|meta| entries(&meta, true)).collect()
    } else {
        Vec::new()
    }
}

impl SerdeEntry {
    pub(super) fn path(&self) -> &Path {
        self.meta.path()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.path().is_ident(name)
    }

    /// The string of `rename = "sub"`, or of `rename(serialize = "sub")` in this direction.
    pub(super) fn string(&self, direction: &str) -> Option<LitStr> {
        match &self.meta {
            Meta::List(list) => {
                let metas = nested(list)?;
                let directed = metas.iter().find(|meta| meta.path().is_ident(direction));
                string(directed?)
            }
            meta => string(meta),
        }
    }
}

fn string(meta: &Meta) -> Option<LitStr> {
    let value = &meta.require_name_value().ok()?.value;
    syn::parse2(value.to_token_stream()).ok()
}
