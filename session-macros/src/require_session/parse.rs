use crate::arguments::{self, rest_of_argument};
use crate::errors::{Errors, refuse};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Expr, Ident, ItemStruct, Pat, Result, Signature, Token, Visibility};

pub(super) enum Argument {
    /// `role = Role::Admin`
    Field(Ident, Pat),
    /// `if claims.active`
    If(Expr),
    /// `fresh`, `max_age` and `crate`
    Named(arguments::Argument),
}

pub(super) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Vec<Argument> {
    arguments::parse(tokens, errors, Argument::parse)
}

impl Parse for Argument {
    fn parse(input: ParseStream) -> Result<Self> {
        if input.peek(Token![if]) {
            return condition(input).map(Self::If);
        }
        let example = "`role = Role::Admin` or `if claims.active`";
        let key = arguments::key(input, example)?;
        if key == "fresh" || key == "max_age" || key == "crate" {
            return arguments::Argument::parse(key, input).map(Self::Named);
        }
        let pattern = pattern(&key, input)?;
        Ok(Self::Field(field(key)?, pattern))
    }
}

/// A field's name as Rust has it: `r#type` for `type`.
fn field(key: Ident) -> Result<Ident> {
    match key.to_string().as_str() {
        "_" | "self" | "Self" | "super" => {
            refuse(key, "expected a field, as in `role = Role::Admin`")
        }
        name if syn::parse_str::<Ident>(name).is_err() => Ok(Ident::new_raw(name, key.span())),
        _ => Ok(key),
    }
}

fn condition(input: ParseStream) -> Result<Expr> {
    let keyword: Token![if] = input.parse()?;
    let example = "a condition, as in `if claims.active`";
    let expr: Expr = expected(input, input.parse(), keyword, example)?;
    syn::parse2(with_visible_groups(expr.into_token_stream()))
}

/// What `macro_rules!` hands on as `$condition` is one operand, but rustc forgets that when a macro
/// prints it again: `$condition && b` would become `a || b && b`. Parentheses stay.
fn with_visible_groups(tokens: TokenStream) -> TokenStream {
    let visible = |token| {
        let TokenTree::Group(group) = token else {
            return token;
        };
        let stream = with_visible_groups(group.stream());
        let delimiter = match group.delimiter() {
            Delimiter::None if stream.clone().into_iter().count() > 1 => Delimiter::Parenthesis,
            delimiter => delimiter,
        };
        let mut visible = Group::new(delimiter, stream);
        visible.set_span(group.span());
        TokenTree::Group(visible)
    };
    tokens.into_iter().map(visible).collect()
}

fn pattern(field: &Ident, input: ParseStream) -> Result<Pat> {
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        let mut argument = field.to_token_stream();
        argument.extend(rest_of_argument(input)?);
        let message = "expected `field = PATTERN`; any other condition is written with `if`, \
                       as in `if claims.role != Role::Guest`";
        return refuse(argument, message);
    }
    input.parse::<Token![=]>()?;
    if input.peek(Token![!]) {
        let message = "a pattern cannot be negated; write `if !matches!(claims.role, Role::Guest)`";
        return Err(input.error(message));
    }
    let pattern = Pat::parse_multi_with_leading_vert(input);
    expected(
        input,
        pattern,
        field,
        "a pattern, as in `role = Role::Admin`",
    )
}

/// Says of what does not parse what it should be; of what is missing, at what stands before it.
fn expected<T>(
    input: ParseStream,
    parsed: Result<T>,
    before: impl ToTokens,
    example: &str,
) -> Result<T> {
    parsed.or_else(|error| {
        let message = format!("expected {example}");
        if input.is_empty() || input.peek(Token![,]) {
            return refuse(before, message);
        }
        Err(Error::new(error.span(), message))
    })
}

/// What the attribute stands on.
pub(super) enum Item {
    Handler(Handler),
    /// `struct Admin(Claims);`
    Guard(ItemStruct),
}

/// A function. Its body stays as it is, whatever it holds.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) body: TokenStream,
}

impl Parse for Item {
    fn parse(input: ParseStream) -> Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if ahead.peek(Token![struct]) {
            return input.parse().map(Self::Guard);
        }
        input.parse().map(Self::Handler)
    }
}

impl Parse for Handler {
    fn parse(input: ParseStream) -> Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse().map_err(|error| {
                let expected = "expected a handler, as in `async fn me(claims: Claims)`";
                Error::new(error.span(), expected)
            })?,
            body: input.parse()?,
        })
    }
}
