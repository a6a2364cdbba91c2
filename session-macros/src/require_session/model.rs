use super::parse::{Argument, Handler};
use crate::arguments::{self, Root};
use crate::attributes;
use crate::errors::Errors;
use crate::expand::mentions;
use crate::lifetime::Lifetime;
use crate::pattern;
use crate::suggest::suggest;
use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{
    Error, Expr, ExprLet, Fields, FnArg, GenericArgument, Generics, Ident, ItemStruct, Lit, Pat,
    PatType, Path, PathArguments, Signature, Type, Visibility,
};

/// What the arguments say, before it is known of which session.
pub(super) struct Rules {
    /// The arguments as they were written.
    pub(super) words: String,
    pub(super) conditions: Vec<Condition>,
    pub(super) limits: Vec<Limit>,
    pub(super) root: Root,
}

pub(super) enum Condition {
    Matches(Ident, Pat),
    /// A string, of whatever type the field is.
    IsText(Ident, Pat),
    Holds(Expr),
    /// Printed for editors alone, which complete what is not right yet.
    Refused(Ident, Pat),
}

/// `fresh` or `max_age`.
pub(super) struct Limit {
    /// The name of the constant, at the key.
    pub(super) constant: Ident,
    pub(super) assertion: &'static str,
    pub(super) lifetime: Lifetime,
}

pub(super) struct Requirement {
    /// What the handler calls its session.
    pub(super) name: Ident,
    pub(super) session: Type,
    pub(super) guard: Ident,
    pub(super) rules: Rules,
}

impl Rules {
    pub(super) fn of(arguments: Vec<Argument>, words: String, errors: &mut Errors) -> Self {
        let keys = arguments.iter().filter_map(|argument| match argument {
            Argument::Field(key, _) | Argument::Named(arguments::Argument { key, .. }) => Some(key),
            Argument::If(_) => None,
        });
        arguments::check_duplicates(keys, errors);

        let mut rules = Self {
            words,
            conditions: Vec::new(),
            limits: Vec::new(),
            root: Root(None),
        };
        for argument in arguments {
            match argument {
                Argument::Field(field, pattern) => {
                    rules.conditions.extend(matches(field, pattern, errors));
                }
                Argument::If(expr) => rules.conditions.extend(holds(expr, errors)),
                Argument::Named(argument) if argument.key == "crate" => {
                    rules.root = Root(argument.root(errors));
                }
                Argument::Named(argument) => {
                    let limit = limit(&argument, errors);
                    let is_first =
                        |limit: &Limit| rules.limits.iter().all(|l| l.constant != limit.constant);
                    rules.limits.extend(limit.filter(is_first));
                }
            }
        }
        rules
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.limits.is_empty()
    }

    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Holds(expr) => Some(expr),
                _ => None,
            })
    }
}

fn limit(argument: &arguments::Argument, errors: &mut Errors) -> Option<Limit> {
    let (constant, assertion, example) = if argument.key == "fresh" {
        ("FRESH", "assert_fresh", "30s")
    } else {
        ("MAX_AGE", "assert_max_age", "5m")
    };
    Some(Limit {
        constant: Ident::new(constant, argument.key.span()),
        assertion,
        lifetime: argument.positive_lifetime(example, errors)?,
    })
}

fn matches(field: Ident, mut pattern: Pat, errors: &mut Errors) -> Option<Condition> {
    // A lifetime is hardly a field's value, but it is the value of a misspelled key.
    let is_lifetime = matches!(&pattern, Pat::Lit(literal)
        if matches!(&literal.lit, Lit::Str(string) if Lifetime::read(string).is_ok()));
    if is_lifetime && let Some(known) = suggest(&field.to_string(), &["fresh", "max_age"]) {
        let message = format!("unknown argument `{field}`, did you mean `{known}`?");
        errors.push(field, message);
        return None;
    }
    Some(if !pattern::accept(&mut pattern, errors) {
        Condition::Refused(field, pattern)
    } else if pattern::is_text(&pattern) {
        Condition::IsText(field, pattern)
    } else {
        Condition::Matches(field, pattern)
    })
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

/// Applies the rules for a handler. `None` is one for which no guard would be right.
pub(super) fn of_handler(
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

/// Applies the rules for a struct that is a guard with a name. `None` is one for which no guard would be right.
pub(super) fn of_guard(
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
