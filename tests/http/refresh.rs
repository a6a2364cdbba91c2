//! Refresh and logout: every row of the tables, and that an outage is no logout.

use futures_util::future::join_all;

use serde_json::json;

use crate::app::{App, Lookup};
use crate::support::{
    Answer, Browser, CHALLENGE, DAY, HOUR, MINUTE, REFRESH_SECRET, Request, START, Server,
    forge_like, payload,
};

async fn logged_in(user: i64) -> (App, Server, Browser) {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    let body = format!(r#"{{"user": {user}}}"#);
    browser
        .send(&server, Request::post("/login").json(&body))
        .await;
    (app, server, browser)
}

/// The refresh answers as in the table, and the browser is where it was.
async fn assert_refused(
    server: &Server,
    browser: &mut Browser,
    status: u16,
    code: &str,
    challenge: Option<&str>,
) -> Answer {
    let before = browser.cookies.clone();
    let answer = browser.refresh(server).await;
    answer.assert_refused(status, code, challenge);
    assert_eq!(browser.cookies, before);
    answer
}

#[tokio::test]
async fn a_refresh_gives_a_new_access_token_and_mostly_writes_nothing() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(HOUR);
    let answer = browser.refresh(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.set_cookies().is_empty());
    let claims = payload(&answer.access_token());
    assert_eq!(claims["auth_time"], START);
    assert_eq!(claims["iat"], START + HOUR);
    assert_eq!(claims["exp"], START + HOUR + 900);
    assert_eq!(answer.json()["expires_in"], 900);
    assert_eq!(app.lookups(), 1);
}

#[tokio::test]
async fn claims_are_those_of_today() {
    let (app, server, mut browser) = logged_in(1).await;
    crate::support::lock(&app.users)
        .get_mut(&crate::app::UserId(1))
        .unwrap()
        .role = crate::app::Role::Admin;
    assert_eq!(
        browser.call(&server, Request::get("/me")).await.json()["role"],
        "User"
    );
    browser.refresh(&server).await;
    assert_eq!(
        browser.call(&server, Request::get("/me")).await.json()["role"],
        "Admin"
    );
}

#[tokio::test]
async fn twenty_refreshes_at_once_all_succeed() {
    let (_, server, mut browser) = logged_in(1).await;
    let request = browser.with_cookies(Request::post("/auth/refresh"));
    let answers = join_all((0..20).map(|_| server.send(&request))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.access_token(),
            answers[0].access_token(),
            "the same second makes the same token"
        );
    }
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn the_refresh_cookie_is_re_issued_when_a_seventh_of_its_life_is_gone() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(DAY - 1);
    assert!(browser.refresh(&server).await.set_cookies().is_empty());
    app.clock.advance(1);
    let answer = browser.refresh(&server).await;
    let [cookie] = &*answer.set_cookies() else {
        panic!("{answer:?}")
    };
    assert_eq!(cookie.max_age, Some(604_800));
    let claims = payload(&cookie.value);
    assert_eq!(claims["auth_time"], START);
    assert_eq!(claims["iat"], START + DAY);
    assert_eq!(claims["exp"], START + 8 * DAY);
    server.assert_logged("reissued=\"due\"");
    assert!(browser.refresh(&server).await.set_cookies().is_empty());
}

#[tokio::test]
async fn the_idle_lifetime_ends_a_session_that_nobody_uses() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(7 * DAY + 4);
    assert_eq!(browser.clone().refresh(&server).await.status, 200);
    app.clock.advance(1);
    assert_refused(&server, &mut browser, 401, "session_ended", Some(CHALLENGE)).await;
    assert_eq!(app.lookups(), 1);
}

