//! The arguments of both attributes: reading them one by one, and the rules they share.

use crate::errors::Errors;
use crate::lifetime::Lifetime;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::collections::HashSet;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Ident, LitStr, Path, Result, Token};

/// An argument with a fixed key, such as `access = "15m"`.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Str(LitStr),
    Path(Path),
    Other(TokenStream),
}

/// Reads arguments separated by commas. A mistake costs its own argument and not the next one.
pub(crate) fn parse<T>(
    tokens: TokenStream,
    errors: &mut Errors,
    argument: fn(ParseStream) -> Result<T>,
) -> Vec<T> {
    let mut arguments = Vec::new();
    let parser = |input: ParseStream| {
        while !input.is_empty() {
            match argument(input) {
                Ok(argument) => {
                    arguments.push(argument);
                    if !input.is_empty() && !input.peek(Token![,]) {
                        errors.add(missing_comma(input));
                    }
                }
                Err(error) => errors.add(error),
            }
            rest_of_argument(input)?;
            input.parse::<Option<Token![,]>>()?;
            input.parse::<Option<Token![;]>>()?;
        }
        Ok(())
    };
    // An error here repeats one from above: a mistake inside brackets left tokens behind.
    let _ = parser.parse2(tokens);
    arguments
}

fn missing_comma(input: ParseStream) -> syn::Error {
    input.error(if input.peek(Token![if]) {
        "expected `,`: a condition is an argument of its own, as in `role = Role::Admin, if EXPR`"
    } else if input.peek(Token![;]) {
        "expected `,` instead of `;`"
    } else if input.peek(Token![||]) {
        "expected `|`, as in `role = Role::Admin | Role::Owner`"
    } else {
        "expected `,`"
    })
}

/// Reads a key, or a mistake that shows `example`.
pub(crate) fn key(input: ParseStream, example: &str) -> Result<Ident> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!("expected an argument, as in {example}")));
    }
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![-]) && input.peek2(Ident::peek_any) {
        input.parse::<Token![-]>()?;
        let rest = input.call(Ident::parse_any)?;
        let message = format!("expected `_` instead of `-`, as in `{key}_{rest}`");
        return Err(syn::Error::new(key.span(), message));
    }
    Ok(key)
}

/// Takes what stands before the next comma, or before an argument whose comma is missing.
pub(crate) fn rest_of_argument(input: ParseStream) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let ends = |input: ParseStream| input.peek(Token![,]) || input.peek(Token![;]);
    while !input.is_empty() && !ends(input) && !starts_argument(input) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}

fn starts_argument(input: ParseStream) -> bool {
    let assigns = input.peek2(Token![=]) && !input.peek2(Token![==]) && !input.peek2(Token![=>]);
    input.peek(Token![if]) || input.peek(Ident::peek_any) && assigns
}

/// Parses `= "15m"`, with anything else as [`Value::Other`].
impl Parse for Value {
    fn parse(input: ParseStream) -> Result<Self> {
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return rest_of_argument(input).map(Self::Other);
        }
        let tokens = rest_of_argument(input)?;
        if let Ok(string) = syn::parse2(tokens.clone()) {
            return Ok(Self::Str(string));
        }
        Ok(match Path::parse_mod_style.parse2(tokens.clone()) {
            Ok(path) => Self::Path(path),
            Err(_) => Self::Other(tokens),
        })
    }
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Str(string) => string.to_tokens(tokens),
            Self::Path(path) => path.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

impl Argument {
    /// The value as a string, or a mistake that shows `example`.
    pub(crate) fn string(&self, example: &str, errors: &mut Errors) -> Option<&LitStr> {
        if let Value::Str(string) = &self.value {
            return Some(string);
        }
        self.wrong_kind("a string", &format!("{example:?}"), errors);
        None
    }

    pub(crate) fn lifetime(&self, example: &str, errors: &mut Errors) -> Option<Lifetime> {
        let string = self.string(example, errors)?;
        Lifetime::read(string)
            .map_err(|expected| {
                let text = string.value();
                let message = format!("invalid lifetime `{text}`: expected {expected}");
                errors.push(string, message);
            })
            .ok()
    }

    /// [`Self::lifetime`], but not zero.
    pub(crate) fn positive_lifetime(&self, example: &str, errors: &mut Errors) -> Option<Lifetime> {
        let lifetime = self.lifetime(example, errors)?;
        if lifetime.seconds() == 0 {
            let message = format!("invalid lifetime `{lifetime}`: expected at least \"1s\"");
            errors.push(&self.value, message);
            return None;
        }
        Some(lifetime)
    }

    /// The path by which generated code reaches the facade. It must mean the same everywhere.
    pub(crate) fn root(&self, errors: &mut Errors) -> Option<Path> {
        if let Value::Path(path) = &self.value {
            let first = &path.segments[0].ident;
            if path.leading_colon.is_some() || first == "crate" || first == "$crate" {
                return Some(path.clone());
            }
        }
        let expected = "a path that starts with `::` or `crate::`";
        self.wrong_kind(expected, "::stateless_session", errors);
        None
    }

    fn wrong_kind(&self, expected: &str, example: &str, errors: &mut Errors) {
        let Self { key, value } = self;
        let message = format!("expected {expected}, as in `{key} = {example}`");
        match value {
            Value::Other(tokens) if tokens.is_empty() => errors.push(key, message),
            _ => errors.push(value, message),
        }
    }
}

/// Where generated code finds the facade: the argument `crate`, or `::stateless_session`.
pub(crate) struct Root(pub(crate) Option<Path>);

impl ToTokens for Root {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote!(::stateless_session)),
        }
    }
}

/// Reports every key that stands twice.
pub(crate) fn check_duplicates<'a>(keys: impl Iterator<Item = &'a Ident>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            let message = format!("duplicate argument `{key}`, remove one of them");
            errors.push(key, message);
        }
    }
}
