//! The documentation shows what the macros print.

use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn its_expansions_are_what_the_macros_print() {
    let printed = read("tests/expand/readme.expanded.rs");
    let page = read("docs/expansion.md");
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let expansion = block.split("```").next().unwrap();
        assert!(printed.contains(expansion), "{expansion}");
    }
}
