//! The `Authorization` header and what a request without a session is told.

use axum::Router;
use axum::routing::get;
use stateless_session::Session;

use crate::app::{App, Claims, Lookup};
use crate::support::{
    Browser, CHALLENGE, MINUTE, NEXT_ACCESS_SECRET, Request, START, Server, forge_like, payload,
};

/// The values of all `Authorization` headers of a request.
type Lines = Vec<Vec<u8>>;

async fn logged_in() -> (App, Server, Browser) {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    let answer = browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    assert_eq!(answer.status, 200);
    (app, server, browser)
}

#[tokio::test]
async fn a_token_opens_the_door_and_nothing_is_looked_up() {
    let (app, server, mut browser) = logged_in().await;
    let answer = browser.call(&server, Request::get("/me")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"sub":1,"role":"User","generation":0}"#);
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn the_session_says_when_it_began_and_ends() {
    let (app, server, mut browser) = logged_in().await;
    app.clock.advance(10 * MINUTE);
    browser.refresh(&server).await;
    let session = browser.call(&server, Request::get("/session")).await.json();
    assert_eq!(session["sub"], 1);
    assert_eq!(session["authenticated_at"], START);
    assert_eq!(session["issued_at"], START + 10 * MINUTE);
    assert_eq!(session["expires_at"], START + 25 * MINUTE);
    assert_eq!(session["sid"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn every_form_of_the_authorization_header_has_its_answer() {
    let (app, server, browser) = logged_in().await;
    let handled = app.handled();
    let token = browser.access_token.unwrap();
    let missing = (401, "missing_token", CHALLENGE);
    let invalid_request = (400, "invalid_request", r#"Bearer error="invalid_request""#);
    let invalid_token = (401, "invalid_token", r#"Bearer error="invalid_token""#);
    let rows: Vec<(&str, Lines, (u16, &str, &str))> = vec![
        ("none", vec![], missing),
        ("empty", vec![b"".into()], missing),
        (
            "another scheme",
            vec![b"Basic YWRhOmxvdmVsYWNl".into()],
            missing,
        ),
        (
            "a scheme that begins alike",
            vec![format!("BearerX {token}").into()],
            missing,
        ),
        ("the token alone", vec![token.clone().into()], missing),
        ("Bearer alone", vec![b"Bearer".into()], invalid_request),
        (
            "Bearer and a space",
            vec![b"Bearer ".into()],
            invalid_request,
        ),
        (
            "a tab",
            vec![format!("Bearer\t{token}").into()],
            invalid_request,
        ),
        (
            "two tokens",
            vec![format!("Bearer {token} {token}").into()],
            invalid_request,
        ),
        (
            "a list",
            vec![format!("Bearer {token}, Bearer {token}").into()],
            invalid_request,
        ),
        (
            "a list without spaces",
            vec![format!("Bearer {token},{token}").into()],
            invalid_request,
        ),
        (
            "a comma for a space",
            vec![format!("Bearer,{token}").into()],
            invalid_request,
        ),
        (
            "two headers",
            vec![
                format!("Bearer {token}").into(),
                format!("Bearer {token}").into(),
            ],
            invalid_request,
        ),
        (
            "two headers of two schemes",
            vec![
                b"Basic YWRhOmxvdmVsYWNl".into(),
                format!("Bearer {token}").into(),
            ],
            invalid_request,
        ),
        (
            "quotes",
            vec![format!("Bearer \"{token}\"").into()],
            invalid_token,
        ),
        (
            "a byte that is no text",
            vec![b"Bearer \xff".into()],
            invalid_token,
        ),
        (
            "no token at all",
            vec![b"Bearer mF_9.B5f-4.1JqM".into()],
            invalid_token,
        ),
        ("one byte", vec![b"Bearer x".into()], invalid_token),
        (
            "5 KB",
            vec![format!("Bearer {}", "a.b.c".repeat(1_000)).into()],
            invalid_token,
        ),
        (
            "64 KB",
            vec![format!("Bearer {}", "a".repeat(65_536)).into()],
            invalid_token,
        ),
    ];
    for (name, lines, (status, code, challenge)) in rows {
        let request = lines.iter().fold(Request::get("/me"), |request, line| {
            request.header("Authorization", line)
        });
        let answer = server.send(&request).await;
        assert_eq!(answer.json()["code"], code, "{name}");
        answer.assert_refused(status, code, Some(challenge));
    }
    assert_eq!(app.handled(), handled);
}

#[tokio::test]
async fn the_scheme_is_case_insensitive_and_spaces_may_be_two() {
    let (_, server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    for credentials in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Bearer  {token}"),
    ] {
        let answer = server
            .send(&Request::get("/me").header("Authorization", credentials))
            .await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_token_in_query_form_body_or_cookie_is_not_looked_at() {
    let (_, server, browser) = logged_in().await;
    let token = browser.access_token.unwrap();
    for request in [
        Request::get(&format!("/me?access_token={token}")),
        Request::post("/me").form(&format!("access_token={token}")),
        Request::post("/me").json(&format!(r#"{{"access_token":"{token}"}}"#)),
        Request::get("/me").header("Cookie", format!("access_token={token}")),
    ] {
        server
            .send(&request)
            .await
            .assert_refused(401, "missing_token", Some(CHALLENGE));
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do_in_the_answer_and_in_the_log() {
    let server = Server::start(App::new().router()).await;
    let answer = server.send(&Request::get("/me")).await;
    assert_eq!(
        answer.body,
        concat!(
            r#"{"title":"Unauthorized","status":401,"code":"missing_token","#,
            r#""detail":"send the access token as `Authorization: Bearer`"}"#,
        ),
    );
    server.assert_logged(
        "DEBUG stateless_session: refused code=\"missing_token\" cause=no access token",
    );
}

#[tokio::test]
async fn option_of_a_session_is_the_session() {
    async fn whose(session: Option<Session<Claims>>) -> String {
        session.map_or("nobody".to_owned(), |session| session.sub.0.to_string())
    }
    let app = App::new();
    let routes = Router::new().route("/whose", get(whose));
    let server = Server::start(routes.with_state(app.clone()).merge(app.router())).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    browser.send(&server, login).await;
    let known = browser.call(&server, Request::get("/whose")).await;
    assert_eq!((known.status, &*known.body), (200, "1"));
    let anonymous = server.send(&Request::get("/whose")).await;
    assert_eq!((anonymous.status, &*anonymous.body), (200, "nobody"));
}

#[tokio::test]
async fn option_is_none_only_where_there_is_no_token() {
    let (_, server, mut browser) = logged_in().await;
    let anonymous = server.send(&Request::get("/whoever")).await;
    assert_eq!((anonymous.status, &*anonymous.body), (200, "anonymous"));
    let known = browser.call(&server, Request::get("/whoever")).await;
    assert_eq!((known.status, &*known.body), (200, "user 1"));
    let bad = server.send(&Request::get("/whoever").bearer("a.b.c")).await;
    bad.assert_refused(
        401,
        "invalid_token",
        Some(r#"Bearer error="invalid_token""#),
    );
    let malformed = server
        .send(&Request::get("/whoever").header("Authorization", "Bearer"))
        .await;
    malformed.assert_refused(
        400,
        "invalid_request",
        Some(r#"Bearer error="invalid_request""#),
    );
}

#[tokio::test]
async fn result_hands_the_refusal_to_the_handler() {
    let (_, server, mut browser) = logged_in().await;
    assert_eq!(
        browser.call(&server, Request::get("/result")).await.body,
        "user 1"
    );
    assert_eq!(
        server.send(&Request::get("/result")).await.body,
        "missing_token"
    );
    assert_eq!(
        server.send(&Request::get("/result").bearer("x")).await.body,
        "invalid_token"
    );
}

#[tokio::test]
async fn expired_and_forged_tokens_are_told_apart_in_the_log_only() {
    let (app, server, mut browser) = logged_in().await;
    let token = browser.access_token.clone().unwrap();
    // The same payload under the MAC of another secret.
    let forged = forge_like(&token, &payload(&token).to_string(), NEXT_ACCESS_SECRET);
    let forged = server.send(&Request::get("/me").bearer(&forged)).await;
    app.clock.advance(15 * MINUTE + 5);
    let expired = browser.call(&server, Request::get("/me")).await;
    let without_date = |headers: &[(String, String)]| -> Vec<(String, String)> {
        headers
            .iter()
            .filter(|(name, _)| name != "date")
            .cloned()
            .collect()
    };
    assert_eq!(expired.body, forged.body);
    assert_eq!(
        without_date(&expired.headers),
        without_date(&forged.headers)
    );
    server.assert_logged("its signature is wrong");
    server.assert_logged("it expired 0 s ago");
}

#[tokio::test]
async fn a_token_counts_until_its_end_and_the_leeway_behind_it() {
    let (app, server, mut browser) = logged_in().await;
    app.clock.advance(15 * MINUTE + 4);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    app.clock.advance(1);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 401);
}

#[tokio::test]
async fn one_layer_can_give_every_refusal_another_body() {
    use axum::http::StatusCode;
    use axum::middleware::map_response;
    use axum::response::{Html, Response};
    use stateless_session::SessionRejection;

    async fn in_our_words(response: Response) -> Response {
        match response.extensions().get::<SessionRejection>() {
            // A status of the body's own would turn a refusal into a success.
            Some(rejection) => {
                rejection.with_body((StatusCode::OK, Html(format!("sorry: {}", rejection.code()))))
            }
            None => response,
        }
    }
    let app = App::new();
    let server = Server::start(app.clone().router().layer(map_response(in_our_words))).await;
    let plain = Server::start(app.clone().router()).await;
    app.find(Lookup::Outage);
    let mut browser = Browser::default();
    browser
        .send(&plain, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    for (request, code) in [
        (Request::get("/me"), "missing_token"),
        (Request::get("/me").bearer("forged"), "invalid_token"),
        (Request::post("/auth/refresh"), "session_unknown"),
        (Request::get("/auth/refresh"), "method_not_allowed"),
        (
            browser.with_cookies(Request::post("/auth/refresh")),
            "temporarily_unavailable",
        ),
        (
            Request::post("/login").header("Sec-Fetch-Site", "cross-site"),
            "cross_origin",
        ),
    ] {
        let (answer, before) = (server.send(&request).await, plain.send(&request).await);
        assert_eq!(before.json()["code"], code);
        assert_eq!(answer.body, format!("sorry: {code}"));
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.status, before.status);
        for name in [
            "www-authenticate",
            "cache-control",
            "retry-after",
            "allow",
            "x-content-type-options",
        ] {
            assert_eq!(answer.header(name), before.header(name), "{code}: {name}");
        }
    }
}

#[tokio::test]
async fn no_browser_guesses_what_an_answer_is() {
    let (app, server, browser) = logged_in().await;
    let requests = [
        (Request::post("/login").json(r#"{"user": 1}"#), 200),
        (browser.with_cookies(Request::post("/auth/refresh")), 200),
        (browser.with_cookies(Request::post("/auth/logout")), 204),
        (Request::post("/auth/refresh"), 401),
        (Request::get("/auth/refresh"), 405),
        (Request::get("/me"), 401),
    ];
    for (request, status) in requests {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, status);
        let nosniff = answer.header("x-content-type-options");
        assert_eq!(nosniff, Some("nosniff"), "{request:?}");
    }
    drop(app);
}

/// RFC 6750, section 3, and RFC 9110, section 5.6.4.
#[tokio::test]
async fn the_challenge_names_the_issuer_whatever_it_holds() {
    use stateless_session::SessionRejection;
    for (realm, challenge) in [
        ("shop", r#"Bearer realm="shop""#),
        ("https://a.example", r#"Bearer realm="https://a.example""#),
        (r#"a "b" \c"#, r#"Bearer realm="a \"b\" \\c""#),
        ("two\nlines\0", r#"Bearer realm="two?lines?""#),
        ("bücher", r#"Bearer realm="bücher""#),
        ("", r#"Bearer realm="""#),
    ] {
        let answer = SessionRejection::MissingToken { realm }.with_body(());
        let header = &answer.headers()["www-authenticate"];
        assert_eq!(header.as_bytes(), challenge.as_bytes());
    }
}
