//! An application as users write one, with switches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::testing::HeldClock;
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionRoutes, Sessions, require_session, stateless_session,
};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
}

pub(crate) fn claims(sub: &str) -> Claims {
    Claims { sub: sub.into() }
}

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) sessions: Sessions<Claims>,
    pub(crate) clock: HeldClock,
    pub(crate) outage: Arc<AtomicBool>,
    pub(crate) disabled: Arc<Mutex<Option<String>>>,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = &'static str;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        if self.outage.load(Ordering::SeqCst) {
            return Err("the database is down");
        }
        let is_disabled = self.disabled.lock().unwrap().as_ref() == Some(session.subject());
        Ok((!is_disabled).then(|| claims(session.subject())))
    }
}

/// Whoever has the right password, which is the name.
async fn login(login: Login<Claims>, Json((name, password)): Json<(String, String)>) -> Response {
    if name != password {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    login.start(claims(&name)).into_response()
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session(sub = "ada", fresh = "30s")]
async fn purge(_: Claims) -> StatusCode {
    StatusCode::NO_CONTENT
}

#[require_session(max_age = "5m")]
async fn close(_: Claims, State(_): State<App>) -> StatusCode {
    StatusCode::NO_CONTENT
}

impl App {
    pub(crate) fn new() -> Self {
        let clock = HeldClock::new();
        Self {
            sessions: Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone()),
            clock,
            outage: Arc::default(),
            disabled: Arc::default(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .route("/todos", delete(purge))
            .route("/account", delete(close))
            .merge(Claims::routes())
            .with_state(self.clone())
    }
}
