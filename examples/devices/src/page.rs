//! The files of the pages.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use crate::App;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn files() -> Router<App> {
    let file = |content_type: &'static str, text: &'static str| {
        let headers = [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        get((headers, text))
    };
    let page = |text| file("text/html", text);
    let script = |text| file("text/javascript", text);
    Router::new()
        .route("/", page(include_str!("../page/account.html")))
        .route("/account.js", script(include_str!("../page/account.js")))
        .route("/lag", page(include_str!("../page/lag.html")))
        .route("/lag.js", script(include_str!("../page/lag.js")))
        .route(
            "/style.css",
            file("text/css", include_str!("../page/style.css")),
        )
}
