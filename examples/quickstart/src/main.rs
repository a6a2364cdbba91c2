//! A whole login in one file: `cargo run -p quickstart`, then open the address it prints.

use std::{convert::Infallible, env, error::Error, process::ExitCode, sync::Arc, time::Duration};

use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, Params};
use axum::extract::{FromRef, State};
use axum::http::{StatusCode, header};
use axum::response::Result;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionClaims, SessionRejection, SessionRoutes, Sessions,
};
use stateless_session::{TokenResponse, require_session, stateless_session};
use tokio::sync::{RwLock, Semaphore};
use tokio::{net::TcpListener, signal, task, time::timeout};

// So short that the page can be watched refreshing it; "15m" is a usual access lifetime.
#[stateless_session(access = "1m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    name: String,
    role: Role,
    generation: u32,
}

#[derive(Clone, FromRef)]
struct App {
    sessions: Sessions<Claims>,
    db: Db,
}

impl Renew<Claims> for App {
    type Error = Infallible; // a database has its error here: an outage ends no session

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(self.db.claims(*session.subject()).await)
    }
}

async fn login(
    login: Login<Claims>,
    State(db): State<Db>,
    Json(form): Json<Credentials>,
) -> Result<TokenResponse> {
    let problem = Json(json!({ "status": 401, "code": "wrong_credentials" }));
    let refused = (StatusCode::UNAUTHORIZED, problem);
    let claims = db.check_password(form).await?.ok_or(refused)?;
    Ok(login.start(claims)?)
}

async fn hello(claims: Option<Claims>) -> String {
    let name = claims.map_or("stranger".to_owned(), |claims| claims.name);
    format!("Hello, {name}!")
}

#[require_session]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session(role = Role::Admin)]
async fn admin(claims: Claims) -> String {
    format!("The keys are yours, {}.", claims.name)
}

#[require_session]
async fn logout_everywhere(claims: Claims, State(db): State<Db>) -> StatusCode {
    db.raise_generation(claims.sub).await;
    StatusCode::NO_CONTENT
}

