//! Compares what the macros print for `tests/expand/*.rs` with `tests/expand/*.expanded.rs`, which
//! `BLESS=1` writes. With the feature `utoipa`, the same for `tests/expand-openapi/`.

use crate::{require_session, stateless_session};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::{Attribute, Item, ItemFn, ItemStruct, Meta};

#[test]
fn expansions_are_what_the_files_show() {
    let directory = if cfg!(feature = "utoipa") {
        "../tests/expand-openapi"
    } else {
        "../tests/expand"
    };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    for input in inputs(&directory) {
        let printed = expand(&fs::read_to_string(&input).unwrap());
        let expanded = input.with_extension("expanded.rs");
        if env::var_os("BLESS").is_some() {
            fs::write(&expanded, &printed).unwrap();
        }
        let expected = fs::read_to_string(&expanded).unwrap_or_default();
        assert!(
            printed == expected,
            "{} is not what is printed now; if that is right, write it with BLESS=1:\n{printed}",
            expanded.display(),
        );
    }
}

#[test]
fn a_struct_of_three_fields_prints_at_most_forty_lines() {
    let expanded = include_str!("../../tests/expand/three_fields.expanded.rs");
    let lines = expanded.lines();
    let printed = lines.skip_while(|line| *line != "#[automatically_derived]");
    assert!(
        printed
            .take_while(|line| *line != "pub enum Role {")
            .count()
            <= 40 + 1
    );
}

/// The keys of a registry need its feature, which the packages with `.stderr` files are built without.
#[test]
fn mistakes_in_the_keys_of_a_registry_name_the_fix() {
    let mistakes = [
        (
            quote!(rotation = "30s"),
            "rotation needs a session registry: add `revocation = \"best-effort\"`",
        ),
        (
            quote!(revocation = "strict"),
            "invalid revocation `strict`: expected \"best-effort\" or a lifetime, as in \"10s\"",
        ),
        (
            quote!(revocation = "10 seconds"),
            "invalid lifetime `10 seconds`: expected a whole number",
        ),
        (
            quote!(revocation = "2s"),
            "the revocation `2s` must be at least \"3s\"",
        ),
        (
            quote!(revocation = "best-effort", leeway = "0s"),
            "the leeway `0s` must be at least \"1s\" beside `revocation`",
        ),
        (
            quote!(revocation = "15m"),
            "the revocation `15m` must be shorter than the access lifetime `15m`",
        ),
        (
            quote!(revocation = "best-effort", rotation = "0s"),
            "invalid lifetime `0s`: expected at least \"1s\"",
        ),
        (
            quote!(revocation = "best-effort", rotation = "5s"),
            "the rotation `5s` must be longer than the leeway `5s`",
        ),
        (
            quote!(revocation = "3s", rotation = "30s", leeway = "40s"),
            "the rotation `30s` must be longer than the leeway `40s`",
        ),
        (
            quote!(revocation = "3s", rotation = "15m"),
            "the rotation `15m` must be shorter than the access lifetime `15m`",
        ),
        (
            quote!(revokation = "3s"),
            "unknown argument `revokation`, did you mean `revocation`?",
        ),
    ];
    let claims = quote!(
        struct Claims {
            sub: u64,
        }
    );
    for (keys, message) in mistakes {
        let arguments = quote!(access = "15m", refresh = "7d", #keys);
        let printed = stateless_session::attribute(arguments, &claims).to_string();
        let literal = proc_macro2::Literal::string(message).to_string();
        assert!(
            printed.contains(literal.trim_matches('"')),
            "{keys}: {printed}"
        );
        assert_eq!(
            printed.matches("compile_error").count(),
            1,
            "{keys}: {printed}"
        );
    }
    let arguments = quote!(
        access = "15m",
        refresh = "7d",
        revocation = "3s",
        rotation = "6s"
    );
    let printed = stateless_session::attribute(arguments, &claims).to_string();
    assert!(!printed.contains("compile_error"), "{printed}");
}

#[test]
fn a_pattern_that_is_refused_is_printed_for_editors_alone() {
    let (arguments, handler) = (
        quote!(role = Ro),
        quote!(
            async fn me(claims: Claims) {}
        ),
    );
    let printed = require_session::attribute(arguments, &handler).to_string();
    let (_, printed) = printed.split_once("fn allows").unwrap();
    let editors = "# [cfg (rust_analyzer)] match claims . role { Ro => { } _ => { } } true";
    assert!(printed.contains(editors), "{printed}");
    assert!(printed.contains("compile_error"), "{printed}");
}

fn inputs(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let is_input = |path: &PathBuf| !path.to_string_lossy().ends_with(".expanded.rs");
    entries
        .map(|entry| entry.unwrap().path())
        .filter(is_input)
        .collect()
}

fn expand(source: &str) -> String {
    let file = syn::parse_file(source).unwrap();
    let expanded = file.items.into_iter().map(expand_item);
    let printed = prettyplease::unparse(&syn::parse2(expanded.collect()).unwrap());
    let lines = printed.lines().map(as_written);
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Outside of rustc, tokens in a document do not know how far apart they were.
fn as_written(line: &str) -> String {
    if !line.trim_start().starts_with("///") {
        return line.to_owned();
    }
    let line = line.replace(" :: ", "::").replace(" . ", ".");
    line.replace(" ,", ",")
        .replace("! (", "!(")
        .replace(" (", "(")
}

/// Expands the first attribute of an item, where it is one of the macros.
fn expand_item(mut item: Item) -> TokenStream {
    let (Item::Struct(ItemStruct { attrs, .. }) | Item::Fn(ItemFn { attrs, .. })) = &mut item
    else {
        return item.into_token_stream();
    };
    let is_macro = |attribute: &Attribute| {
        let path = attribute.path();
        path.is_ident("stateless_session") || path.is_ident("require_session")
    };
    let Some(position) = attrs.iter().position(is_macro) else {
        return item.into_token_stream();
    };
    let attribute = attrs.remove(position);
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    if attribute.path().is_ident("stateless_session") {
        stateless_session::attribute(arguments, &item.into_token_stream())
    } else {
        require_session::attribute(arguments, &item.into_token_stream())
    }
}
