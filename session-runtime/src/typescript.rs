//! The claims as a front end reads them.

use std::any::TypeId;

use ts_rs::{Config, TS, TypeVisitor};

/// Declares a claims struct and every type that it names, without imports.
pub(crate) fn declarations<C: TS + 'static>() -> String {
    // In a token every number is a JSON number.
    let config = Config::new().with_large_int("number");
    let mut named = Named {
        config: &config,
        seen: Vec::new(),
        declarations: Vec::new(),
    };
    C::visit_dependencies(&mut named);
    let (name, fields) = (C::ident(&config), C::inline(&config));
    // Whatever type the subject has, its wire form is a string.
    format!(
        "{}export type {name} = Omit<{fields}, \"sub\"> & {{ sub: string }};\n",
        named.declarations.concat()
    )
}

/// Declares each named type once.
struct Named<'a> {
    config: &'a Config,
    seen: Vec<TypeId>,
    declarations: Vec<String>,
}

impl TypeVisitor for Named<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Types without a file of their own, such as strings, need no declaration.
        if T::output_path().is_none() || self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        T::visit_dependencies(self);
        self.declarations
            .push(format!("export {}\n", T::decl(self.config)));
    }
}
