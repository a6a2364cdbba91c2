//! The requests that have arrived, as far as a test may know them: no cookie's value, no token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST};
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
    /// Missing until the answer has left.
    status: Option<u16>,
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
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let seen = Seen {
        method: request.method().to_string(),
        host: host.unwrap_or_default().to_owned(),
        path: request.uri().path().to_owned(),
        cookies: cookie_names(headers),
        bearer: headers.contains_key(AUTHORIZATION),
        status: None,
    };
    let index = {
        let requests = &mut app.log.entries().requests;
        requests.push(seen);
        requests.len() - 1
    };
    let response = next.run(request).await;
    if let Some(seen) = app.log.entries().requests.get_mut(index) {
        seen.status = Some(response.status().as_u16());
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
