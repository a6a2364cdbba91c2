//! The races, against an application that is right and against some that are not.

use axum::Router;
use axum::routing::post as post_route;
use stateless_session::testing::{HeldClock, Races, post};
use stateless_session::{Keys, SessionRoutes, Sessions};

use crate::application::App;
use crate::wrong::{Mistake, wrong};

fn logins() -> [stateless_session::testing::Request; 2] {
    ["ada", "eve"].map(|name| post("/login").json(&(name, name)))
}

#[tokio::test]
async fn an_application_by_the_book_loses_none() {
    let app = App::new();
    let [ada, eve] = logins();
    let (outage, disabled) = (app.outage.clone(), app.disabled.clone());
    Races::new(app.router(), ada, eve)
        .with_clock(app.clock.clone())
        .with_outage(move |is| outage.store(is, std::sync::atomic::Ordering::SeqCst))
        .with_disabled(move |is| *disabled.lock().unwrap() = is.then(|| "ada".to_owned()))
        .run()
        .await;
}

/// The access cookie is the marker's sibling, and counts beside it alone.
#[tokio::test]
async fn nor_does_one_with_pages() {
    let [ada, eve] = logins();
    let clock = HeldClock::new();
    let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
    let router = Router::new().route("/login", post_route(paged::login));
    Races::new(paged::Claims::pages(router).with_state(sessions), ada, eve)
        .with_clock(clock)
        .run()
        .await;
}

mod paged {
    use std::convert::Infallible;

    use axum::Json;
    use serde::{Deserialize, Serialize};
    use stateless_session::{
        IssueError, Login, Renew, Renewal, Sessions, TokenResponse, stateless_session,
    };

    #[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
    #[derive(Clone, Serialize, Deserialize)]
    pub(super) struct Claims {
        sub: String,
    }

    impl Renew<Claims> for Sessions<Claims> {
        type Error = Infallible;

        async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
            let sub = session.subject().clone();
            Ok(Some(Claims { sub }))
        }
    }

    pub(super) async fn login(
        login: Login<Claims>,
        Json((name, _)): Json<(String, String)>,
    ) -> Result<TokenResponse, IssueError> {
        login.start(Claims { sub: name })
    }
}

#[tokio::test]
async fn each_mistake_is_found() {
    for (mistake, found) in [
        (Mistake::None, None),
        (
            Mistake::MarkerNotCompared,
            Some("a tossed cookie swaps users"),
        ),
        (Mistake::CookieOnFailure, Some("an outage writes a cookie")),
        (
            Mistake::LateAnswerRevives,
            Some("after the logout revives the session"),
        ),
        (
            Mistake::RotatesWithoutGrace,
            Some("twenty refreshes at once is answered 401"),
        ),
        (Mistake::OutageIsLogout, Some("an outage is answered 401")),
    ] {
        let [ada, eve] = logins();
        let (router, outage) = wrong(mistake);
        let races = Races::new(router, ada, eve)
            .with_outage(move |is| outage.store(is, std::sync::atomic::Ordering::SeqCst));
        let lost = races.lost().await;
        match found {
            None => assert_eq!(lost, Vec::<String>::new()),
            Some(found) => assert!(
                lost.iter().any(|lost| lost.contains(found)),
                "{mistake:?}: {lost:?}"
            ),
        }
    }
}

#[tokio::test]
#[should_panic(expected = "lost races at tests/testing-kit/tests/kit/races.rs")]
async fn a_lost_race_names_the_test_that_ran_it() {
    let [ada, eve] = logins();
    Races::new(wrong(Mistake::MarkerNotCompared).0, ada, eve)
        .run()
        .await;
}
