use super::model::{Condition, Guard};
use super::openapi;
use super::parse::Handler;
use crate::attributes::doc_hidden;
use crate::expand::{extractor, located, located_root};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, BinOp, Expr, ExprBinary, FnArg, ItemStruct, Pat, Stmt, Token, Type, braced,
    parse_quote,
};

pub(super) fn handler(handler: &Handler, guard: Option<&Guard>) -> TokenStream {
    let Some(guard) = guard else {
        return print(handler);
    };
    let mut handler = handler.clone();
    let order = if cfg!(feature = "utoipa") {
        openapi::describe(&mut handler, guard)
    } else {
        None
    };
    if guard.rules.is_empty() {
        return asserted(handler, guard, order.as_ref());
    }
    let wrapped = wrapped(&handler, guard);
    let guard_type = guard_type(&handler, guard);
    let guard_impl = guard_impl(guard);
    quote!(#wrapped #guard_type #guard_impl #order)
}

fn print(handler: &Handler) -> TokenStream {
    let (attributes, visibility) = (&handler.attributes, &handler.visibility);
    let (signature, body) = (&handler.signature, &handler.body);
    quote!(#(#attributes)* #visibility #signature #body)
}

// async fn me(claims: Claims) -> Json<Claims> {
//     const _: () = ::stateless_session::__private::assert_session::<Claims>();
//     ..
fn asserted(mut handler: Handler, guard: &Guard, order: Option<&TokenStream>) -> TokenStream {
    let (session, root) = (&guard.session, &guard.rules.root);
    let asserted = |body: ParseStream| {
        let statements;
        let span = braced!(statements in body).span.join();
        let attributes = statements.call(Attribute::parse_inner)?;
        let rest: TokenStream = statements.parse()?;
        let assertion = quote! {
            const _: () = #root::__private::assert_session::<#session>();
        };
        Ok(quote_spanned!(span=> { #(#attributes)* #assertion #order #rest }))
    };
    if let Ok(body) = asserted.parse2(handler.body.clone()) {
        handler.body = body;
    }
    print(&handler)
}

// async fn delete_todo(
//     ::stateless_session::Require { session: claims, .. }: ::stateless_session::Require<Claims, DeleteTodoGuard>,
//     Path(id): Path<TodoId>) -> StatusCode { .. }
fn wrapped(handler: &Handler, guard: &Guard) -> TokenStream {
    let (ident, root) = (&guard.ident, &guard.rules.root);
    let mut handler = handler.clone();
    if let Some(FnArg::Typed(first)) = handler.signature.inputs.first_mut() {
        let (pattern, session) = (&first.pat, &first.ty);
        // rustc's lint wants the short form where it says the same.
        let field = match &**pattern {
            Pat::Ident(pattern) if pattern.ident == "session" => quote!(#pattern),
            pattern => quote!(session: #pattern),
        };
        *first.pat = Pat::Verbatim(quote!(#root::Require { #field, .. }));
        *first.ty = Type::Verbatim(quote!(#root::Require<#session, #ident>));
    }
    print(&handler)
}

// /// What [`delete_todo`] requires of its session: `role = Role::Admin | Role::Owner`.
// enum DeleteTodoGuard {}
fn guard_type(handler: &Handler, guard: &Guard) -> TokenStream {
    let (ident, rules, repeated) = (&guard.ident, &guard.rules, &guard.repeated);
    let (name, visibility) = (&handler.signature.ident, &handler.visibility);
    let doc_hidden = doc_hidden(&handler.attributes);
    let doc = format!(
        " What [`{name}`] requires of its session: `{}`.",
        rules.words
    );
    quote! {
        #[doc = #doc]
        #(#[#repeated])*
        #doc_hidden
        #visibility enum #ident {}
    }
}

// const _: () = ::stateless_session::__private::assert_fresh::<Claims, DeleteTodoGuard>();
// impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
//     const FRESH ..; const MAX_AGE ..; fn allows ..
// }
// with the feature `utoipa`, const CONDITION: &'static str = "role = Role::Admin";
fn guard_impl(guard: &Guard) -> TokenStream {
    let (session, ident, rules, repeated) =
        (&guard.session, &guard.ident, &guard.rules, &guard.repeated);
    let assertions = rules.limits.iter().map(|(key, lifetime)| {
        let root = located_root(&rules.root, lifetime.span());
        let assertion = format_ident!("assert_{}", key.to_string());
        quote_spanned! {located(lifetime.span())=>
            #(#[#repeated])*
            const _: () = #root::__private::#assertion::<#session, #ident>();
        }
    });
    // At the key, so that an editor shows there what it means.
    let limits = rules.limits.iter().map(|(key, lifetime)| {
        let constant = Ident::new(&key.to_string().to_uppercase(), key.span());
        quote!(const #constant: ::core::time::Duration = #lifetime;)
    });
    let condition = cfg!(feature = "utoipa").then(|| {
        let condition = if rules.conditions.is_empty() {
            ""
        } else {
            &*rules.words
        };
        quote!(const CONDITION: &'static ::core::primitive::str = #condition;)
    });
    let allows = allows(guard);
    let root = located_root(&rules.root, session.span());
    let implemented = quote_spanned!(located(session.span())=> #root::Guard<#session>);
    // Not `automatically_derived`: lints speak of the user's conditions.
    quote! {
        #(#assertions)*
        #(#[#repeated])*
        impl #implemented for #ident {
            #(#limits)*
            #condition
            #allows
        }
    }
}

// fn allows(claims: &Claims) -> ::core::primitive::bool {
//     (match claims.role { Role::Admin | Role::Owner => true, _ => false }) && claims.active
// }
fn allows(guard: &Guard) -> Option<TokenStream> {
    let (name, session, rules) = (&guard.name, &guard.session, &guard.rules);
    if rules.conditions.is_empty() && rules.refused.is_empty() {
        return None;
    }
    let conditions = rules.conditions.iter();
    let conditions = conditions.map(|condition| allowed(guard, condition));
    let all = conditions.reduce(and).unwrap_or_else(|| parse_quote!(true));
    let all = Stmt::Expr(all, None);
    let refused = rules.refused.iter().map(|(field, pattern)| {
        quote! {
            #[cfg(rust_analyzer)]
            match #name.#field {
                #pattern => {}
                _ => {}
            }
        }
    });
    let lints = rules.refused.first();
    let lints = lints.map(|_| quote!(#[allow(unexpected_cfgs, unused_variables)]));
    Some(quote! {
        #lints
        fn allows(#name: &#session) -> ::core::primitive::bool {
            #(#refused)*
            #all
        }
    })
}

/// Both sides get parentheses where their precedence needs them.
fn and(left: Expr, right: Expr) -> Expr {
    Expr::Binary(ExprBinary {
        attrs: Vec::new(),
        left: Box::new(left),
        op: BinOp::And(<Token![&&]>::default()),
        right: Box::new(right),
    })
}

// match claims.role {
//     Role::Admin | Role::Owner => true,
//     #[deny(unreachable_patterns, reason = "..")] _ => false,
// }
fn allowed(guard: &Guard, condition: &Condition) -> Expr {
    let (name, root) = (&guard.name, &guard.rules.root);
    let (value, pattern) = match condition {
        Condition::Matches(field, pattern) => (quote!(#name.#field), pattern),
        Condition::IsText(field, pattern) => {
            let span = located(field.span());
            let text = quote_spanned!(span=> #root::__private::text(&#name.#field));
            (text, pattern)
        }
        Condition::Holds(expr) => return expr.clone(),
    };
    // At the pattern, of which rustc then says that it matches everything.
    let otherwise = quote_spanned!(pattern.span()=> _);
    parse_quote! {
        match #value {
            #pattern => true,
            #[deny(unreachable_patterns, reason = "this pattern lets everybody in")]
            #otherwise => false,
        }
    }
}

pub(super) fn guard(item: &ItemStruct, guard: Option<&Guard>) -> TokenStream {
    let Some(guard) = guard else {
        return quote!(#item);
    };
    let (session, ident, rules, repeated) =
        (&guard.session, &guard.ident, &guard.rules, &guard.repeated);
    let guard_impl = guard_impl(guard);
    let check = check(item, guard);
    let deref = deref(guard);
    let bound = quote!(Admits<#session, Self>);
    let admitted = [
        quote!(FromRequestParts),
        quote!(Self),
        quote!(state.admit(parts).map(Self)),
    ];
    let extractor = extractor(&rules.root, repeated, ident, &bound, admitted);
    quote!(#item #guard_impl #check #deref #extractor)
}

// impl Admin { fn check(session: Session<Claims>) -> Result<Self, SessionRejection> ..; fn into_inner(self) -> Claims .. }
fn check(item: &ItemStruct, guard: &Guard) -> TokenStream {
    let (session, ident, rules, repeated) =
        (&guard.session, &guard.ident, &guard.rules, &guard.repeated);
    let (root, vis) = (&rules.root, &item.vis);
    let requires = match &*rules.words {
        "" => "Takes".to_owned(),
        words => format!("Requires `{words}` of"),
    };
    let doc = format!(" {requires} a session where no extractor runs.");
    let claims_root = located_root(root, session.span());
    let span = located(session.span());
    let claims = quote_spanned!(span=> #claims_root::__private::ClaimsOf<#session>);
    // Not `automatically_derived`, which is about traits.
    quote! {
        #(#[#repeated])*
        impl #ident {
            #[doc = #doc]
            ///
            /// # Errors
            ///
            /// Those of `Require::check`.
            #vis fn check(
                session: #root::Session<#claims>,
            ) -> ::core::result::Result<Self, #root::SessionRejection> {
                #root::Require::<_, Self>::check(session).map(|passed| Self(passed.session))
            }
            /// The session itself.
            #vis fn into_inner(self) -> #session {
                self.0
            }
        }
    }
}

// impl ::core::ops::Deref for Admin { type Target = Claims; fn deref(&self) -> &Claims { &self.0 } }
fn deref(guard: &Guard) -> TokenStream {
    let (session, ident, repeated) = (&guard.session, &guard.ident, &guard.repeated);
    let target = quote_spanned!(located(session.span())=> type Target = #session;);
    quote! {
        #[automatically_derived]
        #(#[#repeated])*
        impl ::core::ops::Deref for #ident {
            #target
            fn deref(&self) -> &#session {
                &self.0
            }
        }
    }
}
