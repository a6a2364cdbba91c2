//! An application that renders its pages on the server, for the browser tests: its clock, its users and its answers are
//! the tests' to hold, and it tells which requests it has seen.

use std::convert::Infallible;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, io, process, thread};

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, FromRef, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Form, Json, Router};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    BeginLogin, IssueError, Keys, Login, LoginCallback, Renew, Renewal, Session, SessionRoutes,
    Sessions, TokenResponse, require_session, stateless_session,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

#[stateless_session(access = "15m", refresh = "7d", pages = "/login", cookie = "pages")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

/// What the tests set.
#[derive(Clone, Deserialize)]
#[serde(default)]
struct Order {
    /// How far the clock is ahead, in seconds.
    ahead: u64,
    /// What `Renew` finds: `user`, `gone` or `outage`.
    lookup: String,
    /// Answers to requests for this path are kept back, once they are made.
    hold: String,
    /// The access cookie is taken out of requests, as a proxy might.
    strip: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            ahead: 0,
            lookup: "user".to_owned(),
            hold: String::new(),
            strip: false,
        }
    }
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    order: watch::Sender<Order>,
    lookups: Arc<AtomicU64>,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = &'static str;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, &'static str> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        match &*self.order.borrow().lookup {
            "outage" => Err("the tests' outage"),
            "gone" => Ok(None),
            _ => Ok(Some(Claims {
                sub: session.subject().clone(),
            })),
        }
    }
}

const MODULE: &str = "<script type=module>import { createSession } from '/auth/client.js'; window.session = createSession()</script>";

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>{title}</title><link rel=icon href=data:,><h1>{title}</h1>{body}"
    ))
}

const LOGOUT: &str =
    "<form id=logout method=post action=/auth/logout><button>Log out</button></form>";
const SAVE: &str = "<form id=save method=post action=/save><input name=text value=kept><button>Save</button></form>";

#[require_session]
async fn home(session: Session<Claims>) -> Html<String> {
    let sid = session.sid();
    let own = format!(
        "<form id=own method=post action=/own><input type=hidden name=sid value={sid}><button>Own</button></form>"
    );
    let link = "<a id=link href=/other>Other</a><a id=file href=/file download>File</a>";
    page(&session.sub, &format!("{LOGOUT}{SAVE}{own}{link}"))
}

async fn public(claims: Option<Claims>) -> Html<String> {
    let name = claims.map_or("nobody".to_owned(), |claims| claims.sub);
    page(&name, LOGOUT)
}

async fn login_page(claims: Option<Claims>) -> Html<String> {
    let now = claims.map_or("nobody".to_owned(), |claims| claims.sub);
    let form =
        "<form id=login method=post><input name=sub value=ada><button>Log in</button></form>";
    page("login", &format!("<p id=now>{now}</p>{form}"))
}

async fn login(
    login: Login<Claims>,
    Form(claims): Form<Claims>,
) -> Result<TokenResponse, IssueError> {
    login.start(claims)
}

/// A login that begins elsewhere: `by` sends the browser on to what stands behind it.
#[derive(Deserialize)]
struct Elsewhere {
    by: String,
    origin: String,
}

async fn sign_in(
    begin: BeginLogin<Claims>,
    Query(Elsewhere { by, origin }): Query<Elsewhere>,
) -> Result<impl IntoResponse, IssueError> {
    let begun = begin.at("/sign-in/callback", &())?;
    let back = format!("{origin}/sign-in/callback?state={}", begun.state());
    Ok((begun, Redirect::to(&format!("{by}{back}"))))
}

