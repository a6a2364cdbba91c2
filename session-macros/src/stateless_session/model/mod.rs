mod fields;
mod policy;
mod subject;

pub(super) use policy::{Policy, Setting, policy};

use crate::attributes::repeated;
use crate::errors::Errors;
use syn::{Data, DeriveInput, Field, Ident, Meta};

pub(super) struct Claims<'a> {
    pub(super) ident: &'a Ident,
    pub(super) repeated: Vec<Meta>,
    pub(super) policy: Policy,
    /// `None` where no field can be it.
    pub(super) subject: Option<&'a Field>,
    /// Several only where each has a `cfg`.
    pub(super) generations: Vec<&'a Field>,
}

/// Applies the rules for the struct. `None` is an item for which no impl would be right.
pub(super) fn claims<'a>(
    policy: Policy,
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<Claims<'a>> {
    let fields = errors.take(fields::read(input));
    let fields = fields.as_deref();
    if let Some(fields) = fields {
        fields::check_reserved(fields, errors);
    }
    let subject = fields.and_then(|fields| subject::subject(fields, input, errors));
    let generations = fields.map(|fields| subject::generations(fields, errors));
    if !input.generics.params.is_empty() {
        let message = "claims cannot be generic, write the types out";
        errors.push(&input.generics, message);
        return None;
    }
    if let Data::Union(_) = input.data {
        return None;
    }
    Some(Claims {
        ident: &input.ident,
        repeated: repeated(&input.attrs),
        policy,
        subject,
        generations: generations.unwrap_or_default(),
    })
}
