//! The `Cookie` header, with all that others put into it.

use crate::app::App;
use crate::support::{
    Answer, Browser, CHALLENGE, DAY, REFRESH_SECRET, Request, START, Server, forge_like, payload,
};

const MARKER: &str = "__Host-stateless-session";

async fn logged_in() -> (App, Server, Browser) {
    let app = App::new();
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    browser
        .send(&server, Request::post("/login").json(r#"{"user": 1}"#))
        .await;
    (app, server, browser)
}

async fn refresh(server: &Server, lines: &[Vec<u8>]) -> Answer {
    let request = lines
        .iter()
        .fold(Request::post("/auth/refresh"), |request, line| {
            request.header("Cookie", line)
        });
    server.send(&request).await
}

/// Marker and refresh cookie as a browser sends them.
fn pairs(browser: &Browser) -> (String, String) {
    let (marker, refresh) = (browser.marker(), browser.refresh_cookie());
    (
        format!("{}={}", marker.name, marker.value),
        format!("{}={}", refresh.name, refresh.value),
    )
}

#[tokio::test]
async fn cookies_of_others_change_nothing_whatever_they_hold() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let name = browser.refresh_cookie().name.clone();
    let lower = name.to_ascii_lowercase();
    let escaped = name.replacen("__", "%5F%5F", 1);
    let siblings: Vec<(&str, Vec<u8>)> = vec![
        ("a byte that is no text", b"sibling=\xff\xfe".into()),
        ("a name that is no text", b"\xff=1".into()),
        ("no equals sign", b"sibling".into()),
        ("no name", b"=value".into()),
        ("quotes", b"sibling=\"a; b\"".into()),
        ("another version", b"$Version=1; $Path=/auth".into()),
        ("empty pairs", b"; ;;  ;".into()),
        ("200 siblings", "sibling=1; ".repeat(200).into()),
        ("8 KB", format!("junk={}", "x".repeat(8_192)).into()),
        (
            "an escaped marker",
            b"%5F%5FHost-stateless-session=AAAAAAAAAAAAAAAAAAAAAA".into(),
        ),
        (
            "an escaped refresh cookie",
            format!("{escaped}=tossed").into(),
        ),
        (
            "another case",
            format!("{lower}=tossed; __host-stateless-session=tossed").into(),
        ),
        (
            "a longer name",
            format!("{name}x=tossed; {MARKER}x=tossed").into(),
        ),
        (
            "a shorter name",
            format!("{}=tossed", &name[..name.len() - 1]).into(),
        ),
        ("an empty marker", format!("{MARKER}=").into()),
        ("an empty refresh cookie", format!("{name}=").into()),
        ("the same marker again", marker.clone().into()),
        ("the same cookie again", token.clone().into()),
    ];
    for (what, sibling) in siblings {
        let ours = format!("{marker}; {token}").into_bytes();
        let before = [&sibling[..], b"; ", &ours[..]].concat();
        let behind = [&ours[..], b"; ", &sibling[..]].concat();
        let between = [
            marker.as_bytes(),
            b"; ",
            &sibling[..],
            b";",
            token.as_bytes(),
        ]
        .concat();
        for line in [before, behind, between] {
            assert_eq!(refresh(&server, &[line]).await.status, 200, "{what}");
        }
        assert_eq!(
            refresh(&server, &[sibling, ours]).await.status,
            200,
            "{what}, in a line of its own"
        );
    }
    let two_lines = [marker.into_bytes(), token.into_bytes()];
    assert_eq!(refresh(&server, &two_lines).await.status, 200);
}

#[tokio::test]
async fn a_tossed_refresh_cookie_of_the_same_name_changes_nothing() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let name = &browser.refresh_cookie().name;
    let mut mallory = Browser::default();
    mallory
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    let foreign = &mallory.refresh_cookie().value;
    for line in [
        format!("{marker}; {name}=tossed; {token}"),
        format!("{marker}; {token}; {name}=tossed"),
        format!("{marker}; {name}={foreign}; {token}"),
        format!("{marker}; {token}; {name}={foreign}"),
    ] {
        let answer = refresh(&server, &[line.into()]).await;
        assert_eq!(payload(&answer.access_token())["sub"], "1");
    }
    let only_foreign = format!("{marker}; {name}={foreign}");
    refresh(&server, &[only_foreign.into()])
        .await
        .assert_refused(401, "session_unknown", Some(CHALLENGE));
}

