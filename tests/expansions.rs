//! What `cargo expand` shows users is code that compiles.
//!
//! `session-macros` checks that the macros print these files.

#![allow(dead_code, unused_imports, unused_variables)] // handlers that no router has, macros that were used up
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    clippy::style
)] // not about printed code

extern crate stateless_session as renamed;

mod reexported {
    pub(crate) use stateless_session as session;
}

macro_rules! expansions {
    ($($name:ident)*) => {
        $(mod $name {
            include!(concat!("expand/", stringify!($name), ".expanded.rs"));
        })*

        const EXPANSIONS: &[&str] = &[$(stringify!($name)),*];
    };
}

expansions! {
    all_options
    binding
    cfg_and_doc_hidden
    generation
    generation_renamed
    guard_everything
    guard_fresh_max_age
    guard_if
    guard_pattern
    guard_text
    guard_with_a_name
    lints
    native
    pages
    readme
    registry
    renamed_crate
    three_fields
    untouched_handler
}

#[test]
fn every_expansion_is_compiled() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expand");
    for entry in std::fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.split('.').next().unwrap();
        assert!(EXPANSIONS.contains(&name), "{file}");
    }
}
