//! The struct's fields under the names that they have in a token.

use super::super::parse::{self, SerdeEntry};
use crate::errors::Errors;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Field, Fields, Ident, LitStr};

/// The claims that the session itself writes.
const RESERVED: [&str; 10] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "act",
    "cnf",
];

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
        let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string());
        let name = |direction: &str| {
            let renamed = |entry: &&SerdeEntry| {
                let directed = entry.direction.as_ref();
                entry.name == "rename" && directed.is_none_or(|directed| directed == direction)
            };
            let renamed = serde.iter().find(renamed)?.value.as_ref();
            renamed.map(LitStr::value)
        };
        let [written, read] = ["serialize", "deserialize"]
            .map(|direction| name(direction).or(ident.clone()).unwrap_or_default());
        Self {
            field,
            serde,
            written,
            read,
        }
    }

    pub(super) fn ident(&self) -> Option<&Ident> {
        self.field.ident.as_ref()
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.written == name || self.read == name
    }

    pub(super) fn is_renamed(&self) -> bool {
        self.serde.iter().any(|entry| entry.name == "rename")
    }

    /// Whether the field itself stands in a token.
    fn is_claim(&self) -> bool {
        let absent = |entry: &SerdeEntry| entry.name == "skip" || entry.name == "flatten";
        !self.serde.iter().any(absent)
    }
}

pub(super) fn read<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<Vec<ClaimField<'a>>> {
    let message = "claims are a struct with named fields, as in `struct Claims { sub: UserId }`";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                return Some(fields.named.iter().map(ClaimField::new).collect());
            }
            Fields::Unnamed(fields) => errors.push(fields, message),
            Fields::Unit => errors.push(&input.ident, message),
        },
        Data::Enum(data) => errors.push(data.enum_token, message),
        Data::Union(data) => errors.push(data.union_token, message),
    }
    None
}

pub(super) fn check_reserved(fields: &[ClaimField], errors: &mut Errors) {
    for claim in fields.iter().filter(|claim| claim.is_claim()) {
        if let Some(name) = RESERVED.iter().find(|name| claim.is_called(name)) {
            let message = format!(
                "reserved claim `{name}`, which tokens keep for themselves: rename the field"
            );
            errors.push(claim.ident(), message);
        }
    }
}
