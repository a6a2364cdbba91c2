//! What no log ever holds, and that its search would find it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64_simd::URL_SAFE_NO_PAD;

use crate::app::{App, Claims, Lookup, Role, UserId};
use crate::support::{Browser, DAY, Request, Server, lock, payload};

/// Long enough to stand in nothing else.
const USER: i64 = 8_412_906_735_118;

async fn logged_in() -> (App, Server, Browser) {
    let app = App::new();
    let claims = Claims {
        sub: UserId(USER),
        role: Role::User,
        generation: 0,
    };
    lock(&app.users).insert(claims.sub, claims);
    let server = Server::start(app.clone().router()).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(&format!(r#"{{"user": {USER}}}"#));
    assert_eq!(browser.send(&server, login).await.status, 200);
    (app, server, browser)
}

#[tokio::test]
async fn no_answer_names_a_user_or_a_session_in_the_log() {
    let (app, server, mut browser) = logged_in().await;
    let other_server = Server::start(app.clone().router()).await;
    for target in ["/me", "/fresh", "/everything", "/named", "/nowhere"] {
        browser.call(&server, Request::get(target)).await;
        browser.call(&other_server, Request::get(target)).await;
    }
    app.clock.advance(2 * DAY);
    browser.call(&server, Request::get("/me")).await;
    for lookup in [
        Lookup::Nobody,
        Lookup::Outage,
        Lookup::OtherSubject,
        Lookup::Panic,
        Lookup::User,
    ] {
        app.find(lookup);
        browser.refresh(&other_server).await;
    }
    app.raise_generation(USER);
    browser.refresh(&server).await;
    app.clock.advance(40 * DAY);
    browser.refresh(&server).await;
    browser.logout(&other_server).await;
    server.assert_logged("logout");
}

#[tokio::test]
async fn whatever_leaks_is_found_in_the_log_of_any_of_several_servers() {
    type Leak = fn(&Browser) -> String;
    fn signature(browser: &Browser) -> Vec<u8> {
        let token = browser.access_token.as_ref().unwrap();
        let signature = token.rsplit('.').next().unwrap();
        URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap()
    }
    let leaks: [(&str, Leak); 10] = [
        ("the subject", |_| format!("sub={USER}")),
        ("the whole sid", |browser| {
            let token = browser.access_token.as_ref().unwrap();
            payload(token)["sid"].to_string()
        }),
        ("half a marker", |browser| {
            browser.marker().value[11..].to_owned()
        }),
        ("the first half of a marker", |browser| {
            browser.marker().value[..11].to_owned()
        }),
        ("the refresh token", |browser| {
            browser.refresh_cookie().value.clone()
        }),
        ("a signature", |browser| {
            let token = browser.access_token.as_ref().unwrap();
            token.rsplit('.').next().unwrap().to_owned()
        }),
        ("a signature as numbers", |browser| {
            format!("{:?}", signature(browser))
        }),
        ("a signature in hexadecimal", |browser| {
            let bytes = signature(browser);
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            pairs.concat()
        }),
        ("a secret as numbers", |_| {
            format!("{:?}", crate::support::ACCESS_SECRET.as_bytes())
        }),
        ("a token that no answer handed out", |_| {
            "eyJhbGciOiJub25lIn0.e30.".to_owned()
        }),
    ];
    for (name, leak) in leaks {
        let (app, server, browser) = logged_in().await;
        let other_server = Server::start(app.router()).await;
        tracing::trace!("{}", leak(&browser));
        drop(server);
        let searched = catch_unwind(AssertUnwindSafe(|| drop(other_server)));
        assert!(searched.is_err(), "{name}");
    }
    let (_, server, _) = logged_in().await;
    // One of ten thousand sessions is called so.
    tracing::info!(sid = "MeyJEwXX", "login");
    drop(server);
}
