//! Text as the arguments of both attributes, and behind a line of dashes as the item below them: nothing panics, and the
//! user's item is always printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;
use quote::quote;

fuzz_target!(|text: &str| {
    let (arguments, item) = text.split_once("\n---\n").unwrap_or((text, ""));
    let (Ok(arguments), Ok(item)) = (
        arguments.parse::<TokenStream>(),
        item.parse::<TokenStream>(),
    ) else {
        return;
    };
    let claims = quote!(
        pub struct Claims {
            pub sub: u64,
            role: Role,
            generation: u32,
        }
    );
    let printed = fuzz::stateless_session(arguments.clone(), &claims);
    let file: syn::File = syn::parse2(printed).expect("items");
    assert!(matches!(&file.items[0], syn::Item::Struct(item) if item.ident == "Claims"));

    let handler = quote!(
        async fn handler(claims: Claims, body: String) -> String {
            body
        }
    );
    let printed = fuzz::require_session(arguments.clone(), &handler);
    let file: syn::File = syn::parse2(printed).expect("items");
    let is_handler =
        |item: &syn::Item| matches!(item, syn::Item::Fn(item) if item.sig.ident == "handler");
    assert!(file.items.iter().any(is_handler));

    let guard = quote!(
        struct Admin(Claims);
    );
    let printed = fuzz::require_session(arguments.clone(), &guard);
    let file: syn::File = syn::parse2(printed).expect("items");
    assert!(matches!(&file.items[0], syn::Item::Struct(item) if item.ident == "Admin"));

    let _ = fuzz::stateless_session(arguments.clone(), &item);
    let _ = fuzz::require_session(arguments, &item);
});