#[tokio::test]
async fn the_absolute_end_is_never_moved() {
    let (app, server, mut browser) = logged_in(1).await;
    for day in 1..30 {
        app.clock.advance(DAY);
        let answer = browser.refresh(&server).await;
        assert_eq!(answer.status, 200, "day {day}");
        let end = payload(&browser.refresh_cookie().value)["exp"]
            .as_u64()
            .unwrap();
        assert!(end <= START + 30 * DAY);
        // Once the end stands at the absolute one, a new cookie would change nothing, and none is written.
        let moved = !answer.set_cookies().is_empty();
        assert_eq!(moved, day <= 23, "day {day}");
    }
    app.clock.set(START + 30 * DAY - 5 * MINUTE);
    let answer = browser.refresh(&server).await;
    assert_eq!(
        answer.json()["expires_in"],
        300,
        "the access token ends with the session"
    );
    app.clock.set(START + 30 * DAY);
    assert_refused(&server, &mut browser, 401, "session_ended", Some(CHALLENGE)).await;
    app.clock.set(START + 30 * DAY + 5);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 401);
    assert_refused(&server, &mut browser, 401, "session_ended", Some(CHALLENGE)).await;
}

#[tokio::test]
async fn a_user_who_is_gone_ends_the_session_for_this_refresh() {
    let (app, server, mut browser) = logged_in(1).await;
    app.find(Lookup::Nobody);
    assert_refused(&server, &mut browser, 401, "session_ended", Some(CHALLENGE)).await;
    server.assert_logged("the user is gone or disabled");
    app.find(Lookup::User);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn an_outage_is_503_and_the_session_lives_on() {
    let (app, server, mut browser) = logged_in(1).await;
    app.find(Lookup::Outage);
    let answer = assert_refused(&server, &mut browser, 503, "temporarily_unavailable", None).await;
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert!(!answer.body.contains("10.0.0.7"));
    server.assert_logged("the user could not be looked up");
    server.assert_logged("the database at 10.0.0.7 is down");
    app.find(Lookup::User);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn another_subjects_claims_are_never_issued() {
    let (app, server, mut browser) = logged_in(1).await;
    app.find(Lookup::OtherSubject);
    assert_refused(&server, &mut browser, 500, "internal_error", None).await;
    server.assert_logged("another subject's claims");
}

#[tokio::test]
async fn a_panic_in_renew_is_an_answer() {
    let (app, server, mut browser) = logged_in(1).await;
    app.find(Lookup::Panic);
    assert_refused(&server, &mut browser, 500, "internal_error", None).await;
    server.assert_logged("`Renew` or the claims' own code panicked");
    app.find(Lookup::User);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_raised_generation_ends_all_sessions_of_the_user_and_no_other() {
    let (app, server, mut laptop) = logged_in(1).await;
    let (mut phone, mut other) = (Browser::default(), Browser::default());
    phone
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    other
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    app.raise_generation(1);
    assert_eq!(
        laptop.call(&server, Request::get("/me")).await.status,
        200,
        "until the access token ends"
    );
    assert_refused(&server, &mut laptop, 401, "session_ended", Some(CHALLENGE)).await;
    assert_refused(&server, &mut phone, 401, "session_ended", Some(CHALLENGE)).await;
    assert_eq!(other.refresh(&server).await.status, 200);
    phone
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    assert_eq!(phone.refresh(&server).await.status, 200);
    server.assert_logged("the user's generation moved");
    crate::support::lock(&app.users)
        .get_mut(&crate::app::UserId(1))
        .unwrap()
        .generation = 0;
    assert_refused(&server, &mut phone, 401, "session_ended", Some(CHALLENGE)).await;
}

#[tokio::test]
async fn clocks_a_little_apart_do_not_matter() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.set(START - 5);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn clocks_apart_by_up_to_a_day_are_an_outage_and_by_more_no_session() {
    let (app, server, mut browser) = logged_in(1).await;
    for behind in [6, DAY] {
        app.clock.set(START - behind);
        assert_refused(&server, &mut browser, 503, "temporarily_unavailable", None).await;
        let answer = browser.call(&server, Request::get("/me")).await;
        answer.assert_refused(
            401,
            "invalid_token",
            Some(r#"Bearer error="invalid_token""#),
        );
    }
    server.assert_logged("the clocks of two servers are 6 s apart");
    app.clock.set(START - DAY - 1);
    assert_refused(
        &server,
        &mut browser,
        401,
        "session_unknown",
        Some(CHALLENGE),
    )
    .await;
    assert_eq!(app.lookups(), 0);
    app.clock.set(START);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_counts_only_beside_its_marker() {
    let (app, server, browser) = logged_in(1).await;
    let mut without_marker = browser.clone();
    without_marker
        .cookies
        .retain(|cookie| cookie.name.contains("-refresh-"));
    assert_refused(
        &server,
        &mut without_marker,
        401,
        "session_unknown",
        Some(CHALLENGE),
    )
    .await;
    server.assert_logged("a refresh without the session marker `__Host-stateless-session`");
    let mut without_token = browser.clone();
    without_token
        .cookies
        .retain(|cookie| !cookie.name.contains("-refresh-"));
    assert_refused(
        &server,
        &mut without_token,
        401,
        "session_ended",
        Some(CHALLENGE),
    )
    .await;
    server.assert_logged("its Path is not where the browser sees the session routes");
    server.assert_logged("path=\"/auth\"");
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn a_refresh_token_that_does_not_verify_is_unknown() {
    let (app, server, browser) = logged_in(1).await;
    let token = browser.refresh_cookie().value.clone();
    let access_token = browser.access_token.clone().unwrap();
    let claims = payload(&token);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        forge_like(&token, &claims.to_string(), REFRESH_SECRET)
    };
    let twice = |name: &str, value: &str| {
        let claims = claims
            .to_string()
            .replacen('{', &format!("{{\"{name}\":{value},"), 1);
        forge_like(&token, &claims, REFRESH_SECRET)
    };
    for (name, value) in [
        ("an access token", access_token),
        ("garbage", "garbage".to_owned()),
        ("a cut token", token[..token.len() - 1].to_owned()),
        ("quotes", format!("\"{token}\"")),
        ("another audience", with("aud", "http::app::Claims".into())),
        ("another issuer", with("iss", "somebody".into())),
        (
            "another session",
            with("sid", "AAAAAAAAAAAAAAAAAAAAAA".into()),
        ),
        ("a number as subject", with("sub", 1.into())),
        ("a text as generation", with("gen", "0".into())),
        ("a negative generation", with("gen", (-1).into())),
        ("a generation twice", twice("gen", "0")),
        ("a subject twice", twice("sub", "\"1\"")),
        // Whatever a later release says with it: to leave it out would widen what the token is good for.
        (
            "a key that it is bound to",
            with("cnf", json!({"jkt": "x"})),
        ),
        ("an actor", with("act", json!({"sub": "3"}))),
        ("a member that is not known here", with("x", json!(null))),
        (
            "from the day after tomorrow",
            with("iat", (START + 2 * DAY).into()),
        ),
    ] {
        let mut browser = browser.clone();
        let cookie = browser
            .cookies
            .iter_mut()
            .find(|cookie| cookie.name.contains("-refresh-"));
        cookie.unwrap().value = value;
        let answer = browser.refresh(&server).await;
        assert_eq!(answer.json()["code"], "session_unknown", "{name}");
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn a_longer_exp_than_the_policy_allows_is_cut() {
    let (app, server, mut browser) = logged_in(1).await;
    let token = browser.refresh_cookie().value.clone();
    let mut claims = payload(&token);
    claims["exp"] = u64::MAX.into();
    let forged = forge_like(&token, &claims.to_string(), REFRESH_SECRET);
    browser
        .cookies
        .iter_mut()
        .find(|cookie| cookie.name.contains("-refresh-"))
        .unwrap()
        .value = forged;
    assert_eq!(browser.clone().refresh(&server).await.status, 200);
    app.clock.advance(7 * DAY + 5);
    assert_refused(&server, &mut browser, 401, "session_ended", Some(CHALLENGE)).await;
}

#[tokio::test]
async fn logout_deletes_both_cookies_with_or_without_a_session() {
    let (_, server, mut browser) = logged_in(1).await;
    let (refresh, marker) = (
        browser.refresh_cookie().name.clone(),
        browser.marker().name.clone(),
    );
    let answer = browser.logout(&server).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.is_empty());
    let lines: Vec<String> = answer
        .set_cookies()
        .into_iter()
        .map(|cookie| cookie.line)
        .collect();
    let ended = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    assert_eq!(
        lines,
        [
            format!("{marker}=; SameSite=Strict; Secure; Path=/; {ended}"),
            format!("{refresh}=; HttpOnly; SameSite=Strict; Secure; Path=/auth; {ended}"),
        ]
    );
    assert!(browser.cookies.is_empty());
    assert_refused(
        &server,
        &mut browser,
        401,
        "session_unknown",
        Some(CHALLENGE),
    )
    .await;
    assert_eq!(browser.logout(&server).await.status, 204);
    server.assert_logged("logout sid=");
}

/// The browser module takes the marker away before it asks, so that no tab goes on with the session.
#[tokio::test]
async fn a_late_logout_answer_leaves_the_next_login_alone() {
    let (_, server, mut browser) = logged_in(1).await;
    let marker = browser.marker().name.clone();
    let short_sid = browser.refresh_cookie().name[35..].to_owned();
    browser.cookies.retain(|cookie| cookie.name != marker);
    let late = server
        .send(&browser.with_cookies(Request::post("/auth/logout")))
        .await;
    assert_eq!(late.status, 204);
    server.assert_logged(&format!("logout sid=\"{short_sid}\""));
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    browser.keep(&late);
    assert_eq!(browser.marker().name, marker);
    assert_eq!(
        payload(&browser.refresh(&server).await.access_token())["sub"],
        "2"
    );
}

#[tokio::test]
async fn a_refresh_answer_that_lands_after_logout_revives_nothing() {
    let (app, server, mut browser) = logged_in(1).await;
    app.clock.advance(DAY);
    let late = server
        .send(&browser.with_cookies(Request::post("/auth/refresh")))
        .await;
    assert_eq!(
        late.set_cookies().len(),
        1,
        "the late answer re-issues the refresh cookie"
    );
    browser.logout(&server).await;
    browser.keep(&late);
    assert_eq!(browser.cookies.len(), 1);
    assert_refused(
        &server,
        &mut browser,
        401,
        "session_unknown",
        Some(CHALLENGE),
    )
    .await;
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    assert_eq!(
        payload(&browser.refresh(&server).await.access_token())["sub"],
        "2"
    );
    assert_eq!(
        browser.cookies.len(),
        2,
        "the next session's refresh sweeps what the late answer left"
    );
}

#[tokio::test]
async fn a_refresh_answer_that_lands_after_another_login_breaks_nothing() {
    for outcome in [Lookup::User, Lookup::Nobody, Lookup::Outage] {
        let (app, server, mut browser) = logged_in(1).await;
        app.clock.advance(DAY);
        app.find(outcome);
        let late = server
            .send(&browser.with_cookies(Request::post("/auth/refresh")))
            .await;
        app.find(Lookup::User);
        browser
            .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
            .await;
        browser.keep(&late);
        let answer = browser.refresh(&server).await;
        assert_eq!(payload(&answer.access_token())["sub"], "2");
        assert_eq!(browser.cookies.len(), 2);
    }
}

#[tokio::test]
async fn neither_route_reads_the_body() {
    let (_, server, mut browser) = logged_in(1).await;
    let answer = browser
        .send(&server, Request::post("/auth/refresh").endless_body())
        .await;
    assert_eq!(answer.status, 200);
    let answer = browser
        .send(&server, Request::post("/auth/logout").endless_body())
        .await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn the_session_routes_take_post_only() {
    let (app, server, mut browser) = logged_in(1).await;
    for method in [
        "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ] {
        for target in ["/auth/refresh", "/auth/logout"] {
            let request = Request::new(method, target).header("X-HTTP-Method-Override", "POST");
            let answer = browser.send(&server, request).await;
            assert_eq!(answer.status, 405, "{method} {target}");
            assert_eq!(answer.header("allow"), Some("POST"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(answer.set_cookies().is_empty());
        }
    }
    for target in [
        "/AUTH/refresh",
        "//auth/refresh",
        "/auth%2Frefresh",
        "/auth/refresh/",
        "/auth",
    ] {
        assert_eq!(
            browser.send(&server, Request::post(target)).await.status,
            404,
            "{target}"
        );
    }
    assert_eq!(app.lookups(), 0);
}

#[tokio::test]
async fn a_refresh_without_its_cookies_is_not_final() {
    let (_, server, mut browser) = logged_in(1).await;
    let kept = browser.cookies.clone();
    let (marker, refresh) = (browser.marker().clone(), browser.refresh_cookie().clone());
    for cookies in [
        // A proxy that drops `Cookie` once, and a browser that just started.
        vec![],
        vec![refresh.clone()],
    ] {
        browser.cookies = cookies;
        let answer = browser.refresh(&server).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    // With the marker something was read: whoever returns behind the idle lifetime need not ask again.
    browser.cookies = vec![marker];
    let answer = browser.refresh(&server).await;
    answer.assert_refused(401, "session_ended", Some(CHALLENGE));
    browser.cookies = kept;
    assert_eq!(browser.refresh(&server).await.status, 200);
}

#[tokio::test]
async fn another_subjects_claims_are_never_issued_at_whatever_generation() {
    let (app, server, mut browser) = logged_in(1).await;
    for user in [1, 3] {
        app.raise_generation(user);
    }
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    app.find(Lookup::OtherSubject);
    assert_refused(&server, &mut browser, 500, "internal_error", None).await;
    app.find(Lookup::User);
    assert_eq!(browser.refresh(&server).await.status, 200);
}

/// Whatever a database says of an outage.
#[tokio::test]
async fn no_words_of_an_outage_end_a_session() {
    use axum::Router;
    use axum::extract::FromRef;
    use axum::routing::post;
    use std::io::{Error, ErrorKind};
    use std::sync::{Arc, Mutex};

    use stateless_session::{Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse};

    use crate::app::{Claims, Role, UserId};
    use crate::support::{keys, lock};

    #[derive(Clone)]
    struct Failing(Sessions<Claims>, Arc<Mutex<Option<Error>>>);

    impl FromRef<Failing> for Sessions<Claims> {
        fn from_ref(app: &Failing) -> Self {
            app.0.clone()
        }
    }

    impl Renew<Claims> for Failing {
        type Error = Error;

        async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Error> {
            Err(lock(&self.1).take().unwrap())
        }
    }

    async fn login(login: Login<Claims>) -> TokenResponse {
        let claims = Claims {
            sub: UserId(1),
            role: Role::User,
            generation: 0,
        };
        login.start(claims).unwrap()
    }

    let app = Failing(Sessions::new(keys()), Arc::default());
    let routes = Router::new()
        .route("/login", post(login))
        .merge(Claims::routes());
    let server = Server::start(routes.with_state(app.clone())).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    for outage in [
        Error::other("user not found"),
        Error::other("no rows returned by a query that expected one"),
        Error::other("404 Not Found"),
        Error::other("401 Unauthorized: session_ended"),
        Error::other(""),
        ErrorKind::NotFound.into(),
        ErrorKind::PermissionDenied.into(),
    ] {
        *lock(&app.1) = Some(outage);
        let code = "temporarily_unavailable";
        let answer = assert_refused(&server, &mut browser, 503, code, None).await;
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
}
