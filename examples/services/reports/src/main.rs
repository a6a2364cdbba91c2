//! A service for administrators, with the public keys in a file: it makes no request to anybody.

use std::{error::Error, process::ExitCode};

use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use claims::{Claims, Role};
use serde_json::{Value, json};
use stateless_session::{PublicKeys, Sessions, require_session};

#[derive(Clone, FromRef)]
struct App {
    sessions: Sessions<Claims>,
}

#[require_session(role = Role::Admin)]
async fn reports(claims: Claims) -> Json<Value> {
    Json(json!([{ "title": "Revenue", "for": claims.name }]))
}

#[tokio::main]
async fn main() -> ExitCode {
    server::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let sessions = Sessions::verifying(PublicKeys::from_env()?);
    let reloaded = sessions.clone();
    server::at_hangup(move || PublicKeys::from_env().map(|keys| reloaded.set_keys(keys.into())))?;
    let router = Router::new()
        .route("/reports", get(reports))
        .with_state(App { sessions });
    server::serve(router, 4002).await
}
