use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Renew, Renewal, SessionRoutes, Sessions, require_session, stateless_session,
};

#[stateless_session(access = "15 minutes", refresh = "7d")]
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

impl Renew<Claims> for App {
    type Error = std::io::Error;

    async fn renew(&self, session: &Renewal<Claims>) -> std::io::Result<Option<Claims>> {
        Ok(Some(Claims {
            sub: *session.subject(),
        }))
    }
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn maybe(claims: Option<Claims>) -> Json<Option<Claims>> {
    Json(claims)
}

fn router() -> Router<App> {
    Router::new()
        .route("/me", get(me))
        .route("/maybe", get(maybe))
        .merge(Claims::routes())
}

fn main() {}