fn router(app: App) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/api/hello", get(hello))
        .route("/api/me", get(me))
        .route("/api/admin", get(admin))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
        .merge(page())
        .with_state(app)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().init();
    let Err(error) = serve().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = listen().await?;
    let keys = match Keys::from_env() {
        // Only then: a mistyped secret must not end all sessions at every start.
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let sessions = Sessions::new(keys);
    let db = Db::with_demo_users()?;
    let port = listener.local_addr()?.port();
    println!("{}\n\nhttp://localhost:{port}", Claims::POLICY);
    axum::serve(listener, router(App { sessions, db }))
        .with_graceful_shutdown(async { signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

async fn listen() -> Result<TcpListener, String> {
    let port = env::var_os("PORT").unwrap_or("3000".into());
    let port: u16 = (port.to_string_lossy().parse())
        .map_err(|_| format!("`{}` in PORT is not a port number", port.display()))?;
    (TcpListener::bind(("127.0.0.1", port)).await)
        .map_err(|error| format!("port {port}: {error}; set PORT to another one, or to 0"))
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct UserId(u32);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Admin,
    User,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// OWASP's first choice for argon2id. As memory it is above what glibc's allocator keeps for itself (32 MB), so that it goes
/// back to the system after each password; of 19 MB with two passes, hundreds of holes would stay.
const MEMORY: u32 = 46 * 1024;
const PASSES: u32 = 1;

/// So many passwords are hashed at once, because of the memory.
const AT_ONCE: usize = 4;
/// For so long somebody waits to be the next one.
const PATIENCE: Duration = Duration::from_secs(3);

fn hash(password: &str) -> password_hash::Result<PasswordHash> {
    let params = Params::new(MEMORY, PASSES, Params::DEFAULT_P_COST, None)?;
    Argon2::from(params).hash_password(password.as_bytes())
}

struct User {
    claims: Claims,
    password: PasswordHash,
}

impl User {
    fn new(id: u32, name: &str, role: Role, password: &str) -> password_hash::Result<Self> {
        let claims = Claims {
            sub: UserId(id),
            name: name.to_owned(),
            role,
            generation: 0,
        };
        Ok(Self {
            claims,
            password: hash(password)?,
        })
    }
}

// Forgotten at every start, raised generations included; a database keeps them.
#[derive(Clone)]
struct Db {
    users: Arc<RwLock<Vec<User>>>,
    nobody: PasswordHash,
    turns: Arc<Semaphore>,
}

impl Db {
    fn with_demo_users() -> password_hash::Result<Self> {
        let alice = User::new(1, "alice", Role::Admin, "wonderland")?;
        let bob = User::new(2, "bob", Role::User, "builder")?;
        Ok(Self {
            users: Arc::new(RwLock::new(vec![alice, bob])),
            nobody: hash("")?,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    async fn claims(&self, id: UserId) -> Option<Claims> {
        let users = self.users.read().await;
        let user = users.iter().find(|user| user.claims.sub == id)?;
        Some(user.claims.clone())
    }

    async fn check_password(&self, form: Credentials) -> Result<Option<Claims>, SessionRejection> {
        let users = self.users.read().await;
        let user = users.iter().find(|user| user.claims.name == form.name);
        let claims = user.map(|user| user.claims.clone());
        // The same work for an unknown name, so that the time does not tell which names exist.
        let hash = user.map_or(&self.nobody, |user| &user.password).clone();
        drop(users);
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(SessionRejection::TemporarilyUnavailable); // 503, with `Retry-After`
        };
        let check = move || {
            let _turn = turn; // ends with the work, and not with a caller who hangs up
            Argon2::default().verify_password(form.password.as_bytes(), &hash)
        };
        let is_right = matches!(task::spawn_blocking(check).await, Ok(Ok(())));
        Ok(claims.filter(|_| is_right))
    }

    async fn raise_generation(&self, id: UserId) {
        let mut users = self.users.write().await;
        if let Some(user) = users.iter_mut().find(|user| user.claims.sub == id) {
            user.claims.generation += 1;
        }
    }
}

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn page() -> Router<App> {
    let file = |content_type: &'static str, text: &'static str| {
        let headers = [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        get((headers, text))
    };
    let html = include_str!("../page/index.html");
    let script = include_str!("../page/app.js");
    let style = include_str!("../page/style.css");
    Router::new()
        .route("/", file("text/html", html))
        .route("/app.js", file("text/javascript", script))
        .route("/style.css", file("text/css", style))
}

#[cfg(test)]
mod tests {
    use stateless_session::testing::{Browser, HeldClock, Races, get, post};

    use super::*;

    fn app() -> (Router, HeldClock) {
        let clock = HeldClock::new();
        let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
        let db = Db::with_demo_users().unwrap();
        (router(App { sessions, db }), clock)
    }

    async fn signed_in(app: &Router, name: &str, password: &str) -> Browser {
        let mut browser = Browser::new(app.clone());
        let form = json!({ "name": name, "password": password });
        assert_eq!(browser.post_json("/login", &form).await.status, 200);
        browser
    }

    #[tokio::test]
    async fn each_sees_what_the_role_is_for() {
        let (app, clock) = app();
        let stranger = get("/api/hello").send(&app).await;
        assert_eq!(stranger.text(), "Hello, stranger!");
        for (name, password, status) in [("alice", "wonderland", 200), ("bob", "builder", 403)] {
            let mut browser = signed_in(&app, name, password).await;
            clock.advance("2m");
            let hello = browser.fetch(get("/api/hello")).await;
            assert_eq!(hello.text(), format!("Hello, {name}!"));
            assert_eq!(browser.fetch(get("/api/admin")).await.status, status);
        }
    }

    #[tokio::test]
    async fn a_wrong_password_begins_nothing() {
        let (app, _) = app();
        for (name, password) in [
            ("alice", "builder"),
            ("nobody", "wonderland"),
            ("nobody", ""),
        ] {
            let mut browser = Browser::new(app.clone());
            let form = json!({ "name": name, "password": password });
            let answer = browser.post_json("/login", &form).await;
            assert_eq!(answer.code().as_deref(), Some("wrong_credentials"));
            assert!(!browser.has_session());
        }
    }

    #[tokio::test]
    async fn logging_out_everywhere_reaches_every_browser_of_the_user() {
        let (app, _) = app();
        let mut here = signed_in(&app, "alice", "wonderland").await;
        let mut there = signed_in(&app, "alice", "wonderland").await;
        let mut other = signed_in(&app, "bob", "builder").await;
        assert_eq!(here.fetch(post("/logout-everywhere")).await.status, 204);
        for (browser, status) in [(&mut here, 401), (&mut there, 401), (&mut other, 200)] {
            assert_eq!(browser.refresh().await.status, status);
        }
    }

    #[tokio::test]
    async fn no_race_is_lost() {
        let (app, clock) = app();
        let login = |name: &str, password: &str| {
            post("/login").json(&json!({ "name": name, "password": password }))
        };
        let (alice, bob) = (login("alice", "wonderland"), login("bob", "builder"));
        Races::new(app, alice, bob).with_clock(clock).run().await;
    }
}
