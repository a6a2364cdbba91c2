//! One program before and after: axum-login below `/there`, stateless-session at the root, and `POST /move`, by which live
//! users come over. Run it with `./run`.

mod elsewhere;
mod here;
mod there;
mod users;

use std::sync::Arc;
use std::{env, error::Error};

use axum::Router;
use stateless_session::{Keys, Sessions};
use tokio::net::TcpListener;

use crate::elsewhere::OldServer;
use crate::here::App;

fn app(sessions: Sessions<here::Claims>, old_server: Option<OldServer>) -> Router {
    let both = here::router().nest("/there", there::router());
    there::layered(both).with_state(App {
        sessions,
        counts: Arc::default(),
        old_server,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = match Keys::from_env() {
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let old_server = match env::var("OLD_SESSION_URL") {
        Ok(url) => Some(OldServer::new(url.parse()?)),
        Err(_) => None,
    };
    let port = env::var("PORT").unwrap_or("3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("alice (wonderland) is an administrator, bob (builder) is not");
    println!("http://localhost:{}", listener.local_addr()?.port());
    axum::serve(listener, app(Sessions::new(keys), old_server))
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use serde_json::json;
    use stateless_session::testing::{Browser, HeldClock, get, post};

    use super::*;

    const CREDENTIALS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

    fn browser() -> (Browser, HeldClock) {
        let clock = HeldClock::new();
        let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
        (Browser::new(app(sessions, None)), clock)
    }

    #[tokio::test]
    async fn both_answer_the_same() {
        for (name, password) in CREDENTIALS {
            for below in ["/there", ""] {
                let (mut browser, _) = browser();
                let path = |path: &str| format!("{below}{path}");
                assert_eq!(browser.fetch(get(&path("/me"))).await.status, 401);
                let wrong = json!({ "name": name, "password": "wrong" });
                let answer = browser.post_json(&path("/login"), &wrong).await;
                assert_eq!(answer.status, 401);
                let right = json!({ "name": name, "password": password });
                let answer = browser.post_json(&path("/login"), &right).await;
                assert!(answer.status.is_success(), "{below}");
                assert_eq!(browser.fetch(get(&path("/me"))).await.text(), name);
                let admin = browser.fetch(get(&path("/admin"))).await.status;
                assert_eq!(admin, if name == "alice" { 200 } else { 403 });
                for count in ["0", "1"] {
                    assert_eq!(browser.fetch(get(&path("/counter"))).await.text(), count);
                }
            }
        }
    }

    #[tokio::test]
    async fn live_users_come_over_once_and_without_a_login() {
        let (mut browser, clock) = browser();
        let form = json!({ "name": "bob", "password": "builder" });
        browser.post_json("/there/login", &form).await;
        assert!(!browser.has_session());
        // What the page does at its start, where there is no session of the new kind.
        let moved = browser.send(post("/move")).await;
        assert_eq!(moved.status, 200);
        assert!(browser.has_session());
        assert_eq!(browser.fetch(get("/me")).await.text(), "bob");
        clock.advance("16m");
        assert_eq!(browser.fetch(get("/me")).await.text(), "bob");
        // The old session is over.
        assert_eq!(browser.send(get("/there/me")).await.status, 401);
        assert_eq!(browser.send(post("/move")).await.status, 401);
    }

    #[tokio::test]
    async fn a_foreign_page_moves_nobody() {
        let (mut browser, _) = browser();
        let form = json!({ "name": "bob", "password": "builder" });
        browser.post_json("/there/login", &form).await;
        let foreign = post("/move").header(HeaderName::from_static("sec-fetch-site"), "cross-site");
        assert_eq!(browser.send(foreign).await.status, 403);
        assert_eq!(browser.send(get("/there/me")).await.status, 200);
    }
}
