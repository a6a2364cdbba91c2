/// `DeleteTodo` for `delete_todo`.
pub(crate) fn pascal_case(snake_case: &str) -> String {
    let capitalized = |word: &'_ str| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    };
    snake_case.split('_').map(capitalized).collect()
}

/// `deleteTodo` for `delete_todo`.
pub(crate) fn camel_case(snake_case: &str) -> String {
    let pascal_case = pascal_case(snake_case);
    let mut letters = pascal_case.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}
