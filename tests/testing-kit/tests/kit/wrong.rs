//! Sessions by hand, with a mistake that the field makes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mistake {
    None,
    MarkerNotCompared,
    CookieOnFailure,
    LateAnswerRevives,
    RotatesWithoutGrace,
    OutageIsLogout,
}

#[derive(Clone)]
struct App {
    mistake: Mistake,
    outage: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    /// The refresh token that counts, where they rotate.
    latest: Arc<Mutex<HashMap<String, u64>>>,
}

pub(crate) fn wrong(mistake: Mistake) -> (Router, Arc<AtomicBool>) {
    let app = App {
        mistake,
        outage: Arc::default(),
        count: Arc::default(),
        latest: Arc::default(),
    };
    let outage = app.outage.clone();
    let router = Router::new()
        .route("/login", post(login))
        .route("/auth/refresh", post(refresh))
        .route("/auth/logout", post(logout))
        .with_state(app);
    (router, outage)
}

fn set(lines: Vec<String>, body: impl IntoResponse) -> Response {
    let lines = lines.into_iter().map(|line| (header::SET_COOKIE, line));
    (AppendHeaders(lines.collect::<Vec<_>>()), body).into_response()
}

fn marker(value: &str) -> String {
    format!("__Host-app={value}; Secure; Path=/")
}

fn cookie(marker: &str, value: &str) -> String {
    format!("__Secure-app-refresh-{marker}={value}; Secure; HttpOnly; Path=/auth")
}

fn token(user: &str) -> Json<serde_json::Value> {
    let payload = base64_simd::URL_SAFE_NO_PAD.encode_to_string(json!({ "sub": user }).to_string());
    Json(json!({ "access_token": format!("e30.{payload}.e30") }))
}

async fn login(State(app): State<App>, Json((user, _)): Json<(String, String)>) -> Response {
    let number = app.count.fetch_add(1, Ordering::SeqCst);
    let name = format!("m{number}");
    app.latest.lock().unwrap().insert(name.clone(), 0);
    set(
        vec![marker(&name), cookie(&name, &format!("{user}.{name}.0"))],
        token(&user),
    )
}

async fn refresh(State(app): State<App>, headers: HeaderMap) -> Response {
    let sent = headers
        .get(header::COOKIE)
        .map_or("", |value| value.to_str().unwrap());
    let cookies: HashMap<&str, &str> = sent
        .split("; ")
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let found = cookies.get("__Host-app").and_then(|name| {
        let value = cookies.get(&*format!("__Secure-app-refresh-{name}"))?;
        let mut parts = value.split('.');
        let (user, of, number) = (
            parts.next()?,
            parts.next()?,
            parts.next()?.parse::<u64>().ok()?,
        );
        let is_own = of == *name || app.mistake == Mistake::MarkerNotCompared;
        is_own.then_some((*name, user, number))
    });
    let Some((name, user, number)) = found else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if app.outage.load(Ordering::SeqCst) {
        return match app.mistake {
            Mistake::CookieOnFailure => set(vec![marker("")], StatusCode::SERVICE_UNAVAILABLE),
            Mistake::OutageIsLogout => StatusCode::UNAUTHORIZED.into_response(),
            _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        };
    }
    let mut next = number;
    if app.mistake == Mistake::RotatesWithoutGrace {
        next += 1;
        let mut latest = app.latest.lock().unwrap();
        if latest.insert(name.to_owned(), next) != Some(number) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
    }
    let mut lines = vec![cookie(name, &format!("{user}.{name}.{next}"))];
    if app.mistake == Mistake::LateAnswerRevives {
        lines.push(marker(name));
    }
    set(lines, token(user))
}

async fn logout() -> Response {
    set(
        vec!["__Host-app=; Secure; Path=/; Max-Age=0".into()],
        StatusCode::NO_CONTENT,
    )
}
