//! What pages of other origins may not do.

use crate::app::App;
use crate::support::{Browser, Request, Server};

/// Whether a request with these headers may log in, refresh and log out.
fn rows(own: &str) -> Vec<(Vec<(&'static str, String)>, bool)> {
    let header = |name, value: &str| (name, value.to_owned());
    let site = |value: &str| header("Sec-Fetch-Site", value);
    let origin = |value: &str| header("Origin", value);
    vec![
        (vec![], true),
        (vec![site("same-origin")], true),
        (vec![site("none")], true),
        (
            vec![site("same-origin"), origin(&format!("http://{own}"))],
            true,
        ),
        (vec![site("same-site")], false),
        (vec![site("cross-site")], false),
        (
            vec![site("same-site"), origin("http://evil.example")],
            false,
        ),
        (vec![site("cross-site"), origin("null")], false),
        (vec![site("SAME-ORIGIN")], false),
        (vec![site("anything")], false),
        (vec![site("cross-site"), site("same-origin")], false),
        (vec![site("same-origin"), site("cross-site")], false),
        (vec![origin(&format!("http://{own}"))], true),
        (vec![origin("")], false),
        (vec![site("same-origin"), origin("")], false),
        (vec![origin("null")], false),
        (vec![origin("http://127.0.0.1:1")], false),
        (vec![origin("http://localhost")], false),
        (vec![origin(&format!("ftp://{own}"))], false),
        (vec![origin(&format!("http://{own}."))], false),
        (vec![origin(&format!("http://ada@{own}"))], false),
        (
            vec![
                origin("http://evil.example"),
                header("X-Forwarded-Host", "evil.example"),
            ],
            false,
        ),
        (vec![origin("https://app.example.com")], true),
        (
            vec![site("same-site"), origin("https://app.example.com")],
            true,
        ),
        (vec![origin("https://app.example.com:443")], false),
        (vec![origin("https://APP.example.com")], false),
        (vec![origin("https://app.example.com.evil.example")], false),
        (vec![origin("http://app.example.com")], false),
        (
            vec![site("same-site"), origin("http://app.example.com")],
            false,
        ),
        // What a page elsewhere can have a browser send, or what says nothing.
        (
            vec![
                site("cross-site"),
                header("Referer", &format!("http://{own}/")),
            ],
            false,
        ),
        (
            vec![
                origin("http://evil.example"),
                header("X-Requested-With", "XMLHttpRequest"),
            ],
            false,
        ),
        (
            vec![
                site("cross-site"),
                header("Sec-Fetch-Mode", "same-origin"),
                header("Sec-Fetch-Dest", "empty"),
            ],
            false,
        ),
        (
            vec![
                site("same-origin"),
                header("Sec-Fetch-Mode", "no-cors"),
                header("Sec-Fetch-Dest", "image"),
                header("Referer", "http://evil.example/"),
            ],
            true,
        ),
        (
            vec![
                site("same-origin"),
                header("Sec-Fetch-Mode", "navigate"),
                header("Sec-Fetch-Dest", "document"),
            ],
            true,
        ),
    ]
}

#[tokio::test]
async fn only_pages_of_the_own_and_of_listed_origins_log_in_refresh_and_log_out() {
    let app = App::new().allow_origin("https://app.example.com");
    let server = Server::start(app.clone().router()).await;
    for (headers, passes) in rows(&server.address.to_string()) {
        let with_headers = |request| {
            headers
                .iter()
                .fold(request, |request: Request, (name, value)| {
                    request.header(name, value)
                })
        };
        let mut browser = Browser::default();
        browser
            .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
            .await;
        let (cookies, handled, lookups) = (browser.cookies.clone(), app.handled(), app.lookups());
        let requests = [
            (Request::post("/login").json(r#"{"user": 2}"#), 200),
            (Request::post("/login-form").form("user=2"), 303),
            (Request::post("/auth/refresh"), 200),
            (Request::post("/auth/refresh").form("a=b"), 200),
            (Request::post("/auth/logout"), 204),
        ];
        for (request, status) in requests {
            let answer = server
                .send(&browser.with_cookies(with_headers(request.clone())))
                .await;
            if passes {
                assert_eq!(answer.status, status, "{headers:?} {request:?}");
            } else {
                answer.assert_refused(403, "cross_origin", None);
            }
        }
        assert_eq!(
            app.handled() - handled,
            if passes { 2 } else { 0 },
            "{headers:?}"
        );
        assert_eq!(
            app.lookups() - lookups,
            if passes { 2 } else { 0 },
            "{headers:?}"
        );
        assert_eq!(browser.cookies, cookies);
        assert_eq!(browser.refresh(&server).await.status, 200);
    }
}

#[tokio::test]
async fn a_foreign_login_is_refused_before_its_body_is_read() {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let request = Request::post("/login")
        .header("Sec-Fetch-Site", "cross-site")
        .endless_body();
    server
        .send(&request)
        .await
        .assert_refused(403, "cross_origin", None);
    assert_eq!(app.handled(), 0);
    server.assert_logged("cause=a request of another origin");
}

#[tokio::test]
async fn a_bearer_token_from_another_origin_is_the_cors_layers_business() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    let request = Request::get("/me")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Origin", "https://evil.example");
    let answer = browser.call(&server, request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_preflight_is_not_answered_by_the_session_routes() {
    let server = Server::start(App::new().router()).await;
    let request = Request::new("OPTIONS", "/auth/refresh")
        .header("Origin", "https://evil.example")
        .header("Access-Control-Request-Method", "POST");
    let answer = server.send(&request).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_host_is_the_same_in_whatever_case_and_with_its_default_port() {
    let server = Server::start(App::new().router()).await;
    let both = |host: &str, origin: &str| {
        Request::post("/auth/logout")
            .header("Host", host)
            .header("Origin", origin)
    };
    for (host, origin, status) in [
        ("app.example.com", "https://app.example.com", 204),
        ("app.example.com:443", "https://app.example.com", 204),
        ("APP.example.com", "https://app.example.com", 204),
        ("App.Example.Com:443", "https://app.example.com", 204),
        ("app.example.com:80", "http://app.example.com", 204),
        ("[::1]:443", "https://[::1]", 204),
        ("app.example.com:8443", "https://app.example.com:8443", 204),
        ("app.example.com:80", "https://app.example.com", 403),
        ("app.example.com:443", "http://app.example.com", 403),
        ("app.example.com:8443", "https://app.example.com", 403),
        ("app.example.com", "https://app.example.com:8443", 403),
        ("app.example.com:443:443", "https://app.example.com", 403),
        ("app.example.com.", "https://app.example.com", 403),
        ("evil.example:443", "https://app.example.com", 403),
    ] {
        let answer = server.send(&both(host, origin)).await;
        assert_eq!(answer.status, status, "{host} {origin}");
    }
}

#[tokio::test]
async fn what_a_stranger_sends_fills_no_log() {
    let server = Server::start(App::new().router()).await;
    let long = "a".repeat(380_000);
    for request in [
        Request::post("/auth/logout").header("Origin", format!("http://{long}")),
        Request::post("/auth/logout")
            .header("Sec-Fetch-Site", &long)
            .header("Host", "app.example.com"),
        Request::post("/auth/logout")
            .header("Host", &long)
            .header("Origin", "https://app.example.com"),
    ] {
        server
            .send(&request)
            .await
            .assert_refused(403, "cross_origin", None);
    }
    let logged = server.log();
    server.assert_logged("cause=a request of another origin");
    server.assert_logged(&format!("http://{} and 379807 bytes more", "a".repeat(193)));
    let ours = logged
        .lines()
        .filter(|line| line.contains("session_runtime"));
    assert!(ours.map(str::len).all(|length| length < 1_000), "{logged}");
}

#[tokio::test]
async fn a_route_of_the_applications_own_is_guarded_as_a_login_is() {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::any;
    use stateless_session::SameOrigin;

    use crate::app::Claims;

    async fn set_language(_: SameOrigin<Claims>, _body: String) -> StatusCode {
        StatusCode::NO_CONTENT
    }
    let app = App::new().allow_origin("https://app.example.com");
    let routes = Router::new()
        .route("/language", any(set_language))
        .with_state(app);
    let server = Server::start(routes).await;
    for (headers, passes) in rows(&server.address.to_string()) {
        let request = headers
            .iter()
            .fold(Request::post("/language"), |request, (name, value)| {
                request.header(name, value)
            });
        let answer = server.send(&request).await;
        if passes {
            assert_eq!(answer.status, 204, "{headers:?}");
        } else {
            answer.assert_refused(403, "cross_origin", None);
        }
    }
    let foreign = Request::post("/language").header("Sec-Fetch-Site", "cross-site");
    let answer = server.send(&foreign.endless_body()).await;
    answer.assert_refused(403, "cross_origin", None);
    let answer = server.send(&Request::get("/language")).await;
    answer.assert_refused(405, "method_not_allowed", None);
    assert_eq!(answer.header("allow"), Some("POST"));
}
