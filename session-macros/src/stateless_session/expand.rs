use super::model::{Claims, Setting};
use crate::attributes::repeated;
use crate::expand::{extractor, located};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

pub(super) fn impls(claims: &Claims) -> TokenStream {
    let extractors = cfg!(any(feature = "server", test)).then(|| extractors(claims));
    let session_claims = session_claims(claims);
    quote!(#session_claims #extractors)
}

// impl ::stateless_session::SessionClaims for Claims {
//     type Subject = UserId; const POLICY ..; fn subject ..; fn generation ..
// }
fn session_claims(claims: &Claims) -> TokenStream {
    let (ident, repeated, root) = (&claims.ident, &claims.repeated, &claims.policy.root);
    let policy = policy(claims);
    let generation = generation(claims);
    let (subject, value) = match claims.subject {
        Some(field) => {
            let (name, ty) = (&field.ident, &field.ty);
            (quote!(#ty), quote!(&self.#name))
        }
        None => (quote!(()), quote!(::core::unimplemented!())),
    };
    let span = located(subject.span());
    let type_subject = quote_spanned!(span=> type Subject = #subject;);
    quote! {
        #[automatically_derived]
        #(#[#repeated])*
        impl #root::SessionClaims for #ident {
            #type_subject
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
    let policy = &claims.policy;
    let (access, refresh, root) = (&policy.access, &policy.refresh, &policy.root);
    let audience = if let Some(audience) = &policy.audience {
        quote!(#audience)
    } else {
        let name = format!("::{}", claims.ident.unraw());
        quote!(::core::concat!(::core::module_path!(), #name))
    };
    let settings = policy.settings.iter();
    let settings = settings.map(|(method, setting)| match setting {
        Setting::Nothing => quote!(.#method()),
        Setting::Lifetime(lifetime) => quote!(.#method(#lifetime)),
        Setting::BestEffort => quote!(.#method(#root::Revocation::BestEffort)),
        Setting::Within(lag) => quote!(.#method(#root::Revocation::Within(#lag))),
        Setting::Text(text) => quote!(.#method(#text)),
        Setting::Suffix(suffix) => {
            quote!(.#method(::core::concat!(::core::env!("CARGO_PKG_NAME"), #suffix)))
        }
    });
    quote! {
        #root::Policy::new(::core::env!("CARGO_PKG_NAME"), #audience, #access, #refresh)
            #(#settings)*
    }
}

// fn generation(&self) -> ::core::option::Option<::core::primitive::u64> {
//     ::core::option::Option::Some(::stateless_session::__private::counter(self.generation))
// }
fn generation(claims: &Claims) -> TokenStream {
    let root = &claims.policy.root;
    let generations = claims.generations.iter().map(|field| {
        let repeated = repeated(&field.attrs);
        let name = &field.ident;
        let span = located(field.ty.span());
        let value = quote_spanned!(span=> self.#name);
        quote! {
            #(#[#repeated])*
            fn generation(&self) -> ::core::option::Option<::core::primitive::u64> {
                ::core::option::Option::Some(#root::__private::counter(#value))
            }
        }
    });
    generations.collect()
}

// impl<S> ::stateless_session::__private::FromRequestParts<S> for Claims { .. }
// impl<S> ::stateless_session::__private::OptionalFromRequestParts<S> for Claims { .. }
fn extractors(claims: &Claims) -> TokenStream {
    let (ident, repeated, root) = (&claims.ident, &claims.repeated, &claims.policy.root);
    let bound = quote!(HoldsSessions<#ident>);
    let required = [
        quote!(FromRequestParts),
        quote!(Self),
        quote!(#root::__private::claims(parts, state)),
    ];
    let optional = [
        quote!(OptionalFromRequestParts),
        quote!(::core::option::Option<Self>),
        quote!(#root::__private::optional_claims(parts, state)),
    ];
    let extractors = [required, optional];
    let extractors = extractors.map(|of| extractor(root, repeated, ident, &bound, of));
    quote!(#(#extractors)*)
}

// impl ::stateless_session::__private::Wire for Claims { fn write ..; fn read .. }
pub(super) fn wire(claims: &Claims) -> TokenStream {
    let (ident, repeated, root) = (&claims.ident, &claims.repeated, &claims.policy.root);
    quote! {
        #[automatically_derived]
        #(#[#repeated])*
        impl #root::__private::Wire for #ident {
            fn write<S: #root::__private::Serializer>(
                &self,
                _: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                ::core::unimplemented!()
            }
            fn read<'de, D: #root::__private::Deserializer<'de>>(
                _: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::core::unimplemented!()
            }
        }
    }
}
