//! The table of faults: a registry that fails, hangs or panics logs nobody out.

use std::time::Duration;

use stateless_session::{MemoryRegistry, Sessions};

use crate::apps::{
    App, Claimed, Page, best_effort, eventually, refused_at, rotating, strict, strictly_rotating,
};
use crate::support::{Answer, HeldClock, MINUTE, Request, Server, keys};
use crate::switched::{Switch, Switched};

const FAULTS: [Switch; 3] = [Switch::Fails, Switch::Hangs, Switch::Panics];

struct Cluster<C> {
    clock: HeldClock,
    /// This node's way to the registry; the other one's is never cut.
    registry: Switched,
    app: App<C>,
    node: Server,
    other: Server,
    other_app: App<C>,
}

impl<C: Claimed> Cluster<C> {
    async fn start() -> Self {
        let (clock, memory) = (HeldClock::new(), MemoryRegistry::new());
        let registry = Switched::beside(&memory);
        let app = App::<C>::beside(registry.clone(), &clock).await;
        let other_app = App::<C>::beside(memory, &clock).await;
        let (node, other) = (app.serve().await, other_app.serve().await);
        Self {
            clock,
            registry,
            app,
            node,
            other,
            other_app,
        }
    }

    async fn signed_in(&self, user: u64) -> Page {
        let page = Page::signed_in(&self.node, user).await;
        eventually("the login is written down", async || {
            self.listed(user).await == 1
        })
        .await;
        page
    }

    async fn listed(&self, user: u64) -> usize {
        self.other_app.sessions.list(&user).await.unwrap().len()
    }

    /// Takes the registry away, until the node knows that.
    async fn cut(&self, fault: Switch) {
        self.registry.to(fault);
        let log = "the session registry does not answer";
        eventually("the node notices", async || self.node.log().contains(log)).await;
    }

    async fn mend(&self) {
        self.registry.to(Switch::Answers);
        eventually("the node hears of the registry", async || {
            self.node
                .log()
                .contains("the session registry answers again")
        })
        .await;
    }
}

fn assert_unavailable(answer: &Answer) {
    answer.assert_refused(503, "temporarily_unavailable", None);
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn a_node_does_not_start_without_its_registry() {
    for fault in FAULTS {
        let registry = Switched::beside(&MemoryRegistry::new());
        registry.to(fault);
        let error = Sessions::<best_effort::Claims>::with_registry(keys(), registry)
            .await
            .unwrap_err();
        let said = format!("{error:?}");
        let expected = match fault {
            Switch::Fails => "the session registry failed: nobody listens at the socket",
            Switch::Hangs => "the session registry gave no answer in time",
            _ => "the session registry panicked",
        };
        assert_eq!(said, expected);
        assert_eq!(axum::http::StatusCode::from(error), 503);
    }
}

#[tokio::test]
async fn best_effort_goes_on_by_the_tokens_alone() {
    for fault in FAULTS {
        let cluster = Cluster::<best_effort::Claims>::start().await;
        let mut page = cluster.signed_in(1).await;
        cluster.cut(fault).await;

        assert_eq!(page.get(&cluster.node, "/me").await.status, 200);
        let mut other = Page::signed_in(&cluster.node, 2).await;
        cluster.clock.advance(16 * MINUTE);
        assert_eq!(page.get(&cluster.node, "/me").await.status, 401);
        assert_eq!(page.refresh(&cluster.node).await.status, 200);
        assert_eq!(page.get(&cluster.node, "/me").await.status, 200);
        assert_eq!(other.refresh(&cluster.node).await.status, 200);
        assert_eq!(page.get(&cluster.node, "/devices").await.status, 503);
        let lag = cluster.app.sessions.revocation_lag().unwrap();
        assert!(lag > Duration::ZERO);

        cluster.mend().await;
        assert_eq!(page.refresh(&cluster.node).await.status, 200);
        assert_eq!(other.refresh(&cluster.node).await.status, 200);
        assert_eq!(cluster.listed(2).await, 1, "written down by its refresh");
        assert_eq!(
            cluster
                .node
                .log()
                .matches("does not answer; nothing is heard")
                .count(),
            1,
            "said once"
        );
    }
}

/// Whoever is signed in may name as many sessions as he likes.
#[tokio::test]
async fn guesses_in_an_outage_keep_nobody_elses_logout_from_being_told() {
    let cluster = Cluster::<best_effort::Claims>::start().await;
    let mut page = cluster.signed_in(1).await;
    let copy = page.clone();
    cluster.cut(Switch::Fails).await;
    for guess in 0..11_000 {
        let sid = format!("{guess:021}A");
        let answer = cluster.app.sessions.end(&2, &sid).await;
        assert!(answer.is_err());
    }
    assert_eq!(page.browser.logout(&cluster.node).await.status, 204);
    cluster.mend().await;
    refused_at(&cluster.other, &copy).await;
    assert_eq!(copy.clone().refresh(&cluster.other).await.status, 401);
    // And the guesses end nothing of anybody's.
    assert_eq!(cluster.listed(2).await, 0);
}

#[tokio::test]
async fn a_logout_in_an_outage_counts_here_at_once_and_everywhere_behind_it() {
    for fault in FAULTS {
        let cluster = Cluster::<best_effort::Claims>::start().await;
        let mut page = cluster.signed_in(1).await;
        let mut copy = page.clone();
        cluster.cut(fault).await;
        let answer = page.browser.logout(&cluster.node).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.set_cookies().len(), 2, "both cookies go");
        assert_eq!(copy.get(&cluster.node, "/me").await.status, 401);
        assert_eq!(copy.refresh(&cluster.node).await.status, 401);
        assert_eq!(
            copy.get(&cluster.other, "/me").await.status,
            200,
            "nobody could tell it"
        );

        cluster.mend().await;
        refused_at(&cluster.other, &copy).await;
        assert_eq!(copy.refresh(&cluster.other).await.status, 401);
        cluster.node.assert_logged(
            "a session ended here; its copies end when the session registry answers",
        );
    }
}

