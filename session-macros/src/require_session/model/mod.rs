mod guard;
mod handler;
mod rules;

pub(super) use guard::of_guard;
pub(super) use handler::of_handler;
pub(super) use rules::{Condition, Rules};

use crate::expand::mentions;
use quote::ToTokens as _;
use syn::{Generics, Ident, Meta, Type, TypePath};

pub(super) struct Guard {
    /// What the handler calls its session.
    pub(super) name: Ident,
    pub(super) session: Type,
    pub(super) ident: Ident,
    pub(super) rules: Rules,
    pub(super) repeated: Vec<Meta>,
}

/// Why a type is no session, as far as its syntax shows it.
fn refusal(ty: &Type, generics: &Generics) -> Option<&'static str> {
    match ty {
        Type::Group(group) => refusal(&group.elem, generics),
        Type::Path(ty) if ty.qself.is_none() && !is_generic(ty, generics) => {
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

/// Whether a type is or takes a generic parameter, or `Self`.
fn is_generic(ty: &TypePath, generics: &Generics) -> bool {
    let mentions = |name: &str| mentions(ty.to_token_stream(), name);
    let mut parameters = generics.type_params();
    mentions("Self") || parameters.any(|parameter| mentions(&parameter.ident.to_string()))
}
