//! The arguments of both attributes: reading them one by one, and the rules they share.

use crate::errors::{Errors, refuse};
use crate::lifetime::Lifetime;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use std::collections::HashSet;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Ident, LitStr, Path, Result, Token, parse_quote};

/// Reads arguments separated by commas. A mistake costs its own argument and not the next one.
pub(crate) fn parse<T>(
    tokens: TokenStream,
    errors: &mut Errors,
    argument: fn(ParseStream) -> Result<T>,
) -> Vec<T> {
    let mut arguments = Vec::new();
    let parser = |input: ParseStream| {
        while !input.is_empty() {
            let argument = errors.take(argument(input));
            if argument.is_some() && !input.is_empty() && !input.peek(Token![,]) {
                errors.add(missing_comma(input));
            }
            arguments.extend(argument);
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

fn missing_comma(input: ParseStream) -> Error {
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
        return refuse(key, message);
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

/// An argument with a fixed key, such as `access = "15m"`.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    equals: Option<Token![=]>,
    value: TokenStream,
}

impl Argument {
    /// Reads what follows a key, whatever it is.
    pub(crate) fn parse(key: Ident, input: ParseStream) -> Result<Self> {
        Ok(Self {
            key,
            equals: input.parse()?,
            value: rest_of_argument(input)?,
        })
    }

    /// The value as a string, or a mistake that shows `example`.
    pub(crate) fn string(&self, example: &str) -> Result<LitStr> {
        let read = |value| syn::parse2(value).ok();
        self.value(read, "a string", &format!("{example:?}"))
    }

    /// No value at all.
    pub(crate) fn nothing(&self) -> Result<()> {
        let Self { key, equals, value } = self;
        if equals.is_none() && value.is_empty() {
            return Ok(());
        }
        let message = format!("expected `{key}` alone, which has no value");
        refuse(quote!(#key #equals #value), message)
    }

    pub(crate) fn lifetime(&self, example: &str) -> Result<Lifetime> {
        Lifetime::read(&self.string(example)?)
    }

    /// [`Self::lifetime`], but not zero.
    pub(crate) fn positive_lifetime(&self, example: &str) -> Result<Lifetime> {
        let lifetime = self.lifetime(example)?;
        if lifetime.seconds() == 0 {
            let message = format!("invalid lifetime `{lifetime}`: expected at least \"1s\"");
            return Err(Error::new(lifetime.span(), message));
        }
        Ok(lifetime)
    }

    fn value<T>(
        &self,
        read: fn(TokenStream) -> Option<T>,
        expected: &str,
        example: &str,
    ) -> Result<T> {
        let Self { key, equals, value } = self;
        let message = format!("expected {expected}, as in `{key} = {example}`");
        match (equals, read(value.clone())) {
            (Some(_), Some(value)) => Ok(value),
            _ if value.is_empty() => refuse(key, message),
            _ => refuse(value, message),
        }
    }
}

/// Where generated code finds the facade, which must mean the same everywhere: the argument `crate`, or its default.
pub(crate) fn root(argument: Option<&Argument>, errors: &mut Errors) -> Path {
    let read = |value| {
        let path = Path::parse_mod_style.parse2(value).ok()?;
        let first = &path.segments[0].ident;
        let is_absolute = path.leading_colon.is_some() || first == "crate" || first == "$crate";
        is_absolute.then_some(path)
    };
    let expected = "a path that starts with `::` or `crate::`";
    let root = argument.map(|argument| argument.value(read, expected, "::stateless_session"));
    let root = root.and_then(|root| errors.take(root));
    root.unwrap_or_else(|| parse_quote!(::stateless_session))
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
