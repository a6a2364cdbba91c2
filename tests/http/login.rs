//! Login: what the browser is given.

use crate::app::App;
use crate::support::{Browser, DAY, HOUR, Request, START, Server, header, payload};

async fn log_in(server: &Server, browser: &mut Browser, user: i64) -> crate::support::Answer {
    let body = format!(r#"{{"user": {user}}}"#);
    browser
        .send(server, Request::post("/login").json(&body))
        .await
}

#[tokio::test]
async fn the_answer_is_an_rfc_6749_token_response_that_nobody_stores() {
    let server = Server::start(App::new().router()).await;
    let answer = log_in(&server, &mut Browser::default(), 1).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = answer.access_token();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":900,"session_expires_in":604800}}"#
        )
    );
}

#[tokio::test]
async fn both_cookies_are_as_designed_byte_for_byte() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    let answer = log_in(&server, &mut browser, 1).await;
    let sid = payload(&answer.access_token())["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let (refresh, marker) = (browser.refresh_cookie(), browser.marker());
    assert_eq!(
        refresh.line,
        format!(
            "__Secure-stateless-session-refresh-{}={}; HttpOnly; SameSite=Strict; Secure; Path=/auth; Max-Age=604800; Expires=Fri, 22 Jan 2027 08:00:00 GMT",
            &sid[..8],
            refresh.value,
        )
    );
    assert_eq!(
        marker.line,
        format!(
            "__Host-stateless-session={}; SameSite=Strict; Secure; Path=/; Max-Age=2592000; Expires=Sun, 14 Feb 2027 08:00:00 GMT",
            marker.value
        )
    );
    assert_eq!(marker.value.len(), 22);
    let lines: Vec<String> = answer
        .set_cookies()
        .into_iter()
        .map(|cookie| cookie.name)
        .collect();
    assert_eq!(
        lines,
        [refresh.name.clone(), marker.name.clone()],
        "the marker comes last"
    );
}

#[tokio::test]
async fn both_tokens_say_what_the_standard_and_the_design_say() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    let access_token = log_in(&server, &mut browser, 1).await.access_token();
    let access = payload(&access_token);
    let audience = "http::app::Claims";
    assert_eq!(
        access,
        serde_json::json!({
            "iss": "stateless-session", "aud": audience, "sub": "1", "sid": access["sid"],
            "auth_time": START, "iat": START, "exp": START + 900, "role": "User", "generation": 0,
        })
    );
    let refresh_token = &browser.refresh_cookie().value;
    assert_eq!(
        payload(refresh_token),
        serde_json::json!({
            "iss": "stateless-session", "aud": format!("{audience}#refresh"), "sub": "1", "sid": access["sid"],
            "auth_time": START, "iat": START, "exp": START + 7 * DAY, "gen": 0,
        })
    );
    assert!(refresh_token.len() < 400, "{}", refresh_token.len());
    for (token, typ) in [(&access_token, "at+jwt"), (refresh_token, "rt+jwt")] {
        let header = header(token);
        assert_eq!(header["typ"], typ);
        assert_eq!(header["alg"], "HS256");
        assert_eq!(header["kid"].as_str().unwrap().len(), 8);
        assert_eq!(header.as_object().unwrap().len(), 3);
    }
    assert_ne!(header(&access_token)["kid"], header(refresh_token)["kid"]);
}

#[tokio::test]
async fn every_login_is_a_new_session_and_deletes_the_one_before() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    log_in(&server, &mut browser, 1).await;
    let (marker, refresh) = (browser.marker().clone(), browser.refresh_cookie().clone());
    let answer = log_in(&server, &mut browser, 2).await;
    assert_ne!(browser.marker().value, marker.value);
    let deleted = format!(
        "{}=; HttpOnly; SameSite=Strict; Secure; Path=/auth; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        refresh.name
    );
    assert_eq!(answer.set_cookies()[0].line, deleted);
    assert_eq!(browser.cookies.len(), 2);
    assert_eq!(
        payload(&browser.refresh(&server).await.access_token())["sub"],
        "2"
    );
}

#[tokio::test]
async fn a_marker_that_was_sent_along_is_never_taken_over() {
    let server = Server::start(App::new().router()).await;
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    let request = Request::post("/login")
        .json(r#"{"user": 1}"#)
        .header("Cookie", format!("__Host-stateless-session={planted}"));
    let answer = server.send(&request).await;
    assert_ne!(answer.set_cookies().last().unwrap().value, planted);
}

#[tokio::test]
async fn a_form_login_redirects_and_the_page_then_refreshes() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    let answer = browser
        .send(&server, Request::post("/login-form").form("user=2"))
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.is_empty());
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(
        browser.call(&server, Request::get("/me")).await.json()["role"],
        "Owner"
    );
}

#[tokio::test]
async fn a_login_by_get_is_never_started_by_the_extractor() {
    let server = Server::start(App::new().router()).await;
    let answer = server.send(&Request::get("/login-by-link/1")).await;
    answer.assert_refused(405, "method_not_allowed", None);
    for method in ["GET", "HEAD", "OPTIONS"] {
        let request = Request::new(method, "/login-by-link/1");
        let answer = server
            .send(&request.header("Sec-Fetch-Site", "same-origin"))
            .await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST"));
        assert!(answer.set_cookies().is_empty());
    }
    // A link preview is nobody's error.
    let log = server.log();
    assert!(!log.contains("ERROR"), "{log}");
    let warnings = log.matches(
        "WARN stateless_session: refused code=\"method_not_allowed\" cause=no check can tell",
    );
    assert_eq!(warnings.count(), 4);
}

#[tokio::test]
async fn a_login_is_logged_with_the_session_cut_short_and_nobody_named() {
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    log_in(&server, &mut browser, 3).await;
    let sid = payload(browser.access_token.as_ref().unwrap())["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    server.assert_logged(&format!("login sid=\"{}\"", &sid[..8]));
    assert!(!server.log().contains(&sid));
    assert!(!server.log().contains("Admin"));
}

#[tokio::test]
async fn the_page_of_ten_hours_later_is_still_logged_in() {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    log_in(&server, &mut browser, 1).await;
    app.clock.advance(10 * HOUR);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 401);
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    assert_eq!(app.lookups(), 1);
}
