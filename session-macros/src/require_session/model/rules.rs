//! What the arguments require, before it is known of which session.

use super::super::parse::Argument;
use crate::arguments::{self, check_duplicates};
use crate::errors::Errors;
use crate::lifetime::Lifetime;
use crate::pattern;
use crate::suggest::suggest;
use std::iter;
use syn::{Expr, Ident, Lit, Pat, Path};

pub(in super::super) struct Rules {
    /// The arguments as they were written, on one line.
    pub(in super::super) words: String,
    pub(in super::super) conditions: Vec<Condition>,
    /// `fresh` and `max_age`.
    pub(in super::super) limits: Vec<(Ident, Lifetime)>,
    /// Printed for editors alone, which complete what is not right yet.
    pub(in super::super) refused: Vec<(Ident, Pat)>,
    pub(in super::super) root: Path,
}

pub(in super::super) enum Condition {
    Matches(Ident, Pat),
    /// A string, of whatever type the field is.
    IsText(Ident, Pat),
    Holds(Expr),
}

impl Rules {
    pub(in super::super) fn of(arguments: Vec<Argument>, words: &str, errors: &mut Errors) -> Self {
        let keys = arguments.iter().filter_map(|argument| match argument {
            Argument::Field(key, _) | Argument::Named(arguments::Argument { key, .. }) => Some(key),
            Argument::If(_) => None,
        });
        check_duplicates(keys, errors);
        let words: Vec<_> = words.split_whitespace().collect();
        let mut rules = Self {
            words: words.join(" ").trim_end_matches([',', ' ']).to_owned(),
            conditions: Vec::new(),
            limits: Vec::new(),
            refused: Vec::new(),
            root: arguments::root(None, errors),
        };
        for argument in arguments {
            match argument {
                Argument::Field(field, pattern) => rules.add_pattern(field, pattern, errors),
                Argument::If(expr) => match find(&expr, &is_let) {
                    Some(expr) => {
                        let message =
                            "a condition has no `let`; write `if matches!(EXPR, PATTERN)`";
                        errors.push(expr, message);
                    }
                    None => rules.conditions.push(Condition::Holds(expr)),
                },
                Argument::Named(argument) if argument.key == "crate" => {
                    rules.root = arguments::root(Some(&argument), errors);
                }
                Argument::Named(argument) => {
                    let example = if argument.key == "fresh" { "30s" } else { "5m" };
                    let lifetime = errors.take(argument.positive_lifetime(example));
                    let is_first = rules.limits.iter().all(|(key, _)| *key != argument.key);
                    if let Some(lifetime) = lifetime
                        && is_first
                    {
                        rules.limits.push((argument.key, lifetime));
                    }
                }
            }
        }
        rules
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.limits.is_empty() && self.refused.is_empty()
    }

    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let conditions = self.conditions.iter();
        conditions.filter_map(|condition| match condition {
            Condition::Holds(expr) => Some(expr),
            _ => None,
        })
    }

    fn add_pattern(&mut self, field: Ident, mut pattern: Pat, errors: &mut Errors) {
        // A lifetime is hardly a field's value, but it is the value of a misspelled key.
        let is_lifetime = matches!(&pattern, Pat::Lit(literal)
            if matches!(&literal.lit, Lit::Str(string) if Lifetime::read(string).is_ok()));
        if is_lifetime && let Some(known) = suggest(&field.to_string(), &["fresh", "max_age"]) {
            let message = format!("unknown argument `{field}`, did you mean `{known}`?");
            errors.push(field, message);
        } else if !pattern::accept(&mut pattern, errors) {
            self.refused.push((field, pattern));
        } else if pattern::is_text(&pattern) {
            self.conditions.push(Condition::IsText(field, pattern));
        } else {
            self.conditions.push(Condition::Matches(field, pattern));
        }
    }
}

fn is_let(expr: &Expr) -> Option<&Expr> {
    matches!(expr, Expr::Let(_)).then_some(expr)
}

/// Finds what is wanted in an expression or its operands, but not where it may have variables of its own.
pub(super) fn find<'a, T>(expr: &'a Expr, wanted: &dyn Fn(&'a Expr) -> Option<T>) -> Option<T> {
    let operands: Vec<&Expr> = match expr {
        Expr::Binary(expr) => vec![&expr.left, &expr.right],
        Expr::Call(expr) => expr.args.iter().collect(),
        Expr::Field(expr) => vec![&expr.base],
        Expr::Group(expr) => vec![&expr.expr],
        Expr::MethodCall(expr) => iter::once(&*expr.receiver).chain(&expr.args).collect(),
        Expr::Paren(expr) => vec![&expr.expr],
        Expr::Reference(expr) => vec![&expr.expr],
        Expr::Unary(expr) => vec![&expr.expr],
        _ => Vec::new(),
    };
    let mut operands = operands.into_iter();
    wanted(expr).or_else(|| operands.find_map(|operand| find(operand, wanted)))
}
