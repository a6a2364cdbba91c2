//! The two fields that a session knows: `sub` and `generation`.

use super::super::parse;
use super::fields::ClaimField;
use crate::attributes;
use crate::errors::Errors;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Field, Ident, LitStr, Type};

/// Types that serde writes as neither a string nor an integer.
const NOT_A_SUBJECT: [&str; 4] = ["bool", "f32", "f64", "Vec"];

/// Types that convert into `u64` and are no counter. The others are refused by a trait.
const NOT_A_GENERATION: [&str; 2] = ["bool", "char"];

pub(super) fn subject<'a>(
    fields: &[ClaimField<'a>],
    input: &DeriveInput,
    errors: &mut Errors,
) -> Option<&'a Field> {
    let mut subjects = fields.iter().filter(|field| field.is_called("sub"));
    let Some(subject) = subjects.next() else {
        let message = "no field `sub`: add the subject, as in `sub: UserId`, \
                       or put `#[serde(rename = \"sub\")]` on it";
        errors.push(&input.ident, message);
        return None;
    };
    if let Some(attribute) = attributes::conditional(&subject.field.attrs) {
        let message = "the subject is there in every build: let its type depend on it, \
                       as in `#[cfg(..)] type UserId = u64;`";
        errors.push(attribute, message);
        return None;
    }
    for other in subjects {
        let message = "duplicate claim `sub`, a session has one subject";
        errors.push(&other.field.ident, message);
    }
    if subject.written != subject.read {
        let message =
            "the subject must be called `sub` when it is serialized and when it is deserialized";
        errors.push(&subject.field.ident, message);
    }
    check_rename_all(subject, input, errors);
    check_type(&subject.field.ty, errors);
    serializes_itself(subject, errors).then_some(subject.field)
}

fn check_rename_all(subject: &ClaimField, input: &DeriveInput, errors: &mut Errors) {
    if subject.has(&["rename"]) {
        return;
    }
    // The rules with a capital letter at the start are those that write `sub` with one.
    let changes_sub = |rule: &LitStr| rule.value().starts_with(char::is_uppercase);
    let entries = parse::serde(&input.attrs);
    for entry in entries.iter().filter(|entry| entry.is("rename_all")) {
        let rules = ["serialize", "deserialize"].map(|direction| entry.string(direction));
        if let Some(rule) = rules.into_iter().flatten().find(changes_sub) {
            let message = format!(
                "`{}` changes the name of `sub`: put `#[serde(rename = \"sub\")]` on it",
                rule.value()
            );
            errors.push(rule, message);
        }
    }
}

fn check_type(ty: &Type, errors: &mut Errors) {
    if is_one_of(ty, &["Option"]) {
        let message = "the subject cannot be an `Option`, as there is no session without a subject";
        errors.push(ty, message);
    } else if is_one_of(ty, &NOT_A_SUBJECT) || matches!(ty, Type::Array(_) | Type::Tuple(_)) {
        let message = "the subject is a string or an integer, as in `sub: u64`";
        errors.push(ty, message);
    }
}

/// Refuses what serde can be told about a field and the refresh token does not know; whether its type still counts.
fn serializes_itself(subject: &ClaimField, errors: &mut Errors) -> bool {
    for entry in &subject.serde {
        let name = entry.path().to_token_stream().to_string();
        if ["default", "flatten"].contains(&&*name)
            || name.starts_with("skip")
            || name.ends_with("with")
        {
            let message = format!(
                "remove `{name}`, as the refresh token carries `sub` by its own type: \
                 wrap that in a newtype"
            );
            errors.push(entry.path(), message);
        } else if entry.conditional {
            let message = "the subject is the same in every build: write this without `cfg_attr`";
            errors.push(entry.path(), message);
        }
    }
    !subject.has(&["flatten", "with", "serialize_with", "deserialize_with"])
}

/// The field `generation`, by its own name or by serde's, so that neither is a counter that counts for nothing.
pub(super) fn generations<'a>(fields: &[ClaimField<'a>], errors: &mut Errors) -> Vec<&'a Field> {
    let is_generation = |claim: &&ClaimField| {
        let ident = claim.field.ident.as_ref();
        claim.is_called("generation") || ident.is_some_and(|ident| ident.unraw() == "generation")
    };
    let mut generations = Vec::new();
    for claim in fields.iter().filter(is_generation) {
        if is_one_of(&claim.field.ty, &NOT_A_GENERATION) {
            let message = "`generation` must be `u8`, `u16`, `u32` or `u64`";
            errors.push(&claim.field.ty, message);
        } else {
            generations.push(claim.field);
        }
    }
    let always = |field: &&Field| attributes::conditional(&field.attrs).is_none();
    if generations.len() > 1 && generations.iter().any(always) {
        let message = "duplicate claim `generation`, a user has one counter";
        errors.push(&generations[1].ident, message);
        generations.truncate(1);
    }
    generations
}

fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    last_segment(ty).is_some_and(|ident| names.iter().any(|name| ident == name))
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}
