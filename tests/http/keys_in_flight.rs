//! Keys that are retired while a login or a refresh is under way: what it hands out is retired with them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use serde::{Deserialize, Serialize, Serializer};
use stateless_session::{
    Keys, Renew, Renewal, Session, SessionRoutes, Sessions, stateless_session,
};
use tokio::sync::Notify;

use crate::support::{
    Browser, DAY, HeldClock, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET, Request, Server, keys, lock,
};

fn next_keys() -> Keys {
    Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap()
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    sub: u64,
}

/// An application whose look-up takes until a test lets it go on.
#[derive(Clone)]
struct Waiting {
    sessions: Sessions<Claims>,
    asked: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl FromRef<Waiting> for Sessions<Claims> {
    fn from_ref(app: &Waiting) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for Waiting {
    type Error = std::convert::Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        self.asked.notify_one();
        self.go_on.notified().await;
        Ok(Some(Claims {
            sub: *session.subject(),
        }))
    }
}

async fn me(session: Session<Claims>) -> String {
    session.sub.to_string()
}

/// Whoever has a stolen refresh secret makes a token of it, and keeps one refresh in flight while the secret is retired.
#[tokio::test]
async fn a_refresh_in_flight_gets_nothing_that_outlives_the_keys_it_began_with() {
    let clock = HeldClock::new();
    let app = Waiting {
        sessions: clock.hold(Sessions::new(keys())),
        asked: Arc::default(),
        go_on: Arc::default(),
    };
    let router = Router::new()
        .route("/me", get(me))
        .merge(Claims::routes())
        .with_state(app.clone());
    let server = Server::start(router).await;
    // Signed with the refresh secret alone, as whoever stole it would.
    let stolen = clock.hold(Sessions::<Claims>::new(keys()));
    let forged = stolen.login_checked_elsewhere(Claims { sub: 7 }).unwrap();
    let pairs: Vec<String> = forged
        .into_parts()
        .1
        .into_iter()
        .map(|cookie| cookie.stripped().to_string())
        .collect();
    let request = Request::post("/auth/refresh").header("Cookie", pairs.join("; "));
    // Old enough for another refresh cookie.
    clock.advance(2 * DAY);

    let answer = server.send(&request);
    tokio::pin!(answer);
    tokio::select! {
        () = app.asked.notified() => {}
        early = &mut answer => panic!("nobody was asked: {early:?}"),
    }
    app.sessions.set_keys(next_keys());
    app.go_on.notify_one();
    let answer = answer.await;
    assert_eq!(answer.status, 200);
    let token = answer.access_token();
    let me = server.send(&Request::get("/me").bearer(&token)).await;
    assert_eq!(me.status, 401, "an access token outlived the stolen key");
    let mut browser = Browser::default();
    browser.keep(&answer);
    let cookie = format!(
        "{}; {}={}",
        pairs
            .iter()
            .find(|pair| pair.starts_with("__Host-"))
            .unwrap(),
        browser.refresh_cookie().name,
        browser.refresh_cookie().value,
    );
    app.go_on.notify_one();
    let again = server
        .send(&Request::post("/auth/refresh").header("Cookie", cookie))
        .await;
    assert_eq!(again.status, 401, "a refresh token outlived the stolen key");
}

/// Claims that replace the keys at the moment when they are written into a token.
#[derive(Clone, Default)]
struct Replacing(Arc<Mutex<Option<Sessions<Intruding>>>>);

impl Serialize for Replacing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(sessions) = &*lock(&self.0) {
            sessions.set_keys(next_keys());
        }
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Replacing {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self::default())
    }
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Intruding {
    sub: u64,
    replacing: Replacing,
}

#[test]
fn the_two_tokens_of_a_login_are_of_the_same_keys() {
    let sessions = Sessions::<Intruding>::new(keys());
    let replacing = Replacing(Arc::new(Mutex::new(Some(sessions.clone()))));
    let login = sessions.login_checked_elsewhere(Intruding { sub: 7, replacing });
    let (access, cookies) = login.unwrap().into_parts();
    let before = Sessions::<Intruding>::new(keys());
    assert!(before.verify(access.as_str()).is_ok());
    assert!(sessions.verify(access.as_str()).is_err());
    let header = |token: &str| token.split('.').next().unwrap().to_owned();
    let of_before = before.login_checked_elsewhere(Intruding {
        sub: 7,
        replacing: Replacing::default(),
    });
    let refresh_header = |cookies: stateless_session::SessionCookies| {
        let mut tokens = cookies.into_iter();
        let token = tokens.find(|cookie| cookie.name().contains("-refresh-"));
        header(token.unwrap().value())
    };
    assert_eq!(
        refresh_header(cookies),
        refresh_header(of_before.unwrap().into_parts().1),
    );
}
