//! A handler, whose first parameter is its session.

use super::super::parse::Handler;
use super::rules::{Condition, find};
use super::{Guard, Rules, refusal};
use crate::attributes::{conditional, repeated};
use crate::errors::{Errors, refuse};
use crate::expand::mentions;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Error, Expr, FnArg, Ident, Pat, PatType, Result, Signature};

/// Applies the rules for a handler. An error is what leaves no guard that would be right.
pub(in super::super) fn of_handler(
    mut rules: Rules,
    handler: &Handler,
    errors: &mut Errors,
) -> Result<Guard> {
    let signature = &handler.signature;
    if signature.asyncness.is_none() {
        errors.push(signature.fn_token, "a handler is async: write `async fn`");
    }
    if !rules.is_empty() && is_method(handler) {
        let message = "a guard beside a method needs a name of its own: \
                       put this attribute on `struct Admin(Claims);` and take `admin: Admin`";
        return refuse(&signature.ident, message);
    }
    let parameter = session_parameter(signature)?;
    let name = name(parameter, &rules, errors);
    if let Some(variable) = late_variable(&rules, signature) {
        let message =
            format!("the guard runs before `{variable}` is read: compare it in the handler's body");
        errors.push(variable, message);
        let conditions = &mut rules.conditions;
        conditions.retain(|condition| !matches!(condition, Condition::Holds(_)));
    }
    Ok(Guard {
        name,
        session: (*parameter.ty).clone(),
        ident: guard_ident(&signature.ident),
        rules,
        repeated: repeated(&handler.attributes),
    })
}

fn session_parameter(signature: &Signature) -> Result<&PatType> {
    let message = "a handler's first parameter is its session, as in `claims: Claims`";
    let parameter = match signature.inputs.first() {
        Some(FnArg::Typed(parameter)) => parameter,
        Some(FnArg::Receiver(receiver)) => return refuse(receiver, message),
        None => return Err(Error::new(signature.paren_token.span.join(), message)),
    };
    if let Some(attribute) = conditional(&parameter.attrs) {
        let message = "the session is required in every build; remove the attribute";
        return refuse(attribute, message);
    }
    if let Some(message) = refusal(&parameter.ty, &signature.generics) {
        return refuse(&parameter.ty, message);
    }
    Ok(parameter)
}

/// Whether a function has or names the type of an `impl` around it, which is all that shows one here.
fn is_method(handler: &Handler) -> bool {
    let signature = &handler.signature;
    let body = |name| mentions(handler.body.clone(), name);
    signature.receiver().is_some()
        || mentions(signature.to_token_stream(), "Self")
        || body("Self") && !body("impl") && !body("trait")
}

/// `DeleteTodoGuard` for `delete_todo`, and `_2faGuard` for `_2fa`.
fn guard_ident(handler: &Ident) -> Ident {
    let name = handler.unraw().to_string();
    let words = name.trim_start_matches('_');
    let mut guard = "_".repeat(name.len() - words.len());
    for word in words.split('_') {
        let mut letters = word.chars();
        guard.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        guard.extend(letters);
    }
    Ident::new(&format!("{guard}Guard"), handler.span())
}

/// The name that the handler gives to its session.
fn name(parameter: &PatType, rules: &Rules, errors: &mut Errors) -> Ident {
    let mut pattern = &*parameter.pat;
    while let Pat::Paren(inner) = pattern {
        pattern = &inner.pat;
    }
    if let Pat::Ident(pattern) = pattern {
        return pattern.ident.clone();
    }
    if rules.exprs().next().is_some() {
        let message = "`if` needs a name for the session, as in `claims: Claims`";
        errors.push(&parameter.pat, message);
    }
    Ident::new("session", Span::mixed_site())
}

/// Finds where a condition names a later parameter.
fn late_variable<'a>(rules: &'a Rules, signature: &Signature) -> Option<&'a Ident> {
    let later = signature.inputs.iter().skip(1);
    let later = later.filter_map(|parameter| match parameter {
        FnArg::Typed(parameter) => Some(parameter.pat.to_token_stream()),
        FnArg::Receiver(_) => None,
    });
    let later: TokenStream = later.collect();
    let late = |expr: &'a Expr| match expr {
        Expr::Path(expr) => {
            let variable = expr.path.get_ident()?;
            let name = variable.to_string();
            // With a capital letter it is a type, as in `Path(id)`.
            let is_late = !name.starts_with(char::is_uppercase) && mentions(later.clone(), &name);
            is_late.then_some(variable)
        }
        _ => None,
    };
    rules.exprs().find_map(|expr| find(expr, &late))
}

#[cfg(test)]
mod tests {
    use crate::require_session::attribute;
    use quote::quote;

    #[test]
    fn a_later_parameter_is_its_variables_and_not_its_type() {
        let handler = quote!(
            async fn todo(claims: Claims, Id(id): Id) {}
        );
        let is_refused = |arguments| {
            let printed = attribute(arguments, &handler).to_string();
            printed.contains("compile_error")
        };
        assert!(is_refused(quote!(if claims.owns(&id))));
        assert!(!is_refused(quote!(if claims.ids().map(Id).any(is_public))));
    }
}
