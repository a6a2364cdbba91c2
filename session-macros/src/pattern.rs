//! Which patterns may guard a handler: those that bind nothing. That they can fail to match is left to rustc.
//!
//! A guard that lets everybody in is the worst mistake this crate could make, so what is not known
//! to be fine is refused.

use crate::errors::Errors;
use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Lit, Pat, PatIdent, PatStruct, parse_quote_spanned};

/// Checks a pattern and puts it into the form in which it is safe to print, unless it is refused.
pub(crate) fn accept(pattern: &mut Pat, errors: &mut Errors) -> bool {
    let mut mistakes = Errors::default();
    if let Pat::Slice(list) = &*pattern {
        let message = "alternatives are separated by `|`, as in `role = Role::Admin | Role::Owner`; \
                       an array is compared by `if`";
        mistakes.push(list, message);
    } else {
        check_part(pattern, &mut mistakes);
    }
    let accepted = mistakes.is_empty();
    errors.append(mistakes);
    accepted
}

/// Whether a pattern is about a string, of whatever type that is.
pub(crate) fn is_text(pattern: &Pat) -> bool {
    match pattern {
        Pat::Lit(literal) => matches!(literal.lit, Lit::Str(_)),
        Pat::Or(pattern) => pattern.cases.iter().all(is_text),
        Pat::Paren(pattern) => is_text(&pattern.pat),
        _ => false,
    }
}

fn check_part(pattern: &mut Pat, errors: &mut Errors) {
    match pattern {
        Pat::Const(_) | Pat::Lit(_) | Pat::Range(_) | Pat::Rest(_) | Pat::Wild(_) => {}
        Pat::Path(path) if path.qself.is_some() || path.path.get_ident().is_none() => {}
        // It would be a new variable too wherever no `None` is in scope.
        Pat::Ident(none) if none.to_token_stream().to_string() == "None" => {
            *pattern = parse_quote_spanned!(none.span()=> ::core::option::Option::None);
        }
        Pat::Ident(ident) => errors.push(&*ident, new_variable(ident)),
        Pat::Or(pattern) => check_parts(&mut pattern.cases, errors),
        Pat::Paren(pattern) => check_part(&mut pattern.pat, errors),
        Pat::Reference(pattern) => check_part(&mut pattern.pat, errors),
        Pat::Slice(pattern) => check_parts(&mut pattern.elems, errors),
        Pat::Struct(pattern) => check_fields(pattern, errors),
        Pat::Tuple(pattern) => check_parts(&mut pattern.elems, errors),
        Pat::TupleStruct(pattern) => check_parts(&mut pattern.elems, errors),
        Pat::Macro(_) => {
            let message = "a macro could expand to a variable that matches everything; \
                           write the pattern itself";
            errors.push(pattern, message);
        }
        _ => errors.push(pattern, "unknown kind of pattern; use `if matches!(..)`"),
    }
}

fn check_parts<P>(parts: &mut Punctuated<Pat, P>, errors: &mut Errors) {
    for part in parts {
        check_part(part, errors);
    }
}

fn check_fields(pattern: &mut PatStruct, errors: &mut Errors) {
    for field in &mut pattern.fields {
        if let Some(attribute) = field.attrs.first() {
            let message = "a guard is the same in every build; remove the attribute";
            errors.push(attribute, message);
        } else if field.colon_token.is_none() {
            let name = field.member.to_token_stream();
            let message = format!(
                "`{name}` alone is a new variable that matches everything; write `{name}: PATTERN`"
            );
            errors.push(&*field, message);
        } else {
            check_part(&mut field.pat, errors);
        }
    }
}

fn new_variable(pattern: &PatIdent) -> String {
    let name = &pattern.ident;
    if pattern.subpat.is_some() {
        return format!("`{name} @` makes a new variable; write only what follows it");
    }
    format!(
        "`{name}` could be a new variable that matches everything; \
         write a path, as in `self::{name}` or `Role::Admin`"
    )
}

