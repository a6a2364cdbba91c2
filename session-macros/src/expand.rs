//! What both attributes print.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Meta, Path};

/// The span for code that rustc should report at another place.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The facade's path for such code, all of which rustc points at.
pub(crate) fn located_root(root: &Path, span: Span) -> TokenStream {
    let located = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    root.to_token_stream().into_iter().map(located).collect()
}

/// The impl of one of axum's traits, for a state that is what `bound` says.
//
// impl<S> ::stateless_session::__private::FromRequestParts<S> for Claims
// where S: ::stateless_session::__private::HoldsSessions<Claims>
pub(crate) fn extractor(
    root: &Path,
    repeated: &[Meta],
    ident: &Ident,
    bound: &TokenStream,
    [name, output, value]: [TokenStream; 3],
) -> TokenStream {
    let is_taken = *ident == "S" || mentions(bound.clone(), "S");
    let state = format_ident!("{}", if is_taken { "App" } else { "S" });
    quote! {
        #[automatically_derived]
        #(#[#repeated])*
        impl<#state> #root::__private::#name<#state> for #ident
        where
            #state: #root::__private::#bound,
        {
            type Rejection = #root::SessionRejection;
            async fn from_request_parts(
                parts: &mut #root::__private::Parts,
                state: &#state,
            ) -> ::core::result::Result<#output, Self::Rejection> {
                #value
            }
        }
    }
}

/// Whether a name stands somewhere in tokens.
pub(crate) fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        _ => false,
    })
}