#[tokio::test]
async fn a_whole_session_that_is_tossed_without_its_marker_logs_nobody_in() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let mut mallory = Browser::default();
    mallory
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    let (foreign_marker, foreign_token) = pairs(&mallory);
    let anonymous = refresh(&server, &[foreign_token.clone().into()]).await;
    anonymous.assert_refused(401, "session_unknown", Some(CHALLENGE));
    for line in [
        format!("{foreign_token}; {marker}; {token}"),
        format!("{marker}; {token}; {foreign_token}"),
    ] {
        assert_eq!(
            payload(&refresh(&server, &[line.into()]).await.access_token())["sub"],
            "1"
        );
    }
    let beside_another_marker = format!("{marker}; {foreign_token}");
    refresh(&server, &[beside_another_marker.into()])
        .await
        .assert_refused(401, "session_unknown", Some(CHALLENGE));
    for line in [
        format!("{marker}; {token}; {foreign_marker}; {foreign_token}"),
        format!("{foreign_marker}; {foreign_token}; {marker}; {token}"),
    ] {
        refresh(&server, &[line.into()]).await.assert_refused(
            401,
            "session_unknown",
            Some(CHALLENGE),
        );
    }
    server.assert_logged("two session markers");
}

#[tokio::test]
async fn of_several_that_verify_the_latest_counts() {
    let (app, server, mut browser) = logged_in().await;
    let (marker, first) = pairs(&browser);
    app.clock.advance(2 * DAY);
    browser.refresh(&server).await;
    let (_, second) = pairs(&browser);
    assert_ne!(first, second);
    app.clock.advance(DAY - 1);
    for line in [
        format!("{marker}; {first}; {second}"),
        format!("{marker}; {second}; {first}"),
    ] {
        let answer = refresh(&server, &[line.into()]).await;
        assert!(
            answer.set_cookies().is_empty(),
            "the later one is not due yet"
        );
    }
    app.clock.advance(5 * DAY);
    let line = format!("{marker}; {second}; {first}");
    assert_eq!(
        refresh(&server, &[line.into()]).await.status,
        200,
        "the earlier one has expired"
    );
}

