/// The known name that `unknown` is most likely a misspelling of.
pub(crate) fn suggest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let unknown = unknown.to_lowercase();
    known
        .iter()
        .map(|&name| (distance(&unknown, name), name))
        .filter(|&(distance, name)| distance <= 2 && 2 * distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// The number of letters to insert, remove or replace.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for letter in from.chars() {
        let mut diagonal = row[0];
        row[0] += 1;
        for (column, other) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn a_misspelling_finds_its_name() {
        let known = ["access", "refresh", "path", "max_age"];
        assert_eq!(suggest("acess", &known), Some("access"));
        assert_eq!(suggest("refersh", &known), Some("refresh"));
        assert_eq!(suggest("maxage", &known), Some("max_age"));
        assert_eq!(suggest("pth", &known), Some("path"));
        assert_eq!(suggest("frseh", &["fresh"]), Some("fresh"));
        assert_eq!(suggest("REFRESH", &known), Some("refresh"));
    }

    #[test]
    fn another_word_finds_nothing() {
        let known = ["access", "refresh", "path", "max_age"];
        assert_eq!(suggest("role", &known), None);
        assert_eq!(suggest("hat", &known), None);
        assert_eq!(suggest("", &known), None);
    }
}
