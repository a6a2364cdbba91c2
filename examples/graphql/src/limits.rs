//! What a document may ask for at most, and one transaction for all of it.

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextValidation,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    Error, ErrorExtensions, Pos, Request, Response, ServerError, ServerResult, ValidationResult,
    Variables, async_trait,
};

use crate::problem::Problem;
use crate::row_level_security::Operation;

/// A body takes so many bytes at most: many times what the page sends.
pub const LONGEST_BODY: usize = 64 * 1024;

/// So many tokens are parsed, because validation compares fields with one another.
const MOST_TOKENS: usize = 2_000;

pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Limits {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        next.run(ctx, request.data(Operation::default())).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if has_more_tokens_than(MOST_TOKENS, query) {
            let error = ServerError::new("the document has too many tokens", None);
            return Err(with_code(error, "too_many_tokens"));
        }
        next.run(ctx, query, variables).await
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let refused = |errors: Vec<ServerError>| {
            let coded = errors.into_iter().map(|error| match &*error.message {
                "Query is too complex." => with_code(error, "too_complex"),
                _ => error,
            });
            coded.collect()
        };
        next.run(ctx).await.map_err(refused)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let response = next.run(ctx, operation_name).await;
        let Some(operation) = ctx.data_opt::<Operation>() else {
            return response;
        };
        match operation.commit().await {
            Ok(()) => response,
            // Nothing of it was kept, whatever the fields said.
            Err(error) => {
                let error = Error::from(Problem::from(error)).into_server_error(Pos::default());
                Response::from_errors(vec![error])
            }
        }
    }
}

fn with_code(error: ServerError, code: &str) -> ServerError {
    let extended =
        Error::new(&error.message).extend_with(|_, extensions| extensions.set("code", code));
    ServerError {
        extensions: extended.extensions,
        ..error
    }
}

/// Counts words and punctuation as they stand, a few more than the parser does: those in strings and comments, too.
fn has_more_tokens_than(most: usize, document: &str) -> bool {
    let (mut tokens, mut inside) = (0, false);
    for byte in document.bytes() {
        let is_letter = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let is_blank = byte.is_ascii_whitespace() || byte == b',';
        tokens += usize::from(!(is_blank || is_letter && inside));
        inside = is_letter;
    }
    tokens > most
}

#[cfg(test)]
mod tests {
    use super::has_more_tokens_than;

    #[test]
    fn tokens_are_words_and_punctuation() {
        for (document, tokens) in [
            ("", 0),
            (" \n,,", 0),
            ("{ a }", 3),
            ("{a1:b_2,c}", 6),
            ("query($x: Int!) { f(x: $x) }", 17),
            ("\u{e4}\u{f6}", 1),
        ] {
            assert!(!has_more_tokens_than(tokens, document), "{document}");
            assert!(
                tokens == 0 || has_more_tokens_than(tokens - 1, document),
                "{document}"
            );
        }
    }
}
