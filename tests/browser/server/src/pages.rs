//! The pages that the browser opens.

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::routing::{MethodRouter, get};

use crate::App;

/// A page of the application's own: the module comes from the same server, and nothing else may run.
const STRICT: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'";

/// A page on a sibling origin of the session routes.
const SIBLING: &str = "default-src 'none'; script-src 'self' https://*.example.test:*; connect-src 'self' https://*.example.test:*";

/// A page that may do everything; in the tests it is an attacker's.
const ANYTHING: &str = "";

pub(crate) fn pages() -> Router<App> {
    let page = include_str!("pages/page.html");
    let sibling = include_str!("pages/sibling.html");
    let blank = include_str!("pages/blank.html");
    Router::new()
        .route("/", file("text/html", STRICT, page))
        .route("/blank", file("text/html", ANYTHING, blank))
        .route("/no-referrer", no_referrer(page))
        .route(
            "/page.js",
            file("text/javascript", STRICT, include_str!("pages/page.js")),
        )
        .route("/sibling", file("text/html", SIBLING, sibling))
        .route(
            "/sibling.js",
            file("text/javascript", SIBLING, include_str!("pages/sibling.js")),
        )
        .route("/favicon.ico", get(async || ()))
}

/// A page whose forms do not say which origin they come from.
fn no_referrer(text: &'static str) -> MethodRouter<App> {
    get((
        [
            (CONTENT_TYPE, "text/html"),
            (REFERRER_POLICY, "no-referrer"),
        ],
        text,
    ))
}

fn file(content_type: &'static str, policy: &'static str, text: &'static str) -> MethodRouter<App> {
    get((
        [
            (CONTENT_TYPE, content_type),
            (CONTENT_SECURITY_POLICY, policy),
        ],
        text,
    ))
}
