//! Deployments of which half is rolled out: without the feature, with it alone, and with the key. What a build without the feature
//! answers is tried in the tests of the root, by the token that stands here.

use crate::apps::{offered, reading};
use crate::laptop::Laptop;
use crate::support::{DAY, HeldClock, START, Server};

const CHALLENGE: &str = r#"Bearer realm="shop""#;

#[tokio::test]
async fn the_feature_reads_and_the_key_writes() {
    let clock = HeldClock::new();
    let (offers, reads) = (offered(&clock), reading(&clock));
    let (offers, reads) = (offers.serve().await, reads.serve().await);
    let mut laptop = Laptop::bound(&offers, 1).await;
    let key = laptop.bound_to();
    // Back and forth, as a balancer sends it.
    for server in [&reads, &offers, &reads, &reads] {
        clock.advance(2 * DAY);
        laptop.bound_cookie_ends();
        stolen_is_worthless(&laptop, server).await;
        let answer = laptop.refresh(server).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), 1, "issued anew");
        assert_eq!(laptop.bound_to(), key);
    }
    let mut other = laptop.clone();
    let answer = other.login(&reads, 8).await;
    assert_eq!(answer.header("secure-session-registration"), None);
    assert_eq!(other.bound_to(), None);
    other.session = None;
    assert_eq!(other.refresh(&reads).await.status, 200);
}

/// A session whose login was answered by one that offers, and whose registration meets one that only reads.
#[tokio::test]
async fn a_registration_is_taken_by_those_that_offer_none() {
    let clock = HeldClock::new();
    let (offers, reads) = (offered(&clock), reading(&clock));
    let (offers, reads) = (offers.serve().await, reads.serve().await);
    let mut laptop = Laptop::signed_in(&offers, 1).await;
    assert_eq!(laptop.register(&reads).await.status, 200);
    laptop.bound_cookie_ends();
    for server in [&offers, &reads] {
        stolen_is_worthless(&laptop, server).await;
    }
    assert_eq!(laptop.refresh(&offers).await.status, 200);
}

async fn stolen_is_worthless(laptop: &Laptop, server: &Server) {
    let mut thief = laptop.clone();
    thief.bound_cookie_ends();
    let answer = thief.browser.refresh(server).await;
    answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
}

/// Sessions from before the key was written begin no binding of their own, and end no sooner.
#[tokio::test]
async fn sessions_from_before_stay_unbound_until_the_next_login() {
    let clock = HeldClock::new();
    let (reads, offers) = (reading(&clock), offered(&clock));
    let (reads, offers) = (reads.serve().await, offers.serve().await);
    let mut laptop = Laptop::signed_in(&offers, 1).await;
    laptop.login(&reads, 7).await;
    for _ in 0..3 {
        clock.advance(2 * DAY);
        let answer = laptop.refresh(&offers).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("secure-session-registration"), None);
    }
    assert_eq!(laptop.bound_to(), None);
}

/// What builds without the feature are given in the tests of the root (`deployments`), so that both see one token.
#[tokio::test]
async fn a_bound_token_is_what_other_builds_are_tried_with() {
    let clock = HeldClock::new();
    let server = offered(&clock).serve().await;
    let laptop = Laptop::bound(&server, 1).await;
    let mut claims = laptop.refresh_claims();
    claims["sid"] = "sid".into();
    let expected = serde_json::json!({
        "iss": "shop",
        "aud": "shop#refresh",
        "sub": "7",
        "sid": "sid",
        "auth_time": START,
        "iat": START,
        "exp": START + 7 * DAY,
        "cnf": {"jwk": {
            "kty": "EC",
            "crv": "P-256",
            "x": "b_A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY",
            "y": "PE91OlW_AdxT9sCwx-7ni0DG_30lqW4igrmJzvccFEo",
        }},
    });
    assert_eq!(claims, expected);
}