/// By a document, as the guide says.
async fn callback(
    LoginCallback { login, .. }: LoginCallback<Claims, ()>,
) -> Result<impl IntoResponse, IssueError> {
    let sub = "ada".to_owned();
    let (_, cookies) = login.start(Claims { sub })?.into_parts();
    Ok((cookies, [(header::REFRESH, "0; url=/")]))
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[require_session]
async fn save(claims: Claims, Form(form): Form<Text>) -> Redirect {
    Redirect::to(&format!("/saved/{}/{}", form.text.len(), claims.sub))
}

#[require_session]
async fn saved(claims: Claims, Path((length, by)): Path<(usize, String)>) -> Html<String> {
    page(&format!("{length} by {by} for {}", claims.sub), "")
}

/// A large form, whose length counts.
#[require_session]
async fn upload(claims: Claims, body: axum::body::Bytes) -> Html<String> {
    page(&format!("{} of {}", body.len(), claims.sub), "")
}

#[derive(Deserialize)]
struct Own {
    sid: String,
}

#[require_session]
async fn own(session: Session<Claims>, Form(form): Form<Own>) -> Response {
    if form.sid != session.sid() {
        return (StatusCode::CONFLICT, page("of another session", "")).into_response();
    }
    page("own", "").into_response()
}

#[require_session(max_age = "5m")]
async fn sensitive(claims: Claims) -> Html<String> {
    page(
        &format!("sensitive {}", claims.sub),
        "<form id=again method=post><button>Again</button></form>",
    )
}

#[require_session(fresh = "30s")]
async fn fresh(claims: Claims) -> Html<String> {
    page(&format!("fresh {}", claims.sub), "")
}

#[require_session]
async fn echo(claims: Claims, method: axum::http::Method, body: String) -> Json<Value> {
    Json(json!({ "sub": claims.sub, "method": method.as_str(), "body": body }))
}

#[require_session]
async fn image(_claims: Claims, Path(_): Path<u32>) -> impl IntoResponse {
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>";
    ([(header::CONTENT_TYPE, "image/svg+xml")], svg)
}

#[require_session]
async fn file(claims: Claims) -> impl IntoResponse {
    let attachment = (
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"file.txt\"",
    );
    ([attachment], format!("of {}", claims.sub))
}

#[require_session]
async fn events(session: Session<Claims>, State(app): State<App>) -> impl IntoResponse {
    let ended = app.sessions.ended(&session);
    let hello = Event::default()
        .retry(Duration::from_millis(100))
        .data(session.sub.clone());
    let events = stream::unfold((Some(hello), ended), async |(hello, mut ended)| {
        if let Some(hello) = hello {
            return Some((Ok::<_, Infallible>(hello), (None, ended)));
        }
        (&mut ended).await;
        None
    });
    Sse::new(events)
}

/// By the cookie, whose origin the extractor has checked.
#[require_session]
async fn socket(
    session: Session<Claims>,
    State(app): State<App>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ended = app.sessions.ended(&session);
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let hello = session.sub.clone().into();
        if socket
            .send(axum::extract::ws::Message::Text(hello))
            .await
            .is_ok()
        {
            ended.await;
        }
    })
}

#[require_session]
async fn fragment(claims: Claims, method: axum::http::Method, body: String) -> Html<String> {
    Html(format!("<p id=out>{method} {body} {}</p>", claims.sub))
}

async fn htmx(Path(version): Path<String>) -> Html<String> {
    let script = format!("<script src=/assets/htmx-{version}.js></script>");
    let body = "<button id=get hx-get=/fragment hx-target='#out' hx-swap=outerHTML>Get</button>
        <form id=post hx-post=/fragment hx-target='#out' hx-swap=outerHTML><input name=text value=kept><button>Post</button></form>
        <p id=out>nothing</p>";
    page("htmx", &format!("{script}{body}"))
}

#[require_session]
async fn turbo(claims: Claims) -> Html<String> {
    let script = "<script src=/assets/turbo.js></script>";
    page(
        &claims.sub,
        &format!("{script}{SAVE}<a id=link href=/turbo?two>Two</a>"),
    )
}

/// As docs/guide/pages.md has it, whose other end runs in the tests.
async fn live(State(sessions): State<Sessions<Claims>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        serve(&mut socket, &sessions).await;
        let reason = "the session is over".into();
        let frame = CloseFrame { code: 4401, reason };
        socket.send(Message::Close(Some(frame))).await.ok();
    })
}

