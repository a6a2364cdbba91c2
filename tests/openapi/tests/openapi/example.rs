//! The program of the guide: the README's, and what its document costs it.

const README: &str = include_str!("../../../../README.md");
const GUIDE: &str = include_str!("../../../../docs/guide/openapi.md");
const EXAMPLE: &str = include_str!("../../../../examples/openapi/src/main.rs");

/// The lines of the first program that a page shows.
fn program(page: &str) -> Vec<&str> {
    let (_, behind) = page.split_once("```rust,no_run\n").unwrap();
    let (program, _) = behind.split_once("\n```").unwrap();
    program.lines().filter(|line| !line.is_empty()).collect()
}

/// Without what rustfmt moves.
fn code(lines: &[&str]) -> String {
    let uncommented = lines.iter().map(|line| line.split("//").next().unwrap());
    let code: String = uncommented.collect();
    code.replace(char::is_whitespace, "")
        .replace(",)", ")")
        .replace(",}", "}")
}

#[test]
fn the_smallest_whole_program_needs_at_most_ten_lines_more() {
    let (before, after) = (program(README), program(GUIDE));
    let new = after.iter().filter(|line| !before.contains(line));
    let new: Vec<_> = new.collect();
    assert!(new.len() <= 10, "{} lines: {new:#?}", new.len());
}

#[test]
fn the_example_is_the_program_of_the_guide() {
    let example: Vec<&str> = EXAMPLE.lines().collect();
    let listens = r#"letlistener=tokio::net::TcpListener::bind("127.0.0.1:3000").await?;"#;
    let on_a_port = concat!(
        r#"letport=std::env::var("PORT").unwrap_or("3000".into());"#,
        r#"letlistener=tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;"#,
        r#"println!("http:"#,
    );
    let guide = code(&program(GUIDE)).replace(listens, on_a_port);
    assert_eq!(code(&example), guide);
}
