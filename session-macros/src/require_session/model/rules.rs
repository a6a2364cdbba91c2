//! What the arguments require, before it is known of which session.

use super::super::parse::Argument;
use crate::arguments::{self, Root};
use crate::errors::Errors;
use crate::lifetime::Lifetime;
use crate::pattern;
use crate::suggest::suggest;
use syn::{Expr, ExprLet, Ident, Lit, Pat};

pub(in super::super) struct Rules {
    /// The arguments as they were written.
    pub(in super::super) words: String,
    pub(in super::super) conditions: Vec<Condition>,
    pub(in super::super) limits: Vec<Limit>,
    pub(in super::super) root: Root,
}

pub(in super::super) enum Condition {
    Matches(Ident, Pat),
    /// A string, of whatever type the field is.
    IsText(Ident, Pat),
    Holds(Expr),
    /// Printed for editors alone, which complete what is not right yet.
    Refused(Ident, Pat),
}

/// `fresh` or `max_age`.
pub(in super::super) struct Limit {
    /// The name of the constant, at the key.
    pub(in super::super) constant: Ident,
    pub(in super::super) assertion: &'static str,
    pub(in super::super) lifetime: Lifetime,
}

impl Rules {
    pub(in super::super) fn of(
        arguments: Vec<Argument>,
        words: String,
        errors: &mut Errors,
    ) -> Self {
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

    pub(in super::super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.limits.is_empty()
    }

    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
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
