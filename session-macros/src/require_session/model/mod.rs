mod guard;
mod handler;
mod rules;

pub(super) use guard::of_guard;
pub(super) use handler::of_handler;
pub(super) use rules::{Condition, Rules};

use syn::{GenericArgument, Generics, Ident, Path, PathArguments, Type};

pub(super) struct Requirement {
    /// What the handler calls its session.
    pub(super) name: Ident,
    pub(super) session: Type,
    pub(super) guard: Ident,
    pub(super) rules: Rules,
}

/// Why a type is no session, as far as its syntax shows it.
fn refusal(ty: &Type, generics: &Generics) -> Option<&'static str> {
    match ty {
        Type::Group(group) => refusal(&group.elem, generics),
        Type::Path(ty) if ty.qself.is_none() && !is_generic(&ty.path, generics) => {
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

/// Whether a path or one of its arguments is a generic parameter, or `Self`.
fn is_generic(path: &Path, generics: &Generics) -> bool {
    let is_parameter = |name: &Ident| {
        let mut parameters = generics.type_params();
        *name == "Self" || parameters.any(|parameter| parameter.ident == *name)
    };
    let mut arguments = path
        .segments
        .iter()
        .flat_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
            _ => Vec::new(),
        });
    path.leading_colon.is_none() && is_parameter(&path.segments[0].ident)
        || arguments.any(|argument| match argument {
            GenericArgument::Type(Type::Path(ty)) => is_generic(&ty.path, generics),
            _ => false,
        })
}