#[tokio::test]
async fn a_refresh_sweeps_older_sessions_and_never_a_newer_one() {
    let (app, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    app.clock.advance(60);
    let mut later = Browser::default();
    later
        .send(&server, Request::post("/login").json(r#"{"user": 2}"#))
        .await;
    let (later_marker, later_token) = pairs(&later);
    let answer = refresh(
        &server,
        &[format!("{later_marker}; {later_token}; {token}").into()],
    )
    .await;
    let [deleted] = &*answer.set_cookies() else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (&deleted.name, deleted.max_age),
        (&browser.refresh_cookie().name, Some(0))
    );
    let answer = refresh(
        &server,
        &[format!("{marker}; {token}; {later_token}").into()],
    )
    .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.set_cookies().is_empty(),
        "a login in another tab may be under way"
    );
}

#[tokio::test]
async fn a_refresh_token_under_the_name_of_its_session_alone_is_not_enough() {
    let (_, server, browser) = logged_in().await;
    let (marker, _) = pairs(&browser);
    let cookie = browser.refresh_cookie();
    // The name fits the marker, and so does everything else, but the token says another session.
    let mut claims = payload(&cookie.value);
    let sid = claims["sid"].as_str().unwrap().to_owned();
    claims["sid"] = format!("{}{}", &sid[..8], "AAAAAAAAAAAAAA").into();
    let forged = forge_like(&cookie.value, &claims.to_string(), REFRESH_SECRET);
    let line = format!("{marker}; {}={forged}", cookie.name);
    refresh(&server, &[line.into()])
        .await
        .assert_refused(401, "session_unknown", Some(CHALLENGE));
}

#[tokio::test]
async fn logout_deletes_every_refresh_cookie_it_sees_and_survives_any_header() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let line =
        format!("x=\"; {marker}; {token}; __Secure-stateless-session-refresh-AAAAAAAA=old; y");
    let answer = server
        .send(&Request::post("/auth/logout").header("Cookie", line))
        .await;
    assert_eq!(answer.status, 204);
    let mut deleted: Vec<String> = answer
        .set_cookies()
        .into_iter()
        .map(|cookie| cookie.name)
        .collect();
    deleted.sort();
    let mut expected = vec![
        MARKER.to_owned(),
        "__Secure-stateless-session-refresh-AAAAAAAA".to_owned(),
        browser.refresh_cookie().name.clone(),
    ];
    expected.sort();
    assert_eq!(deleted, expected);
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|cookie| cookie.max_age == Some(0))
    );
    for bytes in [&b"\xff"[..], b"__Host-stateless-session=\xff", b"=", b";;;"] {
        let answer = server
            .send(&Request::post("/auth/logout").header("Cookie", bytes))
            .await;
        assert_eq!(answer.status, 204);
    }
}

#[tokio::test]
async fn garbage_under_the_same_name_hides_no_answer() {
    let (app, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let name = &browser.refresh_cookie().name;
    for (at, status, code) in [
        (START + 8 * DAY, 401, "session_ended"),
        (START - 60, 503, "temporarily_unavailable"),
    ] {
        app.clock.set(at);
        for line in [
            format!("{marker}; {name}=tossed; {token}"),
            format!("{marker}; {token}; {name}=tossed"),
        ] {
            let answer = refresh(&server, &[line.into()]).await;
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (status, Some(code))
            );
        }
    }
}

#[tokio::test]
async fn a_refresh_cookie_under_another_sessions_name_is_not_looked_at() {
    let (_, server, browser) = logged_in().await;
    let (marker, _) = pairs(&browser);
    let token = &browser.refresh_cookie().value;
    let line = format!("{marker}; __Secure-stateless-session-refresh-AAAAAAAA={token}");
    let answer = refresh(&server, &[line.into()]).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
}

#[tokio::test]
async fn an_earlier_login_is_swept_when_no_difference_of_clocks_explains_it() {
    for (seconds_earlier, swept) in [(0, 0), (5, 0), (6, 1)] {
        let (app, server, earlier) = logged_in().await;
        app.clock.advance(seconds_earlier);
        let mut browser = Browser::default();
        let login = Request::post("/login").json(r#"{"user": 2}"#);
        browser.send(&server, login).await;
        let ((marker, token), (_, earlier_token)) = (pairs(&browser), pairs(&earlier));
        let line = format!("{marker}; {token}; {earlier_token}");
        let answer = refresh(&server, &[line.into()]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), swept, "{seconds_earlier} s");
    }
}

