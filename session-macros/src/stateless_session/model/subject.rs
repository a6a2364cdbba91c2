//! The two fields that a session knows: `sub` and `generation`.

use super::super::parse::{self, SerdeEntry};
use super::fields::ClaimField;
use crate::attributes;
use crate::errors::Errors;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Field, Ident, LitStr, Type};

/// What serde can be told about a field, but the refresh token does not know.
const NOT_FOR_THE_SUBJECT: [&str; 9] = [
    "default",
    "deserialize_with",
    "flatten",
    "serialize_with",
    "skip",
    "skip_deserializing",
    "skip_serializing",
    "skip_serializing_if",
    "with",
];

/// Types that serde writes as neither a string nor an integer.
const NOT_A_SUBJECT: [&str; 4] = ["bool", "f32", "f64", "Vec"];

/// The values of `rename_all` that make another name of `sub`.
const CHANGES_SUB: [&str; 4] = [
    "PascalCase",
    "SCREAMING-KEBAB-CASE",
    "SCREAMING_SNAKE_CASE",
    "UPPERCASE",
];

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
        errors.push(other.ident(), message);
    }
    if subject.written != subject.read {
        let message =
            "the subject must be called `sub` when it is serialized and when it is deserialized";
        errors.push(subject.ident(), message);
    }
    check_rename_all(subject, input, errors);
    check_type(&subject.field.ty, errors);
    serializes_itself(subject, errors).then_some(subject.field)
}

fn check_rename_all(subject: &ClaimField, input: &DeriveInput, errors: &mut Errors) {
    if subject.is_renamed() {
        return;
    }
    for entry in parse::serde(&input.attrs) {
        let rule = entry.value.as_ref().map(LitStr::value).unwrap_or_default();
        if entry.name == "rename_all" && CHANGES_SUB.contains(&rule.as_str()) {
            let message = format!(
                "`{rule}` changes the name of `sub`: put `#[serde(rename = \"sub\")]` on it"
            );
            errors.push(entry.value, message);
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

fn serializes_itself(subject: &ClaimField, errors: &mut Errors) -> bool {
    let mut serializes_itself = true;
    for SerdeEntry {
        name, conditional, ..
    } in &subject.serde
    {
        if NOT_FOR_THE_SUBJECT.iter().any(|refused| name == refused) {
            let message = format!(
                "remove `{name}`, as the refresh token carries `sub` by its own type: \
                 wrap that in a newtype"
            );
            errors.push(name, message);
            serializes_itself &= name != "flatten" && !name.to_string().ends_with("with");
        } else if *conditional {
            let message = "the subject is the same in every build: write this without `cfg_attr`";
            errors.push(name, message);
        }
    }
    serializes_itself
}

/// The field `generation`, by its own name or by serde's, so that neither is a counter that counts for nothing.
pub(super) fn generations<'a>(fields: &[ClaimField<'a>], errors: &mut Errors) -> Vec<&'a Field> {
    let is_generation = |claim: &&ClaimField| {
        claim.is_called("generation")
            || claim
                .ident()
                .is_some_and(|ident| ident.unraw() == "generation")
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
