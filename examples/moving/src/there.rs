//! The program as it was: axum-login on tower-sessions, by the example of each.

use std::convert::Infallible;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_login::tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use axum_login::{
    AuthManagerLayerBuilder, AuthUser, AuthnBackend, AuthzBackend, login_required,
    permission_required,
};
use serde::Deserialize;

use crate::users::{self, User};

impl AuthUser for User {
    type Id = u32;

    fn id(&self) -> u32 {
        self.id
    }

    /// Another password ends all sessions.
    fn session_auth_hash(&self) -> &[u8] {
        self.hash.as_bytes()
    }
}

#[derive(Clone)]
pub struct Backend;

#[derive(Deserialize)]
pub struct Credentials {
    pub name: String,
    pub password: String,
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, form: Credentials) -> Result<Option<User>, Infallible> {
        Ok(users::by_password(&form.name, &form.password))
    }

    /// Called for every request.
    async fn get_user(&self, id: &u32) -> Result<Option<User>, Infallible> {
        Ok(users::by_id(*id))
    }
}

impl AuthzBackend for Backend {
    type Permission = &'static str;

    async fn has_perm(&self, user: &User, permission: &'static str) -> Result<bool, Infallible> {
        Ok(permission == "admin" && user.is_admin)
    }
}

pub type AuthSession = axum_login::AuthSession<Backend>;

async fn login(mut auth: AuthSession, Json(form): Json<Credentials>) -> StatusCode {
    match auth.authenticate(form).await {
        Ok(Some(user)) if auth.login(&user).await.is_ok() => StatusCode::NO_CONTENT,
        Ok(None) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn logout(mut auth: AuthSession) -> StatusCode {
    match auth.logout().await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn me(auth: AuthSession) -> Result<&'static str, StatusCode> {
    Ok(auth.user.ok_or(StatusCode::UNAUTHORIZED)?.name)
}

async fn admin() -> &'static str {
    "the reports"
}

/// Data of the session, as tower-sessions' own example counts.
async fn counter(session: Session) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let count: usize = session.get("count").await.map_err(failed)?.unwrap_or(0);
    session.insert("count", count + 1).await.map_err(failed)?;
    Ok(count.to_string())
}

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/admin", get(admin))
        .route_layer(permission_required!(Backend, "admin"))
        .route("/me", get(me))
        .route("/counter", get(counter))
        .route_layer(login_required!(Backend))
        .route("/login", post(login))
        .route("/logout", post(logout))
}

/// What every route that knows the old session is behind.
pub fn layered<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    router.layer(AuthManagerLayerBuilder::new(Backend, sessions).build())
}
