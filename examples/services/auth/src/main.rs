//! The service that logs people in: it has the private key, and publishes the public one.

mod audit;

use std::{convert::Infallible, env, error::Error, process::ExitCode, time::Duration};

use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Json, Router};
use claims::{Claims, Role, UserId};
use serde::Deserialize;
use serde_json::json;
use stateless_session::{Keys, Login, Renew, Renewal, SessionRejection, SessionRoutes, Sessions};
use stateless_session::{TokenResponse, require_session};
use tokio::sync::Semaphore;
use tokio::time::timeout;

#[derive(Clone, FromRef)]
struct App {
    sessions: Sessions<Claims>,
}

impl Renew<Claims> for App {
    type Error = Infallible; // a database has its error here: an outage ends no session

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let user = USERS.iter().find(|user| user.id == *session.subject());
        Ok(user.map(User::claims))
    }
}

/// So many passwords are checked at once, because each takes 46 MB.
static TURNS: Semaphore = Semaphore::const_new(4);
/// For so long somebody waits to be the next one.
const PATIENCE: Duration = Duration::from_secs(3);

async fn login(login: Login<Claims>, Json(form): Json<Credentials>) -> Result<TokenResponse> {
    let problem = Json(json!({ "status": 401, "code": "wrong_credentials" }));
    let refused = (StatusCode::UNAUTHORIZED, problem);
    let Ok(Ok(turn)) = timeout(PATIENCE, TURNS.acquire()).await else {
        return Err(SessionRejection::TemporarilyUnavailable.into()); // 503, with `Retry-After`
    };
    let check = tokio::task::spawn_blocking(move || {
        let _turn = turn; // ends with the work, and not with a caller who hangs up
        check_password(&form)
    });
    let user = check.await.ok().flatten().ok_or(refused)?;
    Ok(login.start(user.claims())?)
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

fn router(app: App) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
        .merge(Claims::jwks_routes()) // GET /.well-known/jwks.json
        .with_state(app)
}

#[tokio::main]
async fn main() -> ExitCode {
    server::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    // Nothing to fall back on: keys that another process made up would verify nothing elsewhere.
    let mut sessions = Sessions::new(Keys::from_env()?);
    if let Some(path) = env::var_os("AUDIT_LOG") {
        sessions = sessions.on_event(audit::audit(path.as_ref())?);
    }
    let reloaded = sessions.clone();
    server::at_hangup(move || Keys::from_env().map(|keys| reloaded.set_keys(keys)))?;
    server::serve(router(App { sessions }), 4000).await
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

struct User {
    id: UserId,
    name: &'static str,
    role: Role,
    password: &'static str,
}

impl User {
    fn claims(&self) -> Claims {
        Claims {
            sub: self.id,
            name: self.name.to_owned(),
            role: self.role,
        }
    }
}

// A database keeps them. The passwords are `wonderland` and `builder`, hashed by OWASP's first choice for argon2id: 46 MB,
// which glibc's allocator gives back to the system after each, as it does not with 19.
static USERS: [User; 2] = [
    User {
        id: UserId(1),
        name: "alice",
        role: Role::Admin,
        password: "$argon2id$v=19$m=47104,t=1,p=1$63oih5trXyXZyL73/4D3Eg$wNX6X8oJVrBgnfD78lvzMLPr2m6sHclIaWELXECgKig",
    },
    User {
        id: UserId(2),
        name: "bob",
        role: Role::User,
        password: "$argon2id$v=19$m=47104,t=1,p=1$KrsSmVmusruC5SPoqugqlw$FjPTQamDQRe791+3pX52ZqT6bswrHXwEbj6Y9b+9Xcw",
    },
];

fn check_password(form: &Credentials) -> Option<&'static User> {
    let user = USERS.iter().find(|user| user.name == form.name);
    // The same work for an unknown name, so that the time does not tell which names exist.
    let hash = PasswordHash::new(user.unwrap_or(&USERS[0]).password).ok()?;
    let check = Argon2::default().verify_password(form.password.as_bytes(), &hash);
    check.ok().and(user)
}
