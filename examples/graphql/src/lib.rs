//! Todos by GraphQL over Postgres, with the session of `stateless-session` and `PostGraphile`'s row-level security.

pub mod accounts;
mod changes;
pub mod database;
mod graphql;
mod http;
mod limits;
pub mod page;
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
use crate::page::PostGraphile;
use crate::session::Claims;

/// The state of the program.
#[derive(Clone, FromRef)]
pub struct App {
    sessions: Sessions<Claims>,
    accounts: Accounts,
    schema: Schema,
    #[from_ref(skip)]
    postgraphile: Option<PostGraphile>,
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
            postgraphile: None,
        })
    }

    /// The todos of the page from `PostGraphile`; login stays here.
    #[must_use]
    pub fn with_todos_from(self, postgraphile: PostGraphile) -> Self {
        let postgraphile = Some(postgraphile);
        Self {
            postgraphile,
            ..self
        }
    }
}

/// Everything that is served.
pub fn router(app: App) -> Router {
    let todos = match app.postgraphile.clone() {
        Some(postgraphile) => post(move |headers, body| postgraphile.execute(headers, body)),
        None => post(http::execute),
    };
    let router = Router::new()
        .merge(page::files())
        .route("/graphql", post(http::execute))
        .route("/graphql/todos", todos)
        .route("/graphql/subscriptions", get(http::subscribe))
        .merge(Claims::routes()); // POST /auth/refresh, POST /auth/logout
    // Its scripts come from elsewhere and run with the session of this origin, so it is for development alone.
    #[cfg(debug_assertions)]
    let router = router.route("/graphiql", get(http::graphiql));
    let body_limit = DefaultBodyLimit::max(limits::LONGEST_BODY);
    router.layer(body_limit).with_state(app)
}
