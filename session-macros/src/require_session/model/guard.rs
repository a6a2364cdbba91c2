//! A struct that is a guard with a name.

use super::{Requirement, Rules, refusal};
use crate::errors::Errors;
use crate::expand::mentions;
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Fields, Ident, ItemStruct, Visibility};

/// Applies the rules for the struct. `None` is one for which no guard would be right.
pub(in super::super) fn of_guard(
    rules: Rules,
    item: &ItemStruct,
    errors: &mut Errors,
) -> Option<Requirement> {
    let message = "a guard with a name holds its session, as in `struct Admin(Claims);`";
    let field = match &item.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => &fields.unnamed[0],
        Fields::Unit => {
            errors.push(&item.ident, message);
            return None;
        }
        fields => {
            errors.push(fields, message);
            return None;
        }
    };
    if !item.generics.params.is_empty() {
        errors.push(
            &item.generics,
            "a guard is not generic, write the types out",
        );
        return None;
    }
    if !matches!(field.vis, Visibility::Inherited) {
        let message = "keep the field private, or anybody could make one without the guard";
        errors.push(&field.vis, message);
    }
    if let Some(message) = refusal(&field.ty, &item.generics) {
        errors.push(&field.ty, message);
        return None;
    }
    for expr in rules.exprs() {
        if !mentions(expr.to_token_stream(), "session") {
            let message = "the session is called `session` here, as in `if session.active`";
            errors.push(expr, message);
        }
    }
    Some(Requirement {
        name: Ident::new("session", Span::call_site()),
        session: field.ty.clone(),
        guard: item.ident.clone(),
        rules,
    })
}