#[cfg(test)]
mod tests {
    use super::{accept, is_text};
    use crate::errors::Errors;
    use quote::ToTokens as _;
    use syn::Pat;
    use syn::parse::Parser as _;

    fn is_accepted(pattern: &str) -> bool {
        let mut pattern = Pat::parse_multi_with_leading_vert
            .parse_str(pattern)
            .unwrap();
        let mut errors = Errors::default();
        let accepted = accept(&mut pattern, &mut errors);
        assert_eq!(accepted, errors.is_empty());
        accepted
    }

    #[test]
    fn a_pattern_that_binds_nothing_is_accepted() {
        for pattern in [
            "true",
            "-1",
            "'a'",
            "\"a\"",
            "1..=9",
            "1..",
            "..9",
            "A..=B",
            "self::A..",
            "const { A }",
            "None",
            "(None)",
            "&None",
            "Some(_)",
            "Some(..)",
            "Some(None)",
            "Some((_, _))",
            "Role::A",
            "::a::A",
            "self::A",
            "<A as B>::C",
            "Self::A",
            "Foo::<A, B>::C",
            "Role::A | Role::B",
            "| Role::A",
            "(Role::A | Role::B)",
            "Some(Role::A | Role::B)",
            "Foo { .. }",
            "Foo { a: _ }",
            "Foo { a: true, .. }",
            "Foo { 0: Role::A }",
            "(Role::A, _)",
            "(_, Some(_))",
            "([Role::A, ..], _)",
            "&Role::A",
            "Some(&_)",
            "_",
            "Some(_ | Role::A)",
        ] {
            assert!(is_accepted(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_binds_is_refused() {
        for pattern in [
            "admin",
            "ADMIN",
            "Admin",
            "r#admin",
            "r#None",
            "self",
            "ref admin",
            "mut admin",
            "ref mut admin",
            "ref None",
            "mut None",
            "None @ _",
            "None @ None",
            "a @ Role::A",
            "a @ (Role::A | Role::B)",
            "(admin)",
            "&admin",
            "&mut admin",
            "(Role::A, admin)",
            "(_, [Role::A, admin])",
            "(_, [Role::A, rest @ ..])",
            "Some(admin)",
            "Some(ref admin)",
            "Foo { admin }",
            "Foo { ref admin }",
            "Foo { ref mut admin, .. }",
            "Foo { None }",
            "Foo { a: admin }",
            "Role::A | admin",
            "admin | Role::A",
            "| admin",
            "Some(Role::A | admin)",
            "Some(Some(Some(admin)))",
            "box admin",
            "Foo { box admin }",
        ] {
            assert!(!is_accepted(pattern), "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_seen_through_is_refused() {
        for pattern in [
            "m!()",
            "Some(m!())",
            "Foo { #[cfg(a)] a: Role::A }",
            "box Role::A",
            "[Role::A, Role::B]",
            "[Role::A, ..]",
        ] {
            assert!(!is_accepted(pattern), "{pattern}");
        }
    }

    #[test]
    fn none_is_the_one_of_option_in_any_scope() {
        let mut pattern = Pat::parse_single.parse_str("(None, Some(None))").unwrap();
        assert!(accept(&mut pattern, &mut Errors::default()));
        assert_eq!(
            pattern.to_token_stream().to_string().replace(' ', ""),
            "(::core::option::Option::None,Some(::core::option::Option::None))"
        );
    }

    #[test]
    fn strings_and_nothing_else_are_text() {
        let is_text = |pattern| {
            let pattern = Pat::parse_multi_with_leading_vert.parse_str(pattern);
            is_text(&pattern.unwrap())
        };
        assert!(is_text(r#""a""#) && is_text(r#""a" | ("b" | r"c")"#));
        assert!(!is_text(r#""a" | _"#) && !is_text(r#"b"a""#) && !is_text(r#"Some("a")"#));
    }
}
