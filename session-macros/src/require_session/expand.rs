use super::model::{Condition, Requirement, Rules};
use super::parse::Handler;
use crate::attributes::{Repeated, doc_hidden};
use crate::expand::{extractor, located, located_root};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, BinOp, Expr, ExprBinary, FnArg, ItemStruct, Pat, Stmt, Token, Type, parse_quote,
};

pub(super) fn handler(handler: &Handler, requirement: Option<&Requirement>) -> TokenStream {
    match requirement {
        Some(requirement) if requirement.rules.is_empty() => asserted(handler, requirement),
        Some(requirement) => guarded(handler, requirement),
        None => quote!(#handler),
    }
}

// async fn me(claims: Claims) -> Json<Claims> {
//     const _: () = ::stateless_session::__private::assert_session::<Claims>();
//     ..
fn asserted(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let (session, rules) = (&requirement.session, &requirement.rules);
    let root = &rules.root;
    let assertion = quote! {
        const _: () = #root::__private::assert_session::<#session>();
    };
    let behind_attributes = |body: ParseStream| {
        let attributes = body.call(Attribute::parse_inner)?;
        let rest: TokenStream = body.parse()?;
        Ok(quote!(#(#attributes)* #assertion #rest))
    };
    let body = handler.body.clone().into_iter().map(|token| match token {
        TokenTree::Group(body) => {
            let stream = behind_attributes.parse2(body.stream());
            let mut asserted = Group::new(body.delimiter(), stream.unwrap_or(body.stream()));
            asserted.set_span(body.span());
            TokenTree::Group(asserted)
        }
        token => token,
    });
    let body = body.collect();
    let handler = Handler {
        body,
        ..handler.clone()
    };
    quote!(#handler)
}

fn guarded(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let repeated = Repeated::of(&handler.attributes);
    let wrapped = wrapped(handler, requirement);
    let guard_type = guard_type(handler, requirement, &repeated);
    let guard_impl = guard_impl(requirement, &repeated);
    quote!(#wrapped #guard_type #guard_impl)
}

// async fn delete_todo(
//     ::stateless_session::Require { session: claims, .. }: ::stateless_session::Require<Claims, DeleteTodoGuard>,
//     Path(id): Path<TodoId>) -> StatusCode { .. }
fn wrapped(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let (session, guard, rules) = (&requirement.session, &requirement.guard, &requirement.rules);
    let root = &rules.root;
    let mut handler = handler.clone();
    if let Some(FnArg::Typed(first)) = handler.signature.inputs.first_mut() {
        let pattern = &first.pat;
        // rustc's lint wants the short form where it says the same.
        let field = match &**pattern {
            Pat::Ident(pattern) if pattern.ident == "session" => quote!(#pattern),
            pattern => quote!(session: #pattern),
        };
        *first.pat = Pat::Verbatim(quote!(#root::Require { #field, .. }));
        *first.ty = Type::Verbatim(quote!(#root::Require<#session, #guard>));
    }
    quote!(#handler)
}

// /// What [`delete_todo`] requires of its session: `role = Role::Admin | Role::Owner`.
// enum DeleteTodoGuard {}
fn guard_type(handler: &Handler, requirement: &Requirement, repeated: &Repeated) -> TokenStream {
    let (attributes, visibility, signature) =
        (&handler.attributes, &handler.visibility, &handler.signature);
    let (guard, rules) = (&requirement.guard, &requirement.rules);
    let doc_hidden = doc_hidden(attributes);
    let words = words(rules);
    let doc = format!(
        " What [`{}`] requires of its session: {words}.",
        signature.ident
    );
    quote! {
        #[doc = #doc]
        #repeated
        #doc_hidden
        #visibility enum #guard {}
    }
}

/// The arguments on one line.
fn words(rules: &Rules) -> String {
    let words: Vec<_> = rules.words.split_whitespace().collect();
    format!("`{}`", words.join(" ").trim_end_matches([',', ' ']))
}

// const _: () = ::stateless_session::__private::assert_fresh::<Claims, DeleteTodoGuard>();
// impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
//     const FRESH ..; const MAX_AGE ..; fn allows ..
// }
fn guard_impl(requirement: &Requirement, repeated: &Repeated) -> TokenStream {
    let (session, guard, rules) = (&requirement.session, &requirement.guard, &requirement.rules);
    let assertions = rules.limits.iter().map(|limit| {
        let root = located_root(&rules.root, limit.lifetime.span());
        let assertion = format_ident!("{}", limit.assertion);
        let span = located(limit.lifetime.span());
        quote_spanned! {span=>
            #repeated
            const _: () = #root::__private::#assertion::<#session, #guard>();
        }
    });
    let limits = rules.limits.iter().map(|limit| {
        let (constant, lifetime) = (&limit.constant, &limit.lifetime);
        quote!(const #constant: ::core::time::Duration = #lifetime;)
    });
    let allows = allows(requirement);
    let root = located_root(&rules.root, session.span());
    let span = located(session.span());
    let implemented = quote_spanned!(span=> #root::Guard<#session>);
    // Not `automatically_derived`: lints speak of the user's conditions.
    quote! {
        #(#assertions)*
        #repeated
        impl #implemented for #guard {
            #(#limits)*
            #allows
        }
    }
}

// fn allows(claims: &Claims) -> ::core::primitive::bool {
//     (match claims.role { Role::Admin | Role::Owner => true, _ => false }) && claims.active
// }
fn allows(requirement: &Requirement) -> Option<TokenStream> {
    let (name, session, rules) = (&requirement.name, &requirement.session, &requirement.rules);
    let root = &rules.root;
    let conditions = rules.conditions.iter().filter_map(|condition| {
        Some(match condition {
            Condition::Matches(field, pattern) => matches(&quote!(#name.#field), pattern),
            Condition::IsText(field, pattern) => {
                let span = located(field.span());
                let text = quote_spanned!(span=> #root::__private::text(&#name.#field));
                matches(&text, pattern)
            }
            Condition::Holds(expr) => expr.clone(),
            Condition::Refused(..) => return None,
        })
    });
    // Both sides get parentheses where their precedence needs them.
    let all = conditions.reduce(|left, right| {
        Expr::Binary(ExprBinary {
            attrs: Vec::new(),
            left: Box::new(left),
            op: BinOp::And(<Token![&&]>::default()),
            right: Box::new(right),
        })
    });
    let all = all.map(|all| Stmt::Expr(all, None));
    let refused = refused(name, rules);
    if all.is_none() && refused.is_none() {
        return None;
    }
    let all = all.map_or(quote!(true), |all| quote!(#all));
    let lints = refused
        .as_ref()
        .map(|_| quote!(#[allow(unexpected_cfgs, unused_variables)]));
    Some(quote! {
        #lints
        fn allows(#name: &#session) -> ::core::primitive::bool {
            #refused
            #all
        }
    })
}

// match claims.role {
//     Role::Admin | Role::Owner => true,
//     #[deny(unreachable_patterns, reason = "..")]
//     _ => false,
// }
fn matches(value: &TokenStream, pattern: &Pat) -> Expr {
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

// #[cfg(rust_analyzer)]
// match claims.role { Ro => {} }
fn refused(name: &Ident, rules: &Rules) -> Option<TokenStream> {
    let refused = rules
        .conditions
        .iter()
        .filter_map(|condition| match condition {
            Condition::Refused(field, pattern) => Some(quote! {
                #[cfg(rust_analyzer)]
                match #name.#field {
                    #pattern => {}
                    _ => {}
                }
            }),
            _ => None,
        });
    let refused: TokenStream = refused.collect();
    (!refused.is_empty()).then_some(refused)
}

pub(super) fn guard(item: &ItemStruct, requirement: Option<&Requirement>) -> TokenStream {
    let Some(requirement) = requirement else {
        return quote!(#item);
    };
    let repeated = Repeated::of(&item.attrs);
    let guard_impl = guard_impl(requirement, &repeated);
    let check = check(item, requirement, &repeated);
    let deref = deref(requirement, &repeated);
    let (session, guard, rules) = (&requirement.session, &requirement.guard, &requirement.rules);
    let admitted = [
        quote!(FromRequestParts),
        quote!(Self),
        quote!(state.admit(parts).map(Self)),
    ];
    let bound = quote!(Admits<#session, Self>);
    let extractor = extractor(&rules.root, &repeated, guard, &bound, admitted);
    quote!(#item #guard_impl #check #deref #extractor)
}

// impl Admin { fn check(session: Session<Claims>) -> Result<Self, SessionRejection> ..; fn into_inner(self) -> Claims .. }
fn check(item: &ItemStruct, requirement: &Requirement, repeated: &Repeated) -> TokenStream {
    let (session, guard, rules) = (&requirement.session, &requirement.guard, &requirement.rules);
    let (root, vis) = (&rules.root, &item.vis);
    let requires = match &*words(rules) {
        "``" => "Takes".to_owned(),
        words => format!("Requires {words} of"),
    };
    let doc = format!(" {requires} a session where no extractor runs.");
    let claims_root = located_root(root, session.span());
    let span = located(session.span());
    let claims = quote_spanned!(span=> #claims_root::__private::ClaimsOf<#session>);
    // Not `automatically_derived`, which is about traits.
    quote! {
        #repeated
        impl #guard {
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
fn deref(requirement: &Requirement, repeated: &Repeated) -> TokenStream {
    let (session, guard) = (&requirement.session, &requirement.guard);
    let span = located(session.span());
    let target = quote_spanned!(span=> type Target = #session;);
    quote! {
        #[automatically_derived]
        #repeated
        impl ::core::ops::Deref for #guard {
            #target
            fn deref(&self) -> &#session {
                &self.0
            }
        }
    }
}
