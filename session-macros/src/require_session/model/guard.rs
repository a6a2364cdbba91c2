//! A struct that is a guard with a name.

use super::{Guard, Rules, refusal};
use crate::attributes::repeated;
use crate::errors::{Errors, refuse};
use crate::expand::mentions;
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Fields, Ident, ItemStruct, Result, Visibility};

/// Applies the rules for the struct. An error is what leaves no guard that would be right.
pub(in super::super) fn of_guard(
    rules: Rules,
    item: &ItemStruct,
    errors: &mut Errors,
) -> Result<Guard> {
    let message = "a guard with a name holds its session, as in `struct Admin(Claims);`";
    let field = match &item.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0],
        Fields::Unit => return refuse(&item.ident, message),
        fields => return refuse(fields, message),
    };
    if !item.generics.params.is_empty() {
        let message = "a guard is not generic, write the types out";
        return refuse(&item.generics, message);
    }
    if !matches!(field.vis, Visibility::Inherited) {
        let message = "keep the field private, or anybody could make one without the guard";
        errors.push(&field.vis, message);
    }
    if let Some(message) = refusal(&field.ty, &item.generics) {
        return refuse(&field.ty, message);
    }
    for expr in rules.exprs() {
        if !mentions(expr.to_token_stream(), "session") {
            let message = "the session is called `session` here, as in `if session.active`";
            errors.push(expr, message);
        }
    }
    Ok(Guard {
        name: Ident::new("session", Span::call_site()),
        session: field.ty.clone(),
        ident: item.ident.clone(),
        rules,
        repeated: repeated(&item.attrs),
    })
}
