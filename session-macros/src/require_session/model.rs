use super::parse::{Argument, Handler};
use crate::arguments::{self, Root};
use crate::attributes;
use crate::case::pascal_case;
use crate::errors::Errors;
use crate::lifetime::Lifetime;
use crate::pattern;
use crate::suggest::suggest;
use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Error, Expr, ExprLet, FnArg, GenericArgument, Generics, Ident, Lit, Pat, PatType, Path,
    PathArguments, Signature, Token, Type,
};

pub(super) struct Requirement {
    /// What the handler calls its session.
    pub(super) name: Ident,
    pub(super) session: Type,
    pub(super) guard: Guard,
    pub(super) root: Root,
}

pub(super) struct Guard {
    pub(super) ident: Ident,
    pub(super) conditions: Vec<Condition>,
    pub(super) fresh: Option<Fresh>,
    pub(super) max_age: Option<Lifetime>,
}

pub(super) enum Condition {
    Matches(Ident, Pat),
    Holds(Expr),
}

pub(super) struct Fresh {
    pub(super) lifetime: Lifetime,
    pub(super) span: Span,
}

impl Guard {
    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.fresh.is_none() && self.max_age.is_none()
    }
}

/// Applies the rules. `None` is a handler whose first parameter is no session.
pub(super) fn requirement(
    arguments: Vec<Argument>,
    handler: &mut Handler,
    errors: &mut Errors,
) -> Option<Requirement> {
    let signature = &mut handler.signature;
    if signature.asyncness.is_none() {
        errors.push(signature.fn_token, "a handler is async: write `async fn`");
        // Otherwise axum reports it once more.
        signature.asyncness = Some(Token![async](signature.fn_token.span));
    }

    let keys = arguments.iter().filter_map(|argument| match argument {
        Argument::Field(key, _) | Argument::Named(arguments::Argument { key, .. }) => Some(key),
        Argument::If(_) => None,
    });
    arguments::check_duplicates(keys, errors);

    let mut guard = Guard {
        ident: guard_ident(&signature.ident),
        conditions: Vec::new(),
        fresh: None,
        max_age: None,
    };
    let mut root = Root(None);
    for argument in arguments {
        match argument {
            Argument::Field(field, pattern) => {
                guard.conditions.extend(matches(field, pattern, errors));
            }
            Argument::If(expr) => guard.conditions.extend(holds(expr, errors)),
            Argument::Named(argument) if argument.key == "fresh" => {
                guard.fresh = argument
                    .positive_lifetime("30s", errors)
                    .map(|lifetime| Fresh {
                        lifetime,
                        span: argument.value.span(),
                    });
            }
            Argument::Named(argument) if argument.key == "max_age" => {
                guard.max_age = argument.positive_lifetime("5m", errors);
            }
            Argument::Named(argument) => root = Root(argument.root(errors)),
        }
    }

    let Some(parameter) = session_parameter(signature, errors) else {
        own_session(signature);
        return None;
    };
    Some(Requirement {
        name: name(parameter, &guard, errors),
        session: (*parameter.ty).clone(),
        guard,
        root,
    })
}

/// `DeleteTodoGuard` for `delete_todo`.
fn guard_ident(handler: &Ident) -> Ident {
    let name = pascal_case(&handler.unraw().to_string());
    Ident::new(&format!("{name}Guard"), handler.span())
}

fn matches(field: Ident, pattern: Pat, errors: &mut Errors) -> Option<Condition> {
    // A string can hardly be a pattern, but it is the value of a misspelled key.
    let is_string = matches!(&pattern, Pat::Lit(literal) if matches!(literal.lit, Lit::Str(_)));
    if is_string && let Some(known) = suggest(&field.to_string(), &["fresh", "max_age"]) {
        let message = format!("unknown argument `{field}`, did you mean `{known}`?");
        errors.push(field, message);
        return None;
    }
    pattern::checked(pattern, errors).map(|pattern| Condition::Matches(field, pattern))
}

fn holds(expr: Expr, errors: &mut Errors) -> Option<Condition> {
    if let Some(expr) = find_let(&expr) {
        let message = "a condition has no `let`; write `if matches!(EXPR, PATTERN)`";
        errors.push(expr, message);
        return None;
    }
    Some(Condition::Holds(expr))
}

/// Finds a `let` on any side of `&&` and `||`.
fn find_let(expr: &Expr) -> Option<&ExprLet> {
    match expr {
        Expr::Let(expr) => Some(expr),
        Expr::Binary(expr) => find_let(&expr.left).or_else(|| find_let(&expr.right)),
        Expr::Unary(expr) => find_let(&expr.expr),
        Expr::Paren(expr) => find_let(&expr.expr),
        Expr::Group(expr) => find_let(&expr.expr),
        _ => None,
    }
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

/// Takes the `&` off a session that was refused for it, because axum would report it once more.
fn own_session(signature: &mut Signature) {
    if let Some(FnArg::Typed(parameter)) = signature.inputs.first_mut()
        && let Type::Reference(reference) = &*parameter.ty
    {
        let session = reference.elem.clone();
        parameter.ty = session;
    }
}

/// Why a type is no session, as far as its syntax shows it.
fn refusal(ty: &Type, generics: &Generics) -> Option<&'static str> {
    match ty {
        Type::Group(group) => refusal(&group.elem, generics),
        Type::Path(ty) if ty.qself.is_none() && !is_generic(&ty.path, generics) => {
            let last = ty.path.segments.last()?;
            let message = "a required session is no `Option`; \
                           write `claims: Claims`, or remove `#[require_session]`";
            (last.ident == "Option").then_some(message)
        }
        Type::Reference(_) => {
            Some("a handler owns its session; write `claims: Claims` without `&`")
        }
        _ => Some("the session's type must be written out, as in `claims: Claims`"),
    }
}

/// Whether a path or one of its arguments is a generic parameter, or `Self`.
fn is_generic(path: &Path, generics: &Generics) -> bool {
    let is_parameter = |name: &Ident| {
        let mut parameters = generics.type_params();
        *name == "Self" || parameters.any(|parameter| parameter.ident == *name)
    };
    let mut arguments = path
        .segments
        .iter()
        .flat_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
            _ => Vec::new(),
        });
    path.leading_colon.is_none() && is_parameter(&path.segments[0].ident)
        || arguments.any(|argument| match argument {
            GenericArgument::Type(Type::Path(ty)) => is_generic(&ty.path, generics),
            _ => false,
        })
}

/// The name that the handler gives to its session.
fn name(parameter: &PatType, guard: &Guard, errors: &mut Errors) -> Ident {
    if let Pat::Ident(pattern) = &*parameter.pat {
        return pattern.ident.clone();
    }
    let uses_name = |condition: &Condition| matches!(condition, Condition::Holds(_));
    if guard.conditions.iter().any(uses_name) {
        let message = "`if` needs a name for the session, as in `claims: Claims`";
        errors.push(&parameter.pat, message);
    }
    Ident::new("session", Span::mixed_site())
}
