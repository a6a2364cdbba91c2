//! Notes, rendered on the server: `cargo run -p pages`, then open the address it prints. It works without script; htmx
//! and a live list are on top.

mod db;
mod view;

use std::{convert::Infallible, env, error::Error, process::ExitCode};

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response, Result};
use axum::routing::{get, post};
use axum::{Form, Router};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, LocalPath, Login, Renew, Renewal, Session, SessionClaims, SessionRejection,
    SessionRoutes, Sessions, TokenResponse, require_session, stateless_session,
};
use tokio::{net::TcpListener, signal};

use crate::db::{Db, Role, UserId};

// So short that the log can be watched refreshing it; "15m" is a usual access lifetime.
#[stateless_session(access = "1m", refresh = "7d", pages = "/login", cookie = "notes")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    name: String,
    role: Role,
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

async fn about(claims: Option<Claims>) -> Html<String> {
    view::about(claims.as_ref())
}

#[derive(Deserialize)]
struct LeadsTo {
    to: Option<LocalPath>,
}

async fn login_page(
    claims: Option<Claims>,
    query: Result<Query<LeadsTo>, QueryRejection>,
) -> Html<String> {
    let leads_on = query.is_ok_and(|Query(query)| query.to.is_some());
    view::login(claims.as_ref(), leads_on, None)
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// A session is answered by 303 to where the visitor wanted to go.
async fn login(
    claims: Option<Claims>,
    login: Login<Claims>,
    State(db): State<Db>,
    Form(form): Form<Credentials>,
) -> Result<TokenResponse> {
    match db.check_password(&form.name, form.password).await {
        Some(user) => Ok(login.start(user)?),
        None => {
            let page = view::login(claims.as_ref(), false, Some(&form.name));
            Err((StatusCode::UNPROCESSABLE_ENTITY, page).into())
        }
    }
}

#[require_session]
async fn home(session: Session<Claims>, State(db): State<Db>) -> Html<String> {
    view::home(&session, &db.notes(session.sub).await)
}

/// The list alone, for htmx.
#[require_session]
async fn notes(claims: Claims, State(db): State<Db>) -> Html<String> {
    view::list(&db.notes(claims.sub).await)
}

#[derive(Deserialize)]
struct NewNote {
    /// Whose form it was.
    sid: String,
    text: String,
}

#[require_session]
async fn add(
    session: Session<Claims>,
    State(db): State<Db>,
    headers: HeaderMap,
    Form(note): Form<NewNote>,
) -> Response {
    if note.sid != session.sid() {
        let page = view::message(
            Some(&session),
            "Somebody else is signed in now",
            "Your note was not saved, since the page with it was of another session.",
        );
        return (StatusCode::CONFLICT, page).into_response();
    }
    db.add(session.sub, note.text).await;
    changed(session.sub, &db, &headers).await
}

#[require_session]
async fn delete(
    claims: Claims,
    State(db): State<Db>,
    headers: HeaderMap,
    Path(note): Path<u64>,
) -> Response {
    db.delete(claims.sub, note).await;
    changed(claims.sub, &db, &headers).await
}

/// The list for htmx, and the whole page for a form.
async fn changed(user: UserId, db: &Db, headers: &HeaderMap) -> Response {
    if headers.contains_key("hx-request") {
        view::list(&db.notes(user).await).into_response()
    } else {
        Redirect::to("/").into_response()
    }
}

/// Says when the list is another, for as long as the session lasts. The browser then comes back by itself, and is led to
/// the refresh on the way.
#[require_session]
async fn events(
    session: Session<Claims>,
    State(app): State<App>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (ended, versions) = (app.sessions.ended(&session), app.db.versions());
    let events = stream::unfold((ended, versions), async |(mut ended, mut versions)| {
        tokio::select! {
            () = &mut ended => None,
            changed = versions.changed() => {
                changed.ok()?;
                let version = versions.borrow_and_update().to_string();
                Some((Ok(Event::default().event("changed").data(version)), (ended, versions)))
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// An image behind the session.
#[require_session]
async fn avatar(claims: Claims) -> impl IntoResponse {
    let svg = view::avatar(&claims.name);
    ([(header::CONTENT_TYPE, "image/svg+xml")], svg)
}

/// A download behind the session.
#[require_session]
async fn download(claims: Claims, State(db): State<Db>) -> impl IntoResponse {
    let notes = db.notes(claims.sub).await.list;
    let lines: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"notes.txt\"",
        ),
    ];
    (headers, lines.join("\n"))
}

/// Who was not asked for the password for five minutes is asked again.
#[require_session(role = Role::Admin, max_age = "5m")]
async fn admin(claims: Claims, State(db): State<Db>) -> Html<String> {
    view::admin(&claims, &db.users().await)
}

#[require_session(role = Role::Admin, max_age = "5m")]
async fn switch(claims: Claims, State(db): State<Db>, Path(user): Path<UserId>) -> Redirect {
    if user != claims.sub {
        db.switch(user).await;
    }
    Redirect::to("/admin")
}

/// Gives what the session refuses a page of ours, and says what pages may load.
async fn dress(request: Request, next: Next) -> Response {
    let wants_page = request.headers().get(header::ACCEPT).is_some_and(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    });
    let mut response = next.run(request).await;
    let refused = response.extensions().get::<SessionRejection>();
    if let Some(rejection) = refused.filter(|_| wants_page)
        && let Some((title, text)) = view::refusal(rejection)
    {
        response = rejection.with_body(view::message(None, title, text));
    }
    let policy = "default-src 'self'; frame-ancestors 'none'; form-action 'self'";
    let policy = header::HeaderValue::from_static(policy);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Cached, because it names its version or hardly changes; without it, the layer says `no-store`.
fn asset(content_type: &'static str, text: &'static str) -> axum::routing::MethodRouter<App> {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    get(async move || (headers, text))
}

fn router(app: App) -> Router {
    let script = "text/javascript; charset=utf-8";
    let router = Router::new()
        .route("/", get(home))
        .route("/about", get(about))
        .route("/login", get(login_page).post(login))
        .route("/notes", get(notes).post(add))
        .route("/notes/{id}/delete", post(delete))
        .route("/events", get(events))
        .route("/avatar.svg", get(avatar))
        .route("/notes.txt", get(download))
        .route("/admin", get(admin))
        .route("/admin/{user}", post(switch))
        .route(
            "/style.css",
            asset("text/css", include_str!("../assets/style.css")),
        )
        .route("/live.js", asset(script, include_str!("../assets/live.js")))
        .route(
            "/htmx-2.0.11.min.js",
            asset(script, include_str!("../assets/htmx-2.0.11.min.js")),
        )
        .layer(from_fn(dress));
    Claims::pages(router).with_state(app)
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
    let port = env::var("PORT").unwrap_or("3000".to_owned());
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let keys = match Keys::from_env() {
        // Only then: a mistyped secret must not end all sessions at every start.
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let (sessions, db) = (Sessions::new(keys), Db::with_demo_users()?);
    let port = listener.local_addr()?.port();
    println!("{}\n\nhttp://localhost:{port}", Claims::POLICY);
    axum::serve(listener, router(App { sessions, db }))
        .with_graceful_shutdown(async { signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}
