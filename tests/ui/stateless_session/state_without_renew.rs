use axum::extract::FromRef;
use axum::Router;
use serde::{Deserialize, Serialize};
use stateless_session::{SessionRoutes, Sessions, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

fn router() -> Router<App> {
    Router::new().merge(Claims::routes())
}

fn main() {}
