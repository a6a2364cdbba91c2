use super::model::{Condition, Fresh, Guard, Requirement};
use super::parse::Handler;
use crate::arguments::Root;
use crate::attributes::{cfgs, doc_hidden};
use crate::lifetime::Lifetime;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{BinOp, Expr, ExprBinary, FnArg, Pat, Stmt, Token, Type};

pub(super) fn handler(handler: &Handler, requirement: Option<&Requirement>) -> TokenStream {
    match requirement {
        Some(requirement) if requirement.guard.is_empty() => untouched(handler, requirement),
        Some(requirement) => guarded(handler, requirement),
        None => quote!(#handler),
    }
}

// async fn me(claims: Claims) -> Json<Claims> { .. }
// const _: () = ::stateless_session::__private::assert_session::<Claims>();
fn untouched(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let Requirement { session, root, .. } = requirement;
    let cfgs = cfgs(&handler.attributes);
    quote! {
        #handler
        #(#cfgs)*
        const _: () = #root::__private::assert_session::<#session>();
    }
}

fn guarded(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let wrapped = wrapped(handler, requirement);
    let guard_type = guard_type(handler, requirement);
    let assertion = fresh_assertion(handler, requirement);
    let guard_impl = guard_impl(handler, requirement);
    quote!(#wrapped #guard_type #assertion #guard_impl)
}

// async fn delete_todo(
//     ::stateless_session::Require { session: claims, .. }: ::stateless_session::Require<Claims, DeleteTodoGuard>,
//     Path(id): Path<TodoId>) -> StatusCode { .. }
fn wrapped(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let Requirement {
        session,
        guard,
        root,
        ..
    } = requirement;
    let mut handler = handler.clone();
    if let Some(FnArg::Typed(first)) = handler.signature.inputs.first_mut() {
        let (guard, pattern) = (&guard.ident, &first.pat);
        // rustc's lint wants the short form where it says the same.
        let field = match &**pattern {
            Pat::Ident(name) if name.to_token_stream().to_string() == "session" => {
                quote!(#pattern)
            }
            _ => quote!(session: #pattern),
        };
        *first.pat = Pat::Verbatim(quote!(#root::Require { #field, .. }));
        *first.ty = Type::Verbatim(quote!(#root::Require<#session, #guard>));
    }
    quote!(#handler)
}

// /// What [`delete_todo`] requires of its session.
// enum DeleteTodoGuard {}
fn guard_type(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let Handler {
        attributes,
        visibility,
        signature,
        ..
    } = handler;
    let guard = &requirement.guard.ident;
    let cfgs = cfgs(attributes);
    let doc_hidden = doc_hidden(attributes);
    let doc = format!(" What [`{}`] requires of its session.", signature.ident);
    quote! {
        #[doc = #doc]
        #(#cfgs)*
        #doc_hidden
        #visibility enum #guard {}
    }
}

// const _: () = ::stateless_session::__private::assert_shorter_than_access::<Claims>(
//     ::core::time::Duration::from_secs(30));
fn fresh_assertion(handler: &Handler, requirement: &Requirement) -> Option<TokenStream> {
    let Requirement {
        session,
        guard,
        root,
        ..
    } = requirement;
    let Fresh { lifetime, span } = guard.fresh.as_ref()?;
    let cfgs = cfgs(&handler.attributes);
    let root = located(root, *span);
    let span = Span::call_site().located_at(*span);
    Some(quote_spanned! {span=>
        #(#cfgs)*
        const _: () = #root::__private::assert_shorter_than_access::<#session>(#lifetime);
    })
}

/// The compiler points at a whole path, all of which has to be where the mistake is.
fn located(root: &Root, span: Span) -> TokenStream {
    let root = root.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    root.collect()
}

// impl ::stateless_session::Guard<Claims> for DeleteTodoGuard {
//     const FRESH ..; const MAX_AGE ..; fn allows ..
// }
fn guard_impl(handler: &Handler, requirement: &Requirement) -> TokenStream {
    let Requirement {
        session,
        guard,
        root,
        ..
    } = requirement;
    let Guard {
        ident,
        fresh,
        max_age,
        ..
    } = guard;
    let lifetime = |name: TokenStream, lifetime: &Lifetime| quote!(const #name: ::core::time::Duration = #lifetime;);
    let fresh = fresh
        .as_ref()
        .map(|fresh| lifetime(quote!(FRESH), &fresh.lifetime));
    let max_age = max_age
        .as_ref()
        .map(|max_age| lifetime(quote!(MAX_AGE), max_age));
    let allows = allows(requirement);
    let cfgs = cfgs(&handler.attributes);
    let root = located(root, session.span());
    let span = Span::call_site().located_at(session.span());
    let guard = quote_spanned!(span=> #root::Guard<#session>);
    quote! {
        #(#cfgs)*
        impl #guard for #ident {
            #fresh
            #max_age
            #allows
        }
    }
}

// fn allows(claims: &Claims) -> ::core::primitive::bool {
//     ::core::matches!(claims.role, Role::Admin | Role::Owner) && claims.active
// }
fn allows(requirement: &Requirement) -> Option<TokenStream> {
    let Requirement {
        name,
        session,
        guard,
        ..
    } = requirement;
    let condition = guard.conditions.iter().map(|condition| match condition {
        Condition::Matches(field, pattern) => {
            Expr::Verbatim(quote!(::core::matches!(#name.#field, #pattern)))
        }
        Condition::Holds(expr) => expr.clone(),
    });
    // Both sides get parentheses where their precedence needs them.
    let all = condition.reduce(|left, right| {
        Expr::Binary(ExprBinary {
            attrs: Vec::new(),
            left: Box::new(left),
            op: BinOp::And(<Token![&&]>::default()),
            right: Box::new(right),
        })
    })?;
    let body = Stmt::Expr(all, None);
    Some(quote! {
        fn allows(#name: &#session) -> ::core::primitive::bool {
            #body
        }
    })
}
