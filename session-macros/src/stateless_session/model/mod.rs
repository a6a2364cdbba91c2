mod fields;
mod policy;
mod subject;

pub(super) use policy::{Policy, Setting, policy};

use crate::arguments::Root;
use crate::attributes::Repeated;
use crate::errors::Errors;
use syn::{Data, DeriveInput, Field, Ident};

pub(super) struct Claims<'a> {
    pub(super) ident: &'a Ident,
    pub(super) repeated: Repeated,
    pub(super) policy: Policy,
    /// `None` where no field can be it.
    pub(super) subject: Option<&'a Field>,
    /// Several only where each has a `cfg`.
    pub(super) generations: Vec<&'a Field>,
    pub(super) root: Root,
}

/// Applies the rules for the struct. `None` is an item for which no impl would be right.
pub(super) fn claims<'a>(
    (policy, root): (Policy, Root),
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<Claims<'a>> {
    let fields = fields::read(input, errors);
    let (subject, generations) = match &fields {
        Some(fields) => {
            fields::check_reserved(fields, errors);
            (
                subject::subject(fields, input, errors),
                subject::generations(fields, errors),
            )
        }
        None => (None, Vec::new()),
    };
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
        repeated: Repeated::of(&input.attrs),
        policy,
        subject,
        generations,
        root,
    })
}
