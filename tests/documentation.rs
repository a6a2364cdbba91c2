//! The pages say what the code does, where a test can tell.

use std::fs;
use std::path::{Path, PathBuf};

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(path.to_str().unwrap()));
        } else {
            files.push(path);
        }
    }
    files
}

/// The last string in the parentheses that `text` stands in.
fn last_string(text: &str) -> Option<&str> {
    let (mut depth, mut rest, mut last) = (0, text, None);
    while let Some(at) = rest.find(['"', '(', ')']) {
        let behind = &rest[at + 1..];
        rest = match &rest[at..=at] {
            "\"" => {
                let (string, behind) = behind.split_once('"')?;
                last = Some(string);
                behind
            }
            "(" => {
                depth += 1;
                behind
            }
            _ if depth == 0 => return last,
            _ => {
                depth -= 1;
                behind
            }
        };
    }
    None
}

/// `{seconds}` as the page has it.
fn with_dots(message: &str) -> String {
    let mut parts = message.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    let behind = parts.map(|part| part.split_once('}').map_or(part, |(_, behind)| behind));
    behind.fold(first, |text, part| text + ".." + part)
}

#[test]
fn the_log_page_has_every_message_of_the_runtime() {
    let page = read("docs/guide/log.md");
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in files("session-runtime/src") {
        let code = read(&file);
        for behind in code.split("target: \"stateless_session\",").skip(1) {
            seen += 1;
            let message = with_dots(last_string(behind).unwrap());
            let is_row = |line: &str| line.starts_with("| ") && line.contains(&message);
            if !page.lines().any(is_row) {
                missing.push(format!("{}: {message}", file.display()));
            }
        }
    }
    assert!(seen > 30, "{seen}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_page_of_the_guide_is_found_and_leads_on() {
    let (readme, rustdoc, tests) = (
        read("README.md"),
        read("src/guide.rs"),
        read("tests/guide/src/lib.rs"),
    );
    for file in files("docs/guide") {
        let name = file.file_name().unwrap().to_str().unwrap();
        let page = read(&file);
        assert!(
            readme.contains(&format!("docs/guide/{name})")),
            "README.md: {name}"
        );
        assert!(
            rustdoc.contains(&format!("docs/guide/{name}\"")),
            "src/guide.rs: {name}"
        );
        assert!(
            tests.contains(&format!("docs/guide/{name}\"")),
            "tests/guide: {name}"
        );
        let last = page.trim_end().lines().next_back().unwrap();
        assert!(
            last.starts_with("Next: [") || last.starts_with("Back to ["),
            "{name} ends in {last:?}"
        );
    }
}

#[test]
fn every_option_and_every_feature_is_in_the_tables() {
    let keys = read("session-macros/src/stateless_session/model/policy.rs");
    let (_, keys) = keys.split_once("const KEYS").unwrap();
    let (_, keys) = keys.split_once('=').unwrap();
    let (keys, _) = keys.split_once(']').unwrap();
    let (readme, facade) = (read("README.md"), read("src/lib.rs"));
    for key in keys.split('"').skip(1).step_by(2) {
        assert!(readme.contains(&format!("| `{key}` |")), "README.md: {key}");
        assert!(
            facade.contains(&format!("/// | `{key}` |")),
            "src/lib.rs: {key}"
        );
    }
    let manifest = read("Cargo.toml");
    let (_, features) = manifest.split_once("[features]").unwrap();
    let (features, _) = features.split_once("\n[").unwrap();
    for line in features.lines().filter(|line| line.contains(" = ")) {
        let (feature, _) = line.split_once(" = ").unwrap();
        if feature != "default" && !feature.starts_with('#') {
            assert!(
                readme.contains(&format!("`{feature}`")),
                "README.md: {feature}"
            );
        }
    }
}
