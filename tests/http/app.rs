//! The application that most tests run: users in a map, a log of what the handlers did, a switch for what `Renew` answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{delete, get, post};
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, Session, SessionRejection, SessionRoutes, Sessions,
    TokenResponse, require_session, stateless_session,
};

use crate::support::{HeldClock, keys, lock};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub role: Role,
    pub generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserId(pub i64);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Role {
    Admin,
    Owner,
    User,
}

/// What the next look-ups find.
#[derive(Clone, Copy, Debug)]
pub enum Lookup {
    User,
    Nobody,
    Outage,
    OtherSubject,
    Panic,
}

#[derive(Debug, Deserialize)]
pub struct Credentials {
    pub user: i64,
}

#[derive(Clone)]
pub struct App {
    pub sessions: Sessions<Claims>,
    pub clock: HeldClock,
    pub users: Arc<Mutex<HashMap<UserId, Claims>>>,
    pub lookup: Arc<Mutex<Lookup>>,
    pub lookups: Arc<AtomicUsize>,
    pub handled: Arc<AtomicUsize>,
}

/// 1 is a user, 2 an owner, 3 an admin.
const USERS: [(i64, Role); 3] = [(1, Role::User), (2, Role::Owner), (3, Role::Admin)];

impl App {
    pub fn new() -> Self {
        Self::with_keys(keys())
    }

    pub fn with_keys(keys: Keys) -> Self {
        let clock = HeldClock::new();
        let users = USERS.map(|(id, role)| {
            let sub = UserId(id);
            (
                sub,
                Claims {
                    sub,
                    role,
                    generation: 0,
                },
            )
        });
        Self {
            sessions: clock.hold(Sessions::new(keys)),
            clock,
            users: Arc::new(Mutex::new(users.into())),
            lookup: Arc::new(Mutex::new(Lookup::User)),
            lookups: Arc::default(),
            handled: Arc::default(),
        }
    }

    /// The same application after a deployment with other keys: same users, same clock.
    pub fn redeployed(&self, keys: Keys) -> Self {
        Self {
            sessions: self.clock.hold(Sessions::new(keys)),
            ..self.clone()
        }
    }

    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.sessions = self.sessions.allow_origin(origin).unwrap();
        self
    }

    pub fn find(&self, lookup: Lookup) {
        *lock(&self.lookup) = lookup;
    }

    pub fn raise_generation(&self, user: i64) {
        let mut users = lock(&self.users);
        users.get_mut(&UserId(user)).unwrap().generation += 1;
    }

    pub fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    fn handle(&self) {
        self.handled.fetch_add(1, Ordering::SeqCst);
    }

    pub fn router(self) -> Router {
        Self::routes().merge(Claims::routes()).with_state(self)
    }

    pub fn routes() -> Router<Self> {
        Router::new()
            .route("/login", post(login))
            .route("/login-form", post(login_form))
            .route(
                "/login-by-link/{user}",
                get(login_by_link).options(login_by_link),
            )
            .route("/me", get(me).post(me_with_body))
            .route("/session", get(session))
            .route("/whoever", get(whoever))
            .route("/result", get(result))
            .route("/todos/{id}", delete(delete_todo))
            .route("/fresh", get(fresh))
            .route("/recent", get(recent))
            .route("/named", get(named))
            .route("/everything", get(everything))
    }
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

#[derive(Debug)]
pub struct Outage;

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database at 10.0.0.7 is down")
    }
}

impl std::error::Error for Outage {}

impl Renew<Claims> for App {
    type Error = Outage;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Outage> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let lookup = *lock(&self.lookup);
        match lookup {
            Lookup::User => Ok(lock(&self.users).get(session.subject()).cloned()),
            Lookup::Nobody => Ok(None),
            Lookup::Outage => Err(Outage),
            Lookup::OtherSubject => Ok(lock(&self.users).get(&UserId(3)).cloned()),
            Lookup::Panic => panic!("a panic in the application"),
        }
    }
}

async fn login(
    login: Login<Claims>,
    State(app): State<App>,
    Json(credentials): Json<Credentials>,
) -> Result<TokenResponse, IssueError> {
    app.handle();
    let claims = lock(&app.users)[&UserId(credentials.user)].clone();
    login.start(claims)
}

async fn login_form(
    login: Login<Claims>,
    State(app): State<App>,
    Form(credentials): Form<Credentials>,
) -> Result<impl IntoResponse, IssueError> {
    app.handle();
    let claims = lock(&app.users)[&UserId(credentials.user)].clone();
    let (_, cookies) = login.start(claims)?.into_parts();
    Ok((cookies, Redirect::to("/")))
}

async fn login_by_link(
    login: Login<Claims>,
    State(app): State<App>,
    Path(user): Path<i64>,
) -> Result<TokenResponse, IssueError> {
    let claims = lock(&app.users)[&UserId(user)].clone();
    login.start(claims)
}

#[require_session]
async fn me(claims: Claims, State(app): State<App>) -> Json<Claims> {
    app.handle();
    Json(claims)
}

#[require_session]
async fn me_with_body(claims: Claims, State(app): State<App>, _body: String) -> Json<Claims> {
    app.handle();
    Json(claims)
}

#[require_session]
async fn session(session: Session<Claims>) -> Json<serde_json::Value> {
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    Json(serde_json::json!({
        "sub": session.sub,
        "sid": session.sid(),
        "authenticated_at": seconds(session.authenticated_at()),
        "issued_at": seconds(session.issued_at()),
        "expires_at": seconds(session.expires_at()),
    }))
}

async fn whoever(claims: Option<Claims>) -> String {
    claims.map_or("anonymous".to_owned(), |claims| {
        format!("user {}", claims.sub.0)
    })
}

async fn result(claims: Result<Claims, SessionRejection>) -> String {
    match claims {
        Ok(claims) => format!("user {}", claims.sub.0),
        Err(rejection) => rejection.code().to_owned(),
    }
}

#[require_session(role = Role::Admin | Role::Owner)]
async fn delete_todo(claims: Claims, State(app): State<App>, Path(id): Path<u32>) -> String {
    app.handle();
    format!("{:?} deleted {id}", claims.role)
}

#[require_session(fresh = "30s")]
async fn fresh(_claims: Claims, State(app): State<App>) -> StatusCode {
    app.handle();
    StatusCode::NO_CONTENT
}

#[require_session(max_age = "5m")]
async fn recent(_claims: Claims, State(app): State<App>) -> StatusCode {
    app.handle();
    StatusCode::NO_CONTENT
}

#[require_session(if user.sub.0 % 2 == 1)]
async fn named(user: Session<Claims>, State(app): State<App>) -> String {
    app.handle();
    user.sub.0.to_string()
}

#[require_session(role = Role::Admin, generation = 0 | 1, if claims.sub.0 > 0, fresh = "30s", max_age = "5m")]
async fn everything(claims: Claims, State(app): State<App>) -> String {
    app.handle();
    claims.sub.0.to_string()
}
