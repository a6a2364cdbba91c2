//! `Sessions::ended`, by a clock that is held.
#![cfg(all(feature = "live", feature = "testing"))]

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use session_runtime::testing::HeldClock;
use stateless_session::{
    Keys, Renew, Renewal, Session, SessionRoutes, Sessions, TokenResponse, stateless_session,
};
use tokio::runtime::Builder;
use tokio::time::timeout;
use tower::ServiceExt as _;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[derive(Clone)]
struct App(Sessions<Claims>);

impl axum::extract::FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl Renew<Claims> for App {
    type Error = std::convert::Infallible;

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        Ok(None)
    }
}

fn sessions() -> (Sessions<Claims>, HeldClock) {
    let clock = HeldClock::new();
    let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
    (sessions, clock)
}

fn login(sessions: &Sessions<Claims>) -> (TokenResponse, Session<Claims>) {
    let login = sessions.login_checked_elsewhere(Claims { sub: 7 }).unwrap();
    let session = sessions.verify(login.access_token()).unwrap();
    (login, session)
}

/// Whether it is not ended yet, however long one waits while the clock is held.
async fn lasts(ended: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    timeout(Duration::from_secs(60), ended).await.is_err()
}

async fn ends_within_a_second(ended: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    timeout(Duration::from_millis(1001), ended).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_token_no_longer_counts() {
    let (sessions, clock) = sessions();
    let (login, session) = login(&sessions);
    let mut ended = sessions.ended(&session);
    assert!(lasts(&mut ended).await);
    clock.advance("15m");
    assert!(
        sessions.verify(login.access_token()).is_ok(),
        "by the leeway"
    );
    assert!(lasts(&mut ended).await);
    clock.advance("4s");
    assert!(lasts(&mut ended).await);
    clock.advance("1s");
    assert!(sessions.verify(login.access_token()).is_err());
    assert!(ends_within_a_second(&mut ended).await);
    assert!(
        ends_within_a_second(&mut sessions.ended(&session)).await,
        "it is over"
    );
}

#[tokio::test(start_paused = true)]
async fn each_ends_with_its_own_token() {
    let (sessions, clock) = sessions();
    let first = login(&sessions).1;
    clock.advance("5m");
    let second = login(&sessions).1;
    let (mut first, mut second) = (sessions.ended(&first), sessions.ended(&second));
    assert!(lasts(&mut second).await && lasts(&mut first).await);
    clock.advance("11m");
    assert!(ends_within_a_second(&mut first).await);
    assert!(lasts(&mut second).await);
    clock.advance("5m");
    assert!(ends_within_a_second(&mut second).await);
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_it_at_once_where_it_is_served() {
    let (sessions, _clock) = sessions();
    let (ours, session) = login(&sessions);
    let other = login(&sessions).1;
    let (mut ended, mut goes_on) = (sessions.ended(&session), sessions.ended(&other));
    assert!(lasts(&mut ended).await && lasts(&mut goes_on).await);
    let cookies = ours.into_parts().1.into_iter();
    let cookies: Vec<String> = cookies
        .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
        .collect();
    let logout = |cookies: &str| {
        let router: Router = Router::new()
            .merge(Claims::routes())
            .with_state(App(sessions.clone()));
        router.oneshot(
            Request::post("/auth/logout")
                .header("Cookie", cookies)
                .body(Body::empty())
                .unwrap(),
        )
    };
    // The marker alone ends nothing.
    assert_eq!(
        logout(cookies.last().unwrap()).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert!(lasts(&mut ended).await);
    assert_eq!(
        logout(&cookies.join("; ")).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let now = poll_fn(|context| Poll::Ready(Pin::new(&mut ended).poll(context).is_ready()));
    assert!(now.await);
    assert!(lasts(&mut goes_on).await);
}

#[tokio::test(start_paused = true)]
async fn dropping_one_leaves_nothing_behind() {
    let (sessions, clock) = sessions();
    let session = login(&sessions).1;
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = alive();
    let mut waiting: Vec<_> = (0..1000).map(|_| sessions.ended(&session)).collect();
    for ended in &mut waiting {
        assert!(timeout(Duration::ZERO, ended).await.is_err());
    }
    assert_eq!(alive(), before + 1, "one timer serves all of them");
    waiting.truncate(1);
    assert!(lasts(&mut waiting[0]).await);
    waiting.clear();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(alive(), before, "and ends with the last");
    // It starts anew.
    let mut ended = sessions.ended(&session);
    assert!(lasts(&mut ended).await);
    clock.advance("16m");
    assert!(ends_within_a_second(&mut ended).await);
}

/// A timer ends with its runtime, and whoever waits elsewhere starts another.
#[test]
fn it_outlives_the_runtime_that_kept_the_time() {
    let (sessions, clock) = sessions();
    let session = login(&sessions).1;
    let mut ended = sessions.ended(&session);
    let runtime = || {
        Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    assert!(runtime().block_on(lasts(&mut ended)));
    clock.advance("16m");
    assert!(runtime().block_on(ends_within_a_second(&mut ended)));
}

/// Nothing waits for ever where nobody tells the time.
#[test]
fn without_a_timer_it_ends_at_once() {
    let (sessions, _clock) = sessions();
    let session = login(&sessions).1;
    let mut ended = sessions.ended(&session);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut ended).poll(&mut context).is_ready());
    let timeless = Builder::new_current_thread().build().unwrap();
    timeless.block_on(sessions.ended(&session));
}
