//! A service that asks nobody who is calling: it has the claims struct, and the keys from where the auth service publishes
//! them.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, time::Duration};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use claims::{Claims, UserId};
use serde::{Deserialize, Serialize};
use stateless_session::{JwksUrl, Sessions, require_session};

#[derive(Clone, FromRef)]
struct App {
    sessions: Sessions<Claims>,
    todos: Todos,
}

#[derive(Clone, Serialize, Deserialize)]
struct Todo {
    title: String,
}

#[require_session]
async fn list(claims: Claims, State(todos): State<Todos>) -> Json<Vec<Todo>> {
    let todos = todos.lock();
    Json(todos.get(&claims.sub).cloned().unwrap_or_default())
}

#[require_session]
async fn add(claims: Claims, State(todos): State<Todos>, Json(todo): Json<Todo>) -> StatusCode {
    todos.lock().entry(claims.sub).or_default().push(todo);
    StatusCode::CREATED
}

#[tokio::main]
async fn main() -> ExitCode {
    server::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let url = env::var("JWKS_URL").unwrap_or("http://127.0.0.1:4000/.well-known/jwks.json".into());
    // So often that a rotation can be watched; leave both as they are, and five minutes pass between two requests.
    let often = Duration::from_secs(1);
    let url = JwksUrl::new(&url)?
        .with_interval(often)
        .with_least_interval(often);
    let sessions = Sessions::verifying_remote(url.fetch().await?);
    let todos = Todos::default();
    let router = Router::new()
        .route("/todos", get(list).post(add))
        .with_state(App { sessions, todos });
    server::serve(router, 4001).await
}

// Forgotten at every start; a database keeps them.
#[derive(Clone, Default)]
struct Todos(Arc<Mutex<HashMap<UserId, Vec<Todo>>>>);

impl Todos {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Todo>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
