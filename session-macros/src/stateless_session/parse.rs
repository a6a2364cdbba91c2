use crate::arguments::{self, Argument};
use crate::attributes;
use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, DeriveInput, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, MetaList, Result, Token,
};

pub(super) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    arguments::parse(tokens, errors, |input| {
        Ok(Argument {
            key: arguments::key(input, "`access = \"15m\"`")?,
            value: input.parse()?,
        })
    })
}

/// Parses a struct, an enum or a union.
pub(super) fn input(item: TokenStream) -> Result<DeriveInput> {
    syn::parse2(item).map_err(|error| {
        let expected = "expected a struct, as in `struct Claims { sub: UserId }`";
        Error::new(error.span(), expected)
    })
}

/// One entry of `#[serde(..)]`, such as `default` or `rename = "sub"`. What stands inside an entry,
/// as in `rename(serialize = "sub")`, is an entry with a direction.
pub(super) struct SerdeEntry {
    pub(super) name: Ident,
    pub(super) direction: Option<Ident>,
    pub(super) value: Option<LitStr>,
    /// Whether it stands in a `cfg_attr`.
    pub(super) conditional: bool,
}

pub(super) fn serde(attributes: &[Attribute]) -> Vec<SerdeEntry> {
    let metas = attributes.iter().map(|attribute| &attribute.meta);
    entries(metas, false)
}

fn entries<'a>(metas: impl Iterator<Item = &'a Meta>, conditional: bool) -> Vec<SerdeEntry> {
    let mut all = Vec::new();
    for meta in metas {
        match meta {
            Meta::List(list) if list.path.is_ident("serde") => read(list, conditional, &mut all),
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                if let Some((_, metas)) = attributes::behind_predicate(list) {
                    all.extend(entries(metas.iter(), true));
                }
            }
            _ => {}
        }
    }
    all
}

fn read(list: &MetaList, conditional: bool, all: &mut Vec<SerdeEntry>) {
    let mut entry = |name: &Ident, direction, value| {
        all.push(SerdeEntry {
            name: name.clone(),
            direction,
            value,
            conditional,
        });
    };
    // What cannot be read here is reported by serde.
    let _ = list.parse_nested_meta(|meta| {
        let name = meta.path.require_ident()?;
        if !meta.input.peek(syn::token::Paren) {
            entry(name, None, string(&meta)?);
            return Ok(());
        }
        meta.parse_nested_meta(|meta| {
            let direction = meta.path.require_ident()?;
            entry(name, Some(direction.clone()), string(&meta)?);
            Ok(())
        })
    });
}

fn string(meta: &ParseNestedMeta) -> Result<Option<LitStr>> {
    if !meta.input.peek(Token![=]) {
        return Ok(None);
    }
    Ok(match meta.value()?.parse()? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(string),
            ..
        }) => Some(string),
        _ => None,
    })
}
