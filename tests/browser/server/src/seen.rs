//! The requests that have arrived, as far as a test may know them: no cookie's value, no token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use crate::App;

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Entries>>);

#[derive(Clone, Default, Serialize)]
pub(crate) struct Entries {
    requests: Vec<Seen>,
    /// How many refreshes were handled, whether or not their answers have left.
    refreshes_handled: usize,
}

#[derive(Clone, Serialize)]
struct Seen {
    method: String,
    host: String,
    path: String,
    cookies: Vec<String>,
    bearer: bool,
    /// Where the browser says that it comes from: `Origin` and `Sec-Fetch-Site`.
    origin: Option<String>,
    site: Option<String>,
    /// What a program that is no browser asks with for its refresh token in the body.
    wants_body: bool,
    /// Missing until the answer has left.
    status: Option<u16>,
    /// Whether the answer sets a cookie, which one with a refresh token in its body never does.
    sets_cookies: bool,
}

impl Log {
    pub(crate) fn handled(&self) {
        self.entries().refreshes_handled += 1;
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn log(State(log): State<Log>) -> Json<Entries> {
    Json(log.entries().clone())
}

pub(crate) async fn record(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let seen = Seen {
        method: request.method().to_string(),
        host: text(HOST).unwrap_or_default(),
        path: request.uri().path().to_owned(),
        cookies: cookie_names(headers),
        bearer: headers.contains_key(AUTHORIZATION),
        origin: text(ORIGIN),
        site: text(HeaderName::from_static("sec-fetch-site")),
        wants_body: headers.contains_key("session-transport"),
        status: None,
        sets_cookies: false,
    };
    let index = {
        let requests = &mut app.log.entries().requests;
        requests.push(seen);
        requests.len() - 1
    };
    let response = next.run(request).await;
    if let Some(seen) = app.log.entries().requests.get_mut(index) {
        seen.status = Some(response.status().as_u16());
        seen.sets_cookies = response.headers().contains_key(SET_COOKIE);
    }
    response
}

fn cookie_names(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(|pair| pair.split(|byte| *byte == b'=').next().unwrap_or_default())
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect()
}
