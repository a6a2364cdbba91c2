//! A page at one origin and its API at another of the same site, as `app.example.com` and `api.example.com` are: here two
//! ports of localhost. Run it with `./run`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, io};

use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Result};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session,
    stateless_session,
};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

// So short that the page can be watched refreshing it; "15m" is a usual access lifetime.
#[stateless_session(access = "1m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    notes: Notes,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible; // a database has its error here: an outage ends no session

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let sub = session.subject().clone();
        Ok(Some(Claims { sub }))
    }
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn login(login: Login<Claims>, Json(form): Json<Credentials>) -> Result<TokenResponse> {
    // The other examples have accounts and argon2; this one is about origins.
    if form.password != "wonderland" {
        let problem = Json(json!({ "status": 401, "code": "wrong_credentials" }));
        return Err((StatusCode::UNAUTHORIZED, problem).into());
    }
    Ok(login.start(Claims { sub: form.name })?)
}

#[require_session]
async fn list(claims: Claims, State(app): State<App>) -> Json<Vec<String>> {
    Json(
        app.notes
            .lock()
            .get(&claims.sub)
            .cloned()
            .unwrap_or_default(),
    )
}

#[require_session]
async fn add(claims: Claims, State(app): State<App>, Json(note): Json<String>) -> StatusCode {
    app.notes.lock().entry(claims.sub).or_default().push(note);
    StatusCode::CREATED
}

#[require_session]
async fn remove(claims: Claims, State(app): State<App>, Path(index): Path<usize>) -> StatusCode {
    let mut notes = app.notes.lock();
    match notes.get_mut(&claims.sub) {
        Some(notes) if index < notes.len() => {
            notes.remove(index);
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::NOT_FOUND,
    }
}

/// What browsers want before a page of `origin` may read the API's answers.
fn cors(origin: HeaderValue) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origin) // one, written out: with cookies, browsers take no `*`
        .allow_credentials(true) // the cookies, at login, refresh and logout
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]) // what the module reads of a refusal
        .max_age(Duration::from_secs(600)) // so that not every call is asked about first
}

fn api(app: App, page: HeaderValue) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/notes", get(list).post(add))
        .route("/notes/{index}", delete(remove))
        .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout, GET /auth/sibling.js
        .layer(cors(page)) // outermost, so that refusals can be read as well
        .with_state(app)
}

/// The page, which any web server could serve: it has no secret and sees no cookie.
fn page(api: &str) -> Router {
    let policy = format!(
        "default-src 'none'; script-src 'self' {api}; connect-src {api}; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    let html = include_str!("../page/index.html");
    let script = include_str!("../page/page.js").replace("https://api.example.com", api);
    let index = async move || ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html));
    let script =
        async move || ([(header::CONTENT_TYPE, "text/javascript")], script).into_response();
    Router::new()
        .route("/", get(index))
        .route("/page.js", get(script))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = match Keys::from_env() {
        // Only then: a mistyped secret must not end all sessions at every start.
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let (api_listener, api_origin) = listen("API_PORT", "3000").await?;
    let (page_listener, page_origin) = listen("PORT", "3001").await?;
    let sessions = Sessions::new(keys).allow_origin(&page_origin)?;
    let notes = Notes::default();
    let api = api(App { sessions, notes }, page_origin.parse()?);
    println!("the API at {api_origin}, and the page at\n{page_origin}");
    let page = page(&api_origin);
    tokio::select! {
        ended = axum::serve(api_listener, api).into_future() => ended?,
        ended = axum::serve(page_listener, page).into_future() => ended?,
        ended = tokio::signal::ctrl_c() => ended?,
    }
    Ok(())
}

async fn listen(variable: &str, default: &str) -> io::Result<(TcpListener, String)> {
    let port = env::var(variable).unwrap_or(default.to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    Ok((listener, origin))
}

// Forgotten at every start; a database keeps them.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
