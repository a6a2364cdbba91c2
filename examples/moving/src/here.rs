//! The same program with stateless-session, and the way over.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Result};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Login, Renew, Renewal, Session, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};

use crate::elsewhere::OldServer;
use crate::there::{AuthSession, Credentials};
use crate::users::{self, User};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: u32,
    pub name: String,
    pub is_admin: bool,
}

impl User {
    fn claims(self) -> Claims {
        Claims {
            sub: self.id,
            name: self.name.to_owned(),
            is_admin: self.is_admin,
        }
    }
}

#[derive(Clone)]
pub struct App {
    pub sessions: Sessions<Claims>,
    /// What the old session had as data: a table, by the session or by its user.
    pub counts: Arc<Mutex<HashMap<String, usize>>>,
    pub old_server: Option<OldServer>,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible;

    /// Called at refresh, every 15 minutes of use.
    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(users::by_id(*session.subject()).map(User::claims))
    }
}

async fn login(login: Login<Claims>, Json(form): Json<Credentials>) -> Result<TokenResponse> {
    let user = users::by_password(&form.name, &form.password).ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(login.start(user.claims())?)
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.name
}

#[require_session(is_admin = true)]
async fn admin(_: Claims) -> &'static str {
    "the reports"
}

#[require_session]
async fn counter(session: Session<Claims>, State(app): State<App>) -> String {
    let mut counts = app.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.entry(session.sid().to_owned()).or_default();
    *count += 1;
    (*count - 1).to_string()
}

/// Whoever has a session of the old kind gets one of the new, once: the old one ends. Where another program has it, the page
/// signs out there.
async fn move_over(
    login: Login<Claims>,
    State(app): State<App>,
    mut old: AuthSession,
    headers: HeaderMap,
) -> Result<impl IntoResponse> {
    let user = match (old.user.clone(), app.old_server) {
        (None, Some(server)) => server.user(&headers).await?,
        (user, _) => user,
    };
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    let response = login.start(user.claims())?;
    let ended = old.logout().await;
    ended.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(response)
}

pub fn router() -> Router<App> {
    Router::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/admin", get(admin))
        .route("/counter", get(counter))
        .route("/move", post(move_over))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
}
