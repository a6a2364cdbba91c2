//! Rotation: every refresh hands out a successor, no race logs anybody out, and a copy ends the session.

use futures_util::future::join_all;
use stateless_session::MemoryRegistry;

use crate::apps::{App, Page, best_effort, eventually, refused_at, rotating};
use crate::support::{HeldClock, MINUTE, Server, payload};

struct Cluster {
    clock: HeldClock,
    node: Server,
    other: Server,
    /// Beside the same registry, without rotation.
    without: Server,
    app: App<rotating::Claims>,
}

impl Cluster {
    async fn start() -> Self {
        let (clock, registry) = (HeldClock::new(), MemoryRegistry::new());
        let app = App::beside(registry.clone(), &clock).await;
        let other = App::<rotating::Claims>::beside(registry.clone(), &clock)
            .await
            .serve()
            .await;
        let without = App::<best_effort::Claims>::beside(registry, &clock)
            .await
            .serve()
            .await;
        let node = app.serve().await;
        Self {
            clock,
            node,
            other,
            without,
            app,
        }
    }

    async fn signed_in(&self) -> Page {
        let page = Page::signed_in(&self.node, 1).await;
        eventually("the login is written down", async || {
            !self.app.sessions.list(&1).await.unwrap().is_empty()
        })
        .await;
        page
    }
}

fn iat(page: &Page) -> u64 {
    payload(&page.browser.refresh_cookie().value)["iat"]
        .as_u64()
        .unwrap()
}

async fn assert_reused(server: &Server, page: &mut Page) {
    page.refresh(server)
        .await
        .assert_refused(401, "session_ended", Some(crate::apps::CHALLENGE));
}

#[tokio::test]
async fn every_refresh_behind_the_grace_hands_out_a_successor() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    for _ in 0..5 {
        let before = iat(&page);
        cluster.clock.advance(15 * MINUTE);
        let answer = page.refresh(&cluster.node).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), 1, "the refresh cookie alone");
        assert_eq!(iat(&page), cluster.clock.now());
        assert!(iat(&page) > before);
    }
    // Within the grace, nothing is written.
    cluster.clock.advance(10);
    assert!(page.refresh(&cluster.other).await.set_cookies().is_empty());
}

/// Twenty tabs on two nodes at one moment, again and again.
#[tokio::test]
async fn whoever_asks_at_once_gets_the_same_successor() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    for _ in 0..10 {
        cluster.clock.advance(15 * MINUTE);
        let mut tabs = vec![page.clone(); 20];
        let nodes = [&cluster.node, &cluster.other];
        let answers = tabs
            .iter_mut()
            .zip(nodes.into_iter().cycle())
            .map(|(tab, node)| tab.refresh(node));
        assert!(
            join_all(answers)
                .await
                .iter()
                .all(|answer| answer.status == 200)
        );
        assert!(tabs.iter().all(|tab| iat(tab) == cluster.clock.now()));
        page = tabs.swap_remove(7);
    }
}

/// The answer never arrived, so the browser comes again with what it has, however late.
#[tokio::test]
async fn a_lost_answer_leaves_the_old_token_valid() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    for hours in 1..5 {
        cluster.clock.advance(hours * 60 * MINUTE);
        let mut lost = page.clone();
        assert_eq!(lost.refresh(&cluster.node).await.status, 200);
    }
    cluster.clock.advance(60 * MINUTE);
    assert_eq!(page.refresh(&cluster.node).await.status, 200);
    assert_eq!(iat(&page), cluster.clock.now());
}

#[tokio::test]
async fn a_token_that_its_successor_displaced_ends_the_session_for_both() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    let mut copy = page.clone();
    for _ in 0..2 {
        cluster.clock.advance(15 * MINUTE);
        assert_eq!(page.refresh(&cluster.node).await.status, 200);
    }
    cluster.clock.advance(MINUTE);
    assert_reused(&cluster.other, &mut copy).await;
    cluster
        .other
        .assert_logged("refresh token reused, session ended");
    // The page that had the newest token, too, and its access token on every node.
    assert_reused(&cluster.node, &mut page).await;
    refused_at(&cluster.node, &page).await;
    refused_at(&cluster.other, &page).await;
}

/// The thief came first: the browser is the one that is refused, which shows the copy all the same.
#[tokio::test]
async fn a_copy_that_goes_ahead_is_found_by_the_browser() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    let mut copy = page.clone();
    for _ in 0..2 {
        cluster.clock.advance(15 * MINUTE);
        assert_eq!(copy.refresh(&cluster.node).await.status, 200);
    }
    cluster.clock.advance(MINUTE);
    assert_reused(&cluster.node, &mut page).await;
    assert_reused(&cluster.node, &mut copy).await;
}

/// A token that its successor displaced a moment ago is under way in another tab.
#[tokio::test]
async fn a_displaced_token_counts_within_the_grace() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    cluster.clock.advance(15 * MINUTE);
    let mut late = page.clone();
    assert_eq!(page.refresh(&cluster.node).await.status, 200);
    cluster.clock.advance(15 * MINUTE);
    assert_eq!(page.refresh(&cluster.node).await.status, 200);
    cluster.clock.advance(25);
    assert_eq!(late.refresh(&cluster.other).await.status, 200);
    assert_eq!(iat(&late), iat(&page));
}

#[tokio::test]
async fn nodes_with_and_without_rotation_stand_beside_one_another() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in().await;
    for _ in 0..300 {
        cluster.clock.advance(15 * MINUTE);
        assert_eq!(page.refresh(&cluster.without).await.status, 200);
        cluster.clock.advance(15 * MINUTE);
        assert_eq!(page.refresh(&cluster.node).await.status, 200);
    }
    let wire = payload(&page.browser.refresh_cookie().value);
    let claims: Vec<_> = wire.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        claims,
        ["aud", "auth_time", "exp", "iat", "iss", "sid", "sub"],
        "no claim more"
    );
}
