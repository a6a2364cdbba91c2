//! What is counted: instructions by callgrind, and allocations.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use axum::http::{Method, StatusCode};
use stateless_session::Sessions;

use crate::exchange::Exchange;
use crate::{CopyClaims, Floor, app, samples};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// One call of the subject of this name.
///
/// # Panics
///
/// Where there is none of this name, and from a call that is not answered as it should be.
pub fn subject_of(subject: &str) -> Box<dyn FnMut()> {
    let sessions = samples::sessions();
    let token = samples::token(&sessions, samples::claims());
    let floor = Floor::new(samples::ACCESS_SECRET, &token);
    let begun = floor.begun();
    match subject {
        "mac" => Box::new(move || {
            let payload = token.split('.').nth(1).unwrap_or_default();
            black_box(begun.authenticate(black_box(payload.as_bytes())));
        }),
        "floor" => Box::new(move || assert!(floor.verify(black_box(&token)).is_some())),
        "verify" => Box::new(move || assert!(sessions.verify(black_box(&token)).is_ok())),
        "refuse" => {
            let refusals = samples::refusals(&sessions);
            Box::new(move || {
                for (_, token) in &refusals {
                    assert!(sessions.verify(black_box(token)).is_err());
                }
            })
        }
        "verify-copy" => {
            let sessions = Sessions::<CopyClaims>::new(samples::keys());
            let token = samples::copy_token(&sessions);
            Box::new(move || assert!(sessions.verify(black_box(&token)).is_ok()))
        }
        "mac-copy" => {
            let token = samples::copy_token(&Sessions::new(samples::keys()));
            Box::new(move || {
                let payload = token.split('.').nth(1).unwrap_or_default();
                black_box(begun.authenticate(black_box(payload.as_bytes())));
            })
        }
        "unauthorized" => {
            let mut nobody = Exchange::refused(app::router(sessions), &[]);
            Box::new(move || assert_eq!(nobody.answer(), StatusCode::UNAUTHORIZED))
        }
        "bare" => {
            let mut bare = Exchange::new(app::bare(), Method::GET, "/", &[]);
            Box::new(move || assert!(bare.answer().is_success()))
        }
        "refresh" | "refresh-due" | "logout" | "login" | "bare-post" => {
            // Behind a seventh of the life of the refresh cookie, it is written anew.
            let days = if subject == "refresh-due" { 2 } else { 0 };
            let then = SystemTime::now() - Duration::from_secs(days * 86_400);
            let cookies = app::cookies(&sessions.clone().with_clock(move || then), 0);
            let cookies = if subject == "login" { "" } else { &*cookies };
            let headers = [
                (HOST, "localhost"),
                (ORIGIN, "https://localhost"),
                (SEC_FETCH_SITE, "same-origin"),
                (COOKIE, cookies),
            ];
            let (router, path) = match subject {
                "bare-post" => (app::bare(), "/"),
                "login" => (app::login(sessions), "/login"),
                "logout" => (app::router(sessions), "/auth/logout"),
                _ => (app::router(sessions), "/auth/refresh"),
            };
            let mut exchange = Exchange::new(router, Method::POST, path, &headers);
            Box::new(move || assert!(exchange.answer().is_success()))
        }
        "bearer" => bearer(app::router(sessions), &token),
        "bearer-pages" | "bearer-pages-layer" => {
            let sessions = Sessions::new(samples::keys());
            let token = app::page_token(&sessions);
            bearer(
                app::pages(sessions, subject == "bearer-pages-layer"),
                &token,
            )
        }
        other => panic!("no subject {other}"),
    }
}

/// A request with Bearer through a router.
fn bearer(router: Router, token: &str) -> Box<dyn FnMut()> {
    let headers = [(AUTHORIZATION, &*format!("Bearer {token}"))];
    let mut exchange = Exchange::new(router, Method::GET, "/", &headers);
    Box::new(move || assert!(exchange.answer().is_success()))
}
