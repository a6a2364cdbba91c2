use super::model::{Absolute, Claims, Cookie, Policy};
use crate::attributes;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

pub(super) fn impls(claims: &Claims) -> TokenStream {
    let session_claims = session_claims(claims);
    let extractors = extractors(claims);
    quote!(#session_claims #extractors)
}

// impl ::stateless_session::SessionClaims for Claims {
//     type Subject = UserId; const POLICY ..; fn subject ..; fn generation ..
// }
fn session_claims(claims: &Claims) -> TokenStream {
    let Claims {
        ident, cfgs, root, ..
    } = claims;
    let policy = policy(claims);
    let generation = generation(claims);
    let (subject, value) = match claims.subject {
        Some(field) => {
            let (name, ty) = (&field.ident, &field.ty);
            (quote!(#ty), quote!(&self.#name))
        }
        None => (quote!(()), quote!(::core::unimplemented!())),
    };
    quote! {
        #[automatically_derived]
        #(#cfgs)*
        impl #root::SessionClaims for #ident {
            type Subject = #subject;
            const POLICY: #root::Policy = #policy;
            fn subject(&self) -> &#subject {
                #value
            }
            #generation
        }
    }
}

// ::stateless_session::Policy::new(name, audience, access, refresh)
//     .with_path("/admin/auth")
fn policy(claims: &Claims) -> TokenStream {
    let Policy {
        access,
        refresh,
        path,
        cookie,
        issuer,
        audience,
        absolute,
        leeway,
    } = &claims.policy;
    let root = &claims.root;
    let audience = if let Some(audience) = audience {
        quote!(#audience)
    } else {
        let name = format!("::{}", claims.ident.unraw());
        quote!(::core::concat!(::core::module_path!(), #name))
    };
    let absolute = absolute.as_ref().map(|absolute| match absolute {
        Absolute::Never => quote!(.without_absolute()),
        Absolute::After(lifetime) => quote!(.with_absolute(#lifetime)),
    });
    let path = path.as_ref().map(|path| quote!(.with_path(#path)));
    let cookie = cookie.as_ref().map(|cookie| match cookie {
        Cookie::Name(name) => quote!(.with_cookie(#name)),
        Cookie::Suffix(suffix) => {
            quote!(.with_cookie(::core::concat!(::core::env!("CARGO_PKG_NAME"), #suffix)))
        }
    });
    let issuer = issuer.as_ref().map(|issuer| quote!(.with_issuer(#issuer)));
    let leeway = leeway.as_ref().map(|leeway| quote!(.with_leeway(#leeway)));
    quote! {
        #root::Policy::new(::core::env!("CARGO_PKG_NAME"), #audience, #access, #refresh)
            #absolute #path #cookie #issuer #leeway
    }
}

// fn generation(&self) -> ::core::option::Option<::core::primitive::u64> {
//     ::core::option::Option::Some(::stateless_session::__private::counter(self.generation))
// }
fn generation(claims: &Claims) -> Option<TokenStream> {
    let root = &claims.root;
    let field = claims.generation?;
    let cfgs = attributes::cfgs(&field.attrs);
    let name = &field.ident;
    let span = Span::call_site().located_at(field.ty.span());
    let value = quote_spanned!(span=> self.#name);
    Some(quote! {
        #(#cfgs)*
        fn generation(&self) -> ::core::option::Option<::core::primitive::u64> {
            ::core::option::Option::Some(#root::__private::counter(#value))
        }
    })
}

// impl<S> ::stateless_session::__private::FromRequestParts<S> for Claims
// impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Claims
// where ::stateless_session::Sessions<Claims>: ::stateless_session::__private::FromRef<S>
fn extractors(claims: &Claims) -> TokenStream {
    let Claims {
        ident, cfgs, root, ..
    } = claims;
    let state = format_ident!("{}", if *ident == "S" { "T" } else { "S" });
    let extractor = |name: TokenStream, session: TokenStream, read: TokenStream| {
        quote! {
            #[automatically_derived]
            #(#cfgs)*
            impl<#state> #root::__private::#name<#state> for #ident
            where
                #root::Sessions<#ident>: #root::__private::FromRef<#state>,
            {
                type Rejection = #root::SessionRejection;
                fn from_request_parts(
                    parts: &mut #root::__private::Parts,
                    state: &#state,
                ) -> impl ::core::future::Future<
                    Output = ::core::result::Result<#session, Self::Rejection>,
                > + ::core::marker::Send {
                    #root::__private::#read(parts, state)
                }
            }
        }
    };
    let required = extractor(quote!(FromRequestParts), quote!(Self), quote!(claims));
    let optional = extractor(
        quote!(OptionalFromRequestParts),
        quote!(::core::option::Option<Self>),
        quote!(optional_claims),
    );
    quote!(#required #optional)
}
