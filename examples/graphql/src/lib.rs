//! Todos by GraphQL over Postgres, with the session of `stateless-session` and `PostGraphile`'s row-level security.

pub mod accounts;
mod changes;
pub mod database;
mod graphql;
mod http;
mod limits;
pub mod page;
mod people;
mod problem;
pub mod row_level_security;
pub mod session;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use stateless_session::{SessionRoutes, Sessions};

use crate::accounts::Accounts;
use crate::changes::Changes;
use crate::database::Database;
use crate::graphql::Schema;
use crate::limits::Sockets;
use crate::page::TodoServer;
use crate::session::Claims;

/// The state of the program.
#[derive(Clone, FromRef)]
pub struct App {
    sessions: Sessions<Claims>,
    accounts: Accounts,
    schema: Schema,
    sockets: Sockets,
    #[from_ref(skip)]
    todos: Option<TodoServer>,
}

impl App {
    /// The program on a database that is migrated.
    pub fn new(
        sessions: Sessions<Claims>,
        database: Database,
    ) -> argon2::password_hash::Result<Self> {
        let accounts = Accounts::new(database.accounts)?;
        let changes = Changes::listen(database.direct);
        let schema = graphql::schema(sessions.clone(), accounts.clone(), database.todos, changes);
        Ok(Self {
            sessions,
            accounts,
            schema,
            sockets: Sockets::default(),
            todos: None,
        })
    }

    /// The todos of the page from another server on the same database; login stays here.
    #[must_use]
    pub fn with_todos_from(self, todos: TodoServer) -> Self {
        let todos = Some(todos);
        Self { todos, ..self }
    }
}

/// Everything that is served.
pub fn router(app: App) -> Router {
    let todos = match app.todos.clone() {
        Some(server) => post(move |headers, body| server.execute(headers, body)),
        None => post(http::execute),
    };
    let router = Router::new()
        .merge(page::files())
        .route("/graphql", post(http::execute))
        .route("/graphql/todos", todos)
        .route("/graphql/subscriptions", get(http::subscribe))
        .merge(Claims::routes()); // POST /auth/refresh, POST /auth/logout
    let body_limit = DefaultBodyLimit::max(limits::LONGEST_BODY);
    router.layer(body_limit).with_state(app)
}
