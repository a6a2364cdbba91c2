//! The README shows what is compiled and what is printed.

use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The Rust code of the README, block by block.
fn blocks() -> Vec<String> {
    let readme = read("README.md");
    let blocks = readme.split("```rust\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn its_program_is_the_one_that_the_documentation_compiles() {
    let lib = read("src/lib.rs");
    let doctest = lib.split("```no_run\n").nth(1).unwrap();
    let doctest = doctest.split("//! ```").next().unwrap();
    let shown: Vec<&str> = doctest
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| !line.starts_with("# ") && *line != "#")
        .collect();
    assert_eq!(shown.join("\n"), blocks()[0].trim_end());
}

#[test]
fn its_expansions_are_what_the_macros_print() {
    let printed = read("tests/expand/readme.expanded.rs");
    let expansions = &blocks()[1..];
    assert_eq!(expansions.len(), 2);
    for expansion in expansions {
        assert!(printed.contains(expansion.as_str()), "{expansion}");
    }
}
