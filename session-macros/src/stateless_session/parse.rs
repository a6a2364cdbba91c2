use crate::arguments::{self, Argument};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse as _;
use syn::{Attribute, DeriveInput, Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token};

pub(super) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    arguments::parse(tokens, errors, |input| {
        let expected = "expected an argument, as in `access = \"15m\"`";
        Argument::parse(input).map_err(|error| Error::new(error.span(), expected))
    })
}

/// Parses a struct, an enum or a union, or gives the tokens back.
pub(super) fn input(
    tokens: TokenStream,
    errors: &mut Errors,
) -> std::result::Result<DeriveInput, TokenStream> {
    syn::parse2(tokens.clone()).map_err(|error| {
        let expected = "expected a struct, as in `struct Claims { sub: UserId }`";
        errors.add(Error::new(error.span(), expected));
        tokens
    })
}

/// One entry of `#[serde(..)]`, such as `default` or `rename = "sub"`. What stands inside an entry,
/// as in `rename(serialize = "sub")`, is an entry with a direction.
pub(super) struct SerdeEntry {
    pub(super) name: Ident,
    pub(super) direction: Option<Ident>,
    pub(super) value: Option<LitStr>,
}

pub(super) fn serde(attributes: &[Attribute]) -> Vec<SerdeEntry> {
    let mut entries = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            // What cannot be read here is reported by serde.
            let _ = attribute.parse_nested_meta(|meta| {
                let name = meta.path.require_ident()?.clone();
                if !meta.input.peek(syn::token::Paren) {
                    let value = string(&meta)?;
                    entries.push(SerdeEntry {
                        name,
                        direction: None,
                        value,
                    });
                    return Ok(());
                }
                meta.parse_nested_meta(|meta| {
                    let direction = Some(meta.path.require_ident()?.clone());
                    let value = string(&meta)?;
                    entries.push(SerdeEntry {
                        name: name.clone(),
                        direction,
                        value,
                    });
                    Ok(())
                })
            });
        }
    }
    entries
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
