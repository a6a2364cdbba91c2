//! What a document may ask for at most, and one transaction for all of it.

use std::sync::Arc;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, Weak};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextRequest, NextSubscribe,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    Error, Pos, Request, Response, ServerError, ServerResult, Variables, async_trait,
};
use futures_util::stream::{BoxStream, StreamExt, once};
use stateless_session::SessionRejection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::people::People;
use crate::problem::Problem;
use crate::row_level_security::Operation;

/// A body takes so many bytes at most: many times what the page sends.
pub const LONGEST_BODY: usize = 64 * 1024;

/// So many tokens are parsed, because validation compares fields with one another.
const MOST_TOKENS: usize = 2_000;

/// So many fields stand in one another; what tools ask to learn the schema has 15.
pub const DEEPEST: usize = 20;

/// So many rows are in a list, because a document may ask for twenty.
pub const MOST_ROWS: i64 = 1_000;

/// So many operations run at once on one socket, subscriptions among them.
pub const MOST_ON_A_SOCKET: usize = 20;

/// So many on all sockets of a session, because one row that changes is told to each.
pub const MOST_IN_A_SESSION: usize = 60;

pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Limits {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        coded(next.run(ctx).await)
    }

    /// Of whatever comes through a socket.
    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let Some(turn) = ctx.data_opt::<Places>().map(Places::take) else {
            return next.run(ctx, stream);
        };
        let Some(turn) = turn else {
            let mut error = ServerError::new("too many operations at once", None);
            set_code(&mut error, "too_many_operations");
            return once(async { Response::from_errors(vec![error]) }).boxed();
        };
        let answers = next.run(ctx, stream).map(move |response| {
            let _until_the_last = &turn;
            coded(response)
        });
        answers.boxed()
    }

    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        let request = request.data(Operation::default());
        next.run(ctx, request.data(People::default())).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if has_more_tokens_than(MOST_TOKENS, query) {
            let mut error = ServerError::new("the document has too many tokens", None);
            set_code(&mut error, "too_many_tokens");
            return Err(error);
        }
        next.run(ctx, query, variables).await
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
        // So that the document can be sent once more, by a client that refreshed or by a user who logged in, nothing of it
        // has happened.
        let refused = |error: &&ServerError| rejection(error).is_some_and(is_for_another_token);
        let ended = match response.errors.iter().find(refused) {
            Some(error) => {
                let refused = Response::from_errors(vec![error.clone()]);
                operation.roll_back().await.map(|()| refused)
            }
            None => operation.commit().await.map(|()| response),
        };
        match ended {
            Ok(response) => response,
            // Nothing of it was kept, whatever the fields said.
            Err(error) => {
                let error = Error::from(Problem::from(error)).into_server_error(Pos::default());
                Response::from_errors(vec![error])
            }
        }
    }
}

/// Why a field was refused, where that is the session's doing.
pub fn rejection(error: &ServerError) -> Option<&SessionRejection> {
    error.source()
}

/// Whether the same document passes with newer claims or after a login.
pub fn is_for_another_token(rejection: &SessionRejection) -> bool {
    matches!(
        rejection,
        SessionRejection::StaleToken | SessionRejection::LoginRequired { .. }
    )
}

/// Every error has a code: what async-graphql itself says is of the document, its weight, its depth or its variables.
fn coded(mut response: Response) -> Response {
    for error in &mut response.errors {
        let has_code =
            (error.extensions.as_ref()).is_some_and(|extensions| extensions.get("code").is_some());
        if !has_code {
            let code = match &*error.message {
                "Query is too complex." => "too_complex",
                "Query is nested too deep." => "too_deep",
                message if message.starts_with("The recursion depth") => "too_deep",
                _ => "invalid_document",
            };
            set_code(error, code);
        }
    }
    response
}

fn set_code(error: &mut ServerError, code: &str) {
    error.extensions.get_or_insert_default().set("code", code);
}

/// How many operations of a socket may still run at once.
pub struct Places {
    socket: Arc<Semaphore>,
    session: Option<Arc<Semaphore>>,
}

/// Places that an operation has until it ends.
struct Turn(
    #[expect(dead_code, reason = "given back when dropped")] [Option<OwnedSemaphorePermit>; 2],
);

impl Places {
    fn take(&self) -> Option<Turn> {
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let socket = take(&self.socket)?;
        let session = match &self.session {
            Some(session) => Some(take(session)?),
            None => None,
        };
        Some(Turn([Some(socket), session]))
    }
}

/// The sessions that have sockets.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<HashMap<String, Weak<Semaphore>>>>);

impl Sockets {
    /// The places of another socket.
    pub fn places(&self, sid: Option<&str>) -> Places {
        Places {
            socket: Arc::new(Semaphore::new(MOST_ON_A_SOCKET)),
            session: sid.map(|sid| self.of(sid)),
        }
    }

    fn of(&self, sid: &str) -> Arc<Semaphore> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = sessions.get(sid).and_then(Weak::upgrade) {
            return places;
        }
        sessions.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(MOST_IN_A_SESSION));
        sessions.insert(sid.to_owned(), Arc::downgrade(&places));
        places
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
