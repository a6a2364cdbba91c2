//! Pages of the same application, with claims of their own.

pub mod client;

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    Login, Renew, Renewal, Session, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};

use crate::world::{Credentials, Outage, World};

/// The same lifetimes as those of the other claims.
#[stateless_session(
    access = "15m",
    refresh = "2h",
    absolute = "3h",
    leeway = "5s",
    path = "/pages/auth",
    pages = "/sign-in"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: usize,
    pub generation: u32,
}

pub fn router() -> Router<Arc<World>> {
    let pages = Router::new()
        .route("/home", get(read).post(write))
        .route("/image", get(read))
        .route("/sign-in", get(StatusCode::OK).post(sign_in));
    Claims::pages(pages)
}

impl FromRef<World> for Sessions<Claims> {
    fn from_ref(world: &World) -> Self {
        world.page_sessions.clone()
    }
}

impl Renew<Claims> for World {
    type Error = Outage;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        let found = self.look_up(*session.subject(), session.sid()).await?;
        Ok(found.map(|(sub, generation)| Claims { sub, generation }))
    }
}

async fn sign_in(
    login: Login<Claims>,
    State(world): State<Arc<World>>,
    Form(Credentials { user: sub }): Form<Credentials>,
) -> Result<TokenResponse, StatusCode> {
    let generation = world.enabled(sub).ok_or(StatusCode::FORBIDDEN)?;
    login
        .start(Claims { sub, generation })
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

#[require_session]
async fn read(session: Session<Claims>) -> Json<Value> {
    Json(seen(&session, ""))
}

#[require_session]
async fn write(session: Session<Claims>, body: String) -> Json<Value> {
    Json(seen(&session, &body))
}

fn seen(session: &Session<Claims>, body: &str) -> Value {
    json!({
        "sub": session.sub,
        "generation": session.generation,
        "sid": session.sid(),
        "body": body,
    })
}