#[tokio::test]
async fn a_full_cookie_jar_makes_no_large_answer() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let tossed: Vec<String> = (0..500)
        .map(|n| {
            format!(
                "__Secure-stateless-session-refresh-{n:08}=tossed; {MARKER}={n:022}; {MARKER}={n}; "
            )
        })
        .collect();
    let tossed = tossed.concat();
    for line in [format!("{marker}; {tossed}{token}"), tossed] {
        for request in [
            Request::post("/auth/logout"),
            Request::post("/login").json(r#"{"user": 1}"#),
        ] {
            let answer = server.send(&request.header("Cookie", &line)).await;
            assert!(answer.status < 300);
            assert!(
                answer.set_cookies().len() <= 12,
                "{}",
                answer.set_cookies().len()
            );
        }
        let answer = refresh(&server, &[line.into()]).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
    let tossed = "__Secure-stateless-session-refresh-AAAAAAAA=tossed; ".repeat(500);
    let answer = refresh(&server, &[format!("{marker}; {tossed}{token}").into()]).await;
    assert_eq!(
        answer.status, 200,
        "the session's own cookie is found behind any number of others"
    );
}

#[tokio::test]
async fn login_and_logout_delete_the_cookies_of_both_of_two_markers() {
    let (_, server, browser) = logged_in().await;
    let (marker, _) = pairs(&browser);
    let line = format!("{MARKER}=AAAAAAAAAAAAAAAAAAAAAA; {marker}");
    for request in [
        Request::post("/auth/logout"),
        Request::post("/login").json(r#"{"user": 1}"#),
    ] {
        let answer = server.send(&request.header("Cookie", &line)).await;
        let deleted = answer.set_cookies();
        let mut names = deleted
            .iter()
            .filter(|cookie| cookie.max_age == Some(0))
            .map(|cookie| &cookie.name);
        assert!(names.any(|name| *name == browser.refresh_cookie().name));
    }
}

#[tokio::test]
async fn a_cookie_whose_name_is_only_like_ours_is_neither_looked_at_nor_deleted() {
    let (_, server, browser) = logged_in().await;
    let (marker, _) = pairs(&browser);
    let token = &browser.refresh_cookie().value;
    for end in ["AAAAAAA", "AAAAAAAAA", "AAA.AAAA", "AAA AAAA", "AAA\"AAAA"] {
        let line = format!("{marker}; __Secure-stateless-session-refresh-{end}={token}");
        let answer = refresh(&server, &[line.clone().into()]).await;
        answer.assert_refused(401, "session_ended", Some(CHALLENGE));
        let answer = server
            .send(&Request::post("/auth/logout").header("Cookie", line))
            .await;
        let deleted = answer.set_cookies();
        let names: Vec<&str> = deleted.iter().map(|cookie| &*cookie.name).collect();
        assert_eq!(names, [MARKER, &browser.refresh_cookie().name], "{end}");
    }
}

#[tokio::test]
async fn what_no_login_ever_set_as_a_marker_is_none() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    for value in ["x", "AAAAAAAAAAAAAAAAAAAAA.", "AAAAAAAAAAAAAAAAAAAAAAA"] {
        let line = format!("{MARKER}={value}; {marker}; {token}");
        assert_eq!(
            refresh(&server, &[line.into()]).await.status,
            200,
            "{value}"
        );
        let answer = refresh(&server, &[format!("{MARKER}={value}; {token}").into()]).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
    }
}

#[tokio::test]
async fn only_the_one_blank_behind_a_semicolon_belongs_to_nobody() {
    let (_, server, browser) = logged_in().await;
    let (marker, token) = pairs(&browser);
    let (name, value) = marker.split_once('=').unwrap();
    for other in [
        format!("{name}\t={value}"),
        format!("{name} ={value}"),
        format!("{name}= {value}"),
        format!("{name} = {value}"),
        format!(" {marker}"),
        format!("\t{marker}"),
        format!("{marker} "),
        format!("\"{name}\"={value}"),
        format!("{name}=\"{value}\""),
    ] {
        for line in [
            format!("a=b; {other}; {token}"),
            format!("{token}; {other}; a=b"),
        ] {
            let answer = refresh(&server, &[line.into()]).await;
            answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
        }
    }
    for line in [
        format!("a=b; {marker}; {token}"),
        format!("a=b;{marker};{token}"),
    ] {
        assert_eq!(refresh(&server, &[line.into()]).await.status, 200);
    }
}
