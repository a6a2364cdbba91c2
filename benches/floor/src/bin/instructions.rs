//! Calls one subject so many times, for callgrind to count: `instructions SUBJECT CALLS`.

use std::hint::black_box;

use axum::http::Method;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use floor::exchange::Exchange;
use floor::{Floor, app, samples};

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
        "refresh" => {
            let cookies = app::cookies(&sessions, 0);
            let headers = [
                (HOST, "localhost"),
                (ORIGIN, "https://localhost"),
                (COOKIE, &cookies),
            ];
            let router = app::router(sessions);
            let mut refresh = Exchange::new(router, Method::POST, "/auth/refresh", &headers);
            Box::new(move || assert!(refresh.answer().is_success()))
        }
        other => panic!("no subject {other}"),
    }
}