async fn serve(socket: &mut WebSocket, sessions: &Sessions<Claims>) {
    let first = timeout(Duration::from_secs(10), socket.recv()).await;
    let Ok(Some(Ok(Message::Text(text)))) = first else {
        return;
    };
    let token = text.strip_prefix("token ").unwrap_or_default();
    let Ok(session) = sessions.verify(token) else {
        return;
    };
    let mut ended = sessions.ended(&session);
    loop {
        let message = tokio::select! {
            () = &mut ended => return,
            message = socket.recv() => message,
        };
        let Some(Ok(Message::Text(text))) = message else {
            return;
        };
        if let Some(token) = text.strip_prefix("token ") {
            match sessions.verify(token) {
                Ok(renewed) if renewed.sid() == session.sid() => ended = sessions.ended(&renewed),
                _ => return,
            }
        } else if socket
            .send(format!("{}: {text}", session.sub).into())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Pages whose script the tests write.
async fn blank() -> Html<String> {
    page("blank", MODULE)
}

async fn speculation(Path(kind): Path<String>) -> Html<String> {
    let rules = json!({ kind: [{ "source": "list", "urls": ["/other"] }] });
    page(
        "speculation",
        &format!("<script type=speculationrules>{rules}</script><a id=link href=/other>Other</a>"),
    )
}

async fn service_worker() -> impl IntoResponse {
    let script = "addEventListener('install', () => skipWaiting())
        addEventListener('activate', event => event.waitUntil(clients.claim()))
        addEventListener('fetch', event => event.respondWith(fetch(event.request)))";
    ([(header::CONTENT_TYPE, "text/javascript")], script)
}

async fn asset(Path(name): Path<String>) -> Response {
    let folder = env::var("ASSETS").unwrap_or_default();
    match tokio::fs::read(format!("{folder}/{name}")).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/javascript")], text).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Notes what came and what was said to it, and keeps it back where a test wants that.
async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let order = app.order.borrow().clone();
    let headers = request.headers();
    let text = |headers: &HeaderMap, name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned)
    };
    let cookie = text(headers, "cookie").unwrap_or_default();
    let mut kinds: Vec<&str> = cookie.split("; ").map(kind).collect();
    kinds.sort_unstable();
    let mut seen = json!({
        "method": request.method().as_str(),
        "url": request.uri().to_string(),
        "site": text(headers, "sec-fetch-site"),
        "mode": text(headers, "sec-fetch-mode"),
        "purpose": text(headers, "sec-purpose"),
        "cookies": kinds.join(" ").trim(),
    });
    if order.strip {
        let rest: Vec<&str> = cookie
            .split("; ")
            .filter(|pair| kind(pair) != "access")
            .collect();
        let rest = rest
            .join("; ")
            .parse()
            .unwrap_or(header::HeaderValue::from_static(""));
        request.headers_mut().insert(header::COOKIE, rest);
    }
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    seen["status"] = response.status().as_u16().into();
    seen["location"] = json!(text(response.headers(), "location"));
    app.seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seen);
    if path == order.hold {
        let mut orders = app.order.subscribe();
        orders.wait_for(|order| order.hold.is_empty()).await.ok();
    }
    response
}

fn kind(pair: &str) -> &'static str {
    let name = pair.split('=').next().unwrap_or_default();
    match name {
        "__Host-pages" => "marker",
        _ if name.starts_with("__Host-pages-access-") => "access",
        _ if name.starts_with("__Secure-pages-refresh-") => "refresh",
        _ => "",
    }
}

async fn control(State(app): State<App>, Json(order): Json<Order>) {
    app.order.send_replace(order);
}

async fn log(State(app): State<App>) -> Json<Value> {
    let seen = app
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Json(json!({ "seen": seen, "lookups": app.lookups.load(Ordering::SeqCst) }))
}

fn router(app: App, in_pages: bool) -> Router {
    let router = Router::new()
        .route("/", get(home))
        .route("/other", get(home))
        .route("/admin", get(home))
        .route("/public", get(public))
        .route("/login", get(login_page).post(login))
        .route("/sign-in", get(sign_in))
        .route("/sign-in/callback", get(callback))
        .route("/save", post(save))
        .route("/saved/{length}/{by}", get(saved))
        .route("/upload", post(upload))
        .route("/own", post(own))
        .route("/sensitive", get(sensitive).post(sensitive))
        .route("/fresh", get(fresh))
        .route("/echo", any(echo))
        .route("/image/{number}", get(image))
        .route("/file", get(file))
        .route("/events", get(events))
        .route("/socket", any(socket))
        .route("/live", any(live))
        .route("/fragment", any(fragment))
        .route("/htmx/{version}", get(htmx))
        .route("/turbo", get(turbo))
        .route("/blank", get(blank))
        .route("/speculation/{kind}", get(speculation))
        .route("/sw.js", get(service_worker))
        .route("/assets/{name}", get(asset))
        .layer(DefaultBodyLimit::disable());
    let router = if in_pages {
        Claims::pages(router)
    } else {
        // What the layer is for is gone without it; this one only lets requests through.
        router
            .merge(Claims::routes())
            .layer(Claims::pages_layer())
            .layer(from_fn(forget_no_store))
    };
    router
        .layer(from_fn_with_state(app.clone(), observe))
        .route("/control", post(control))
        .route("/log", get(log))
        .with_state(app)
}

async fn forget_no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().remove(header::CACHE_CONTROL);
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let order = watch::Sender::new(Order::default());
    let clock = order.clone();
    let sessions = Sessions::new(Keys::from_env()?)
        .with_clock(move || SystemTime::now() + Duration::from_secs(clock.borrow().ahead));
    let app = App {
        sessions,
        order,
        lookups: Arc::default(),
        seen: Arc::default(),
    };
    // However the test process ends, the server ends with it.
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0)
    });
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, router(app, env::var_os("CACHED").is_none())).await?;
    Ok(())
}
