//! Every mistake is one error, at the tokens it is about.
//!
//! `TRYBUILD=overwrite` writes the `.stderr` files.

#[test]
fn mistakes_are_reported_where_they_are_made() {
    let mistakes = trybuild::TestCases::new();
    mistakes.compile_fail("tests/ui/stateless_session/*.rs");
    mistakes.compile_fail("tests/ui/require_session/*.rs");
}
