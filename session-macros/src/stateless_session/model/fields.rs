//! The struct's fields under the names that they have in a token.

use super::super::parse::{self, SerdeEntry};
use crate::errors::{Errors, refuse};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Field, Fields, Result};

/// A field, and what serde is told about it. `rename_all` does not count here: what it does to `sub` is refused.
pub(super) struct ClaimField<'a> {
    pub(super) field: &'a Field,
    pub(super) serde: Vec<SerdeEntry>,
    pub(super) written: String,
    pub(super) read: String,
}

impl<'a> ClaimField<'a> {
    fn new(field: &'a Field) -> Self {
        let serde = parse::serde(&field.attrs);
        let [written, read] = ["serialize", "deserialize"].map(|direction| {
            let mut renamed = serde.iter().filter(|entry| entry.is("rename"));
            let name = renamed.find_map(|entry| entry.string(direction));
            let name = name.map(|name| name.value());
            let ident = || field.ident.as_ref().map(|ident| ident.unraw().to_string());
            name.or_else(ident).unwrap_or_default()
        });
        Self {
            field,
            serde,
            written,
            read,
        }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.written == name || self.read == name
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        let mut names = names.iter();
        names.any(|name| self.serde.iter().any(|entry| entry.is(name)))
    }
}

pub(super) fn read(input: &DeriveInput) -> Result<Vec<ClaimField<'_>>> {
    let message = "claims are a struct with named fields, as in `struct Claims { sub: UserId }`";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().map(ClaimField::new).collect()),
            Fields::Unnamed(fields) => refuse(fields, message),
            Fields::Unit => refuse(&input.ident, message),
        },
        Data::Enum(data) => refuse(data.enum_token, message),
        Data::Union(data) => refuse(data.union_token, message),
    }
}

pub(super) fn check_reserved(fields: &[ClaimField], errors: &mut Errors) {
    for claim in fields {
        let reserved = [&claim.written, &claim.read]
            .into_iter()
            .find(|name| is_reserved(name));
        // What is skipped or flattened is in no token itself.
        if let Some(name) = reserved
            && !claim.has(&["skip", "flatten"])
        {
            let message = format!(
                "reserved claim `{name}`, which tokens keep for themselves: rename the field"
            );
            errors.push(&claim.field.ident, message);
        }
    }
}

/// Whether the session itself writes a claim of this name.
fn is_reserved(name: &str) -> bool {
    let names = "iss aud exp nbf iat jti sid auth_time auth_age act cnf";
    names.split(' ').any(|reserved| reserved == name)
}
