//! Calls one subject so many times, for callgrind to count: `instructions SUBJECT CALLS`.

use std::hint::black_box;

use axum::Router;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use floor::exchange::Exchange;
use floor::{CopyClaims, Floor, app, samples};
use stateless_session::Sessions;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [subject, calls] = &arguments[..] else {
        panic!("instructions SUBJECT CALLS");
    };
    let calls: u32 = calls.parse().expect("a number of calls");
    let mut run = subject_of(subject);
    for _ in 0..calls {
        run();
    }
}

fn subject_of(subject: &str) -> Box<dyn FnMut()> {
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
        "refresh" => {
            let cookies = app::cookies(&sessions, 0);
            let headers = [
                (HOST, "localhost"),
                (ORIGIN, "https://localhost"),
                (SEC_FETCH_SITE, "same-origin"),
                (COOKIE, &cookies),
            ];
            let router = app::router(sessions);
            let mut refresh = Exchange::new(router, Method::POST, "/auth/refresh", &headers);
            Box::new(move || assert!(refresh.answer().is_success()))
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
