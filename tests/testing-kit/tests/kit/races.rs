//! The races, against an application that is right and against some that are not.

use stateless_session::testing::{Races, post};

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
