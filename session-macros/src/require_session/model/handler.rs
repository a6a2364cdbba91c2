//! A handler, whose first parameter is its session.

use super::super::parse::Handler;
use super::{Condition, Requirement, Rules, refusal};
use crate::attributes;
use crate::errors::Errors;
use crate::expand::mentions;
use crate::pattern;
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Error, Expr, FnArg, Ident, Pat, PatType, Signature};

/// Applies the rules for a handler. `None` is one for which no guard would be right.
pub(in super::super) fn of_handler(
    mut rules: Rules,
    handler: &Handler,
    errors: &mut Errors,
) -> Option<Requirement> {
    let signature = &handler.signature;
    if signature.asyncness.is_none() {
        errors.push(signature.fn_token, "a handler is async: write `async fn`");
    }
    let parameter = session_parameter(signature, errors)?;
    if !rules.is_empty() && is_method(handler) {
        let message = "a guard beside a method needs a name of its own: \
                       put this attribute on `struct Admin(Claims);` and take `admin: Admin`";
        errors.push(&signature.ident, message);
        return None;
    }
    let guard = guard_ident(&signature.ident);
    let name = name(parameter, &rules, errors);
    let late = rules
        .exprs()
        .find_map(|expr| late_variable(expr, signature));
    if let Some(variable) = late {
        let message =
            format!("the guard runs before `{variable}` is read: compare it in the handler's body");
        errors.push(variable, message);
        let holds = |condition: &Condition| matches!(condition, Condition::Holds(_));
        rules.conditions.retain(|condition| !holds(condition));
    }
    Some(Requirement {
        name,
        session: (*parameter.ty).clone(),
        guard,
        rules,
    })
}

fn session_parameter<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<&'a PatType> {
    let message = "a handler's first parameter is its session, as in `claims: Claims`";
    let parameter = match signature.inputs.first() {
        Some(FnArg::Typed(parameter)) => parameter,
        Some(FnArg::Receiver(receiver)) => {
            errors.push(receiver, message);
            return None;
        }
        None => {
            errors.add(Error::new(signature.paren_token.span.join(), message));
            return None;
        }
    };
    if let Some(attribute) = attributes::conditional(&parameter.attrs) {
        let message = "the session is required in every build; remove the attribute";
        errors.push(attribute, message);
        return None;
    }
    if let Some(message) = refusal(&parameter.ty, &signature.generics) {
        errors.push(&parameter.ty, message);
        return None;
    }
    Some(parameter)
}

/// Whether a function names the type of an `impl` around it, which is all that shows one here.
fn is_method(handler: &Handler) -> bool {
    let (signature, body) = (&handler.signature, &handler.body);
    let body = |name| mentions(body.clone(), name);
    mentions(signature.to_token_stream(), "Self") || body("Self") && !body("impl") && !body("trait")
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
fn late_variable<'a>(expr: &'a Expr, signature: &Signature) -> Option<&'a Ident> {
    let inner = |expr| late_variable(expr, signature);
    match expr {
        Expr::Binary(expr) => inner(&expr.left).or_else(|| inner(&expr.right)),
        Expr::Call(expr) => expr.args.iter().find_map(inner),
        Expr::Field(expr) => inner(&expr.base),
        Expr::Group(expr) => inner(&expr.expr),
        Expr::MethodCall(expr) => {
            inner(&expr.receiver).or_else(|| expr.args.iter().find_map(inner))
        }
        Expr::Paren(expr) => inner(&expr.expr),
        Expr::Path(expr) => expr.path.get_ident().filter(|name| {
            let mut later = signature.inputs.iter().skip(1);
            later.any(|parameter| match parameter {
                FnArg::Typed(parameter) => pattern::variables(&parameter.pat).contains(name),
                FnArg::Receiver(_) => false,
            })
        }),
        Expr::Reference(expr) => inner(&expr.expr),
        Expr::Unary(expr) => inner(&expr.expr),
        _ => None,
    }
}