#[tokio::test]
async fn end_and_end_all_in_an_outage_are_errors_that_count_here_at_once() {
    for fault in FAULTS {
        let cluster = Cluster::<best_effort::Claims>::start().await;
        let (laptop, phone) = (
            cluster.signed_in(1).await,
            Page::signed_in(&cluster.node, 1).await,
        );
        let other = cluster.signed_in(2).await;
        eventually("the second is written down", async || {
            cluster.listed(1).await == 2
        })
        .await;
        cluster.cut(fault).await;
        let end =
            Request::new("DELETE", &format!("/devices/{}", phone.sid())).bearer(&laptop.token);
        assert_eq!(cluster.node.send(&end).await.status, 503);
        assert_eq!(phone.get(&cluster.node, "/me").await.status, 401);
        assert_eq!(laptop.get(&cluster.node, "/me").await.status, 200);
        assert!(cluster.app.sessions.end_all(&2).await.is_err());
        assert_eq!(other.get(&cluster.node, "/me").await.status, 401);

        cluster.mend().await;
        refused_at(&cluster.other, &phone).await;
        refused_at(&cluster.other, &other).await;
        assert_eq!(laptop.get(&cluster.other, "/me").await.status, 200);
    }
}

#[tokio::test]
async fn a_lifetime_stops_requests_and_refreshes_and_ends_nothing() {
    for fault in FAULTS {
        let cluster = Cluster::<strict::Claims>::start().await;
        let mut page = cluster.signed_in(1).await;
        cluster.cut(fault).await;
        assert_unavailable(&page.refresh(&cluster.node).await);
        eventually("the lag passes three seconds", async || {
            page.get(&cluster.node, "/me").await.status == 503
        })
        .await;
        assert_unavailable(&page.get(&cluster.node, "/me").await);
        let copy = page.clone();
        assert_eq!(page.browser.clone().logout(&cluster.node).await.status, 204);
        let mut other = Page::signed_in(&cluster.node, 2).await;
        assert_unavailable(&other.get(&cluster.node, "/me").await);

        cluster.mend().await;
        eventually("it serves again", async || {
            other.get(&cluster.node, "/me").await.status == 200
        })
        .await;
        assert_eq!(other.refresh(&cluster.node).await.status, 200);
        assert_eq!(
            page.refresh(&cluster.node).await.status,
            401,
            "it was logged out meanwhile"
        );
        refused_at(&cluster.other, &copy).await;
    }
}

#[tokio::test]
async fn rotation_pauses() {
    let cluster = Cluster::<rotating::Claims>::start().await;
    let mut page = cluster.signed_in(1).await;
    let cookie = page.browser.refresh_cookie().clone();
    cluster.cut(Switch::Fails).await;
    // Old enough to be due twice over.
    cluster.clock.advance(3 * 24 * 60 * MINUTE);
    let answer = page.refresh(&cluster.node).await;
    assert_eq!(answer.status, 200);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(*page.browser.refresh_cookie(), cookie);
    cluster.mend().await;
    assert_eq!(page.refresh(&cluster.node).await.set_cookies().len(), 1);

    let cluster = Cluster::<strictly_rotating::Claims>::start().await;
    let mut page = cluster.signed_in(1).await;
    cluster.cut(Switch::Fails).await;
    cluster.clock.advance(16 * MINUTE);
    assert_unavailable(&page.refresh(&cluster.node).await);
}

/// While nothing is heard of sessions that end elsewhere, `fresh` asks for claims that were read since.
#[tokio::test]
async fn a_route_with_fresh_has_the_users_row_decide_while_nothing_is_heard() {
    let cluster = Cluster::<best_effort::Claims>::start().await;
    let mut page = cluster.signed_in(1).await;
    cluster.clock.advance(4 * MINUTE);
    assert_eq!(page.get(&cluster.node, "/fresh").await.status, 200);
    cluster.cut(Switch::Fails).await;
    let stale = page.get(&cluster.node, "/fresh").await;
    assert_eq!(stale.status, 401);
    assert_eq!(stale.json()["code"], "stale_token");
    assert_eq!(page.get(&cluster.node, "/me").await.status, 200);
    let lookups = cluster.app.lookups();
    assert_eq!(page.refresh(&cluster.node).await.status, 200);
    assert_eq!(cluster.app.lookups(), lookups + 1);
    assert_eq!(page.get(&cluster.node, "/fresh").await.status, 200);
    cluster.mend().await;
    cluster.clock.advance(4 * MINUTE);
    assert_eq!(page.get(&cluster.node, "/fresh").await.status, 200);
}

/// The feed brings nothing: what ends elsewhere is known here when it answers again, and nothing is left out.
#[tokio::test]
async fn what_ended_behind_a_cut_is_caught_up() {
    let cluster = Cluster::<best_effort::Claims>::start().await;
    let mut pages = Vec::new();
    for user in 0..100 {
        pages.push(Page::signed_in(&cluster.other, user).await);
    }
    cluster.cut(Switch::Fails).await;
    for page in &pages {
        assert_eq!(
            page.browser.clone().logout(&cluster.other).await.status,
            204
        );
    }
    for page in &pages {
        assert_eq!(page.get(&cluster.node, "/me").await.status, 200);
    }
    cluster.mend().await;
    for page in &pages {
        refused_at(&cluster.node, page).await;
    }
}
