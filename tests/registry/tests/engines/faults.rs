//! Engines that are killed, hung, cut off, emptied and replaced, under load: no fault is a logout.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use stateless_session::{Ending, SessionRegistry};

use crate::apps::{App, Claimed, Page, best_effort, eventually, refused_at, rotating, strict};
use crate::engine::{Engine, Postgres, Redis, on_both};
use crate::proxy::Proxy;
use crate::support::{HeldClock, MINUTE, Server};

on_both! {
    a_killed_engine_logs_nobody_out
    a_hung_engine_logs_nobody_out
    a_lifetime_stops_the_service_and_starts_it_again
    what_ended_behind_a_cut_network_is_caught_up
    a_node_that_starts_knows_what_ended
    an_emptied_engine_logs_nobody_out
    a_promoted_replica_goes_on
}

/// Two nodes on one engine.
struct Nodes<C> {
    clock: HeldClock,
    node: Server,
    other: Server,
    app: App<C>,
    other_app: App<C>,
}

impl<C: Claimed> Nodes<C> {
    async fn on<E: Engine>(engine: &E) -> Self {
        let clock = HeldClock::at_present();
        let app = App::<C>::beside(engine.connect().await, &clock).await;
        let other_app = App::<C>::beside(engine.connect().await, &clock).await;
        let (node, other) = (app.serve().await, other_app.serve().await);
        Self {
            clock,
            node,
            other,
            app,
            other_app,
        }
    }

    async fn signed_in(&self, user: u64) -> Page {
        let page = Page::signed_in(&self.node, user).await;
        eventually("the login is written down", async || {
            !self.app.sessions.list(&user).await.unwrap().is_empty()
        })
        .await;
        page
    }

    async fn notices(&self, server: &Server, line: &str) {
        eventually(line, async || server.log().contains(line)).await;
    }
}

const SILENT: &str = "the session registry does not answer";
const BACK: &str = "the session registry answers again";

async fn a_killed_engine_logs_nobody_out<E: Engine>() {
    logs_nobody_out::<E>("kill", "start").await;
}

async fn a_hung_engine_logs_nobody_out<E: Engine>() {
    logs_nobody_out::<E>("hang", "resume").await;
}

async fn logs_nobody_out<E: Engine>(fault: &str, mend: &str) {
    let mut engine = E::start().await;
    let nodes = Nodes::<best_effort::Claims>::on(&engine).await;
    let mut pages = Vec::new();
    for user in 0..8 {
        pages.push(nodes.signed_in(user).await);
    }
    // What they ask for all the while, on both nodes.
    let is_over = Arc::new(AtomicBool::new(false));
    let failed = Arc::new(AtomicUsize::new(0));
    let load = join_all(pages.iter().cloned().map(|mut page| {
        let (is_over, failed, nodes) = (Arc::clone(&is_over), Arc::clone(&failed), &nodes);
        async move {
            while !is_over.load(Ordering::Relaxed) {
                for server in [&nodes.node, &nodes.other] {
                    let answers = [
                        page.get(server, "/me").await.status,
                        page.refresh(server).await.status,
                    ];
                    if answers != [200, 200] {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }));
    let story = async {
        let gone = nodes.signed_in(100).await;
        engine.order(fault).await;
        nodes.notices(&nodes.node, SILENT).await;
        nodes.notices(&nodes.other, SILENT).await;
        let mut meanwhile = Page::signed_in(&nodes.node, 101).await;
        assert_eq!(meanwhile.get(&nodes.other, "/me").await.status, 200);
        assert_eq!(gone.browser.clone().logout(&nodes.node).await.status, 204);
        assert_eq!(
            gone.get(&nodes.node, "/me").await.status,
            401,
            "here at once"
        );
        assert_eq!(
            gone.get(&nodes.other, "/me").await.status,
            200,
            "and there not yet"
        );
        engine.order(mend).await;
        nodes.notices(&nodes.node, BACK).await;
        refused_at(&nodes.other, &gone).await;
        assert_eq!(gone.clone().refresh(&nodes.other).await.status, 401);
        assert_eq!(meanwhile.refresh(&nodes.node).await.status, 200);
        assert_eq!(nodes.app.sessions.list(&101).await.unwrap().len(), 1);
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, story);
    assert_eq!(
        failed.load(Ordering::Relaxed),
        0,
        "requests and refreshes that failed"
    );
}

async fn a_lifetime_stops_the_service_and_starts_it_again<E: Engine>() {
    let mut engine = E::start().await;
    let nodes = Nodes::<strict::Claims>::on(&engine).await;
    let mut page = nodes.signed_in(1).await;
    engine.order("kill").await;
    eventually("the service stops", async || {
        page.get(&nodes.node, "/me").await.status == 503
    })
    .await;
    let cookies = page.browser.cookies.clone();
    assert_eq!(page.refresh(&nodes.node).await.status, 503);
    assert_eq!(page.browser.cookies, cookies);
    let mut other = Page::signed_in(&nodes.node, 2).await;
    engine.order("start").await;
    for page in [&mut page, &mut other] {
        eventually("it serves again", async || {
            page.get(&nodes.node, "/me").await.status == 200
        })
        .await;
        assert_eq!(page.refresh(&nodes.node).await.status, 200);
    }
}

/// 10,000 at full size.
fn endings() -> usize {
    std::env::var("REGISTRY_ENDINGS").map_or(1_000, |count| count.parse().unwrap())
}

async fn what_ended_behind_a_cut_network_is_caught_up<E: Engine>() {
    let mut engine = E::start().await;
    let proxy = Proxy::before(engine.process().port).await;
    let url = engine
        .url()
        .replace(&engine.process().port.to_string(), &proxy.port.to_string());
    let clock = HeldClock::at_present();
    let app = App::<best_effort::Claims>::beside(E::try_connect(&url).await.unwrap(), &clock).await;
    let server = app.serve().await;
    let mut kept = Page::signed_in(&server, 0).await;

    let logins: Vec<_> = (0..endings())
        .map(|_| {
            app.sessions
                .login_checked_elsewhere(Claimed::of(1))
                .unwrap()
        })
        .collect();
    proxy.cut();
    eventually("the node notices", async || server.log().contains(SILENT)).await;
    let registry = engine.connect().await;
    let ends = logins.iter().map(|login| {
        let ending = Ending {
            audience: "shop".to_owned(),
            subject: "1".to_owned(),
            sid: Some(login.sid().to_owned()),
            at: clock.now(),
            ends_at: clock.now() + 1_000,
        };
        let registry = &registry;
        async move { registry.end(&ending).await.map_err(Into::into).unwrap() }
    });
    join_all(ends).await;
    assert!(
        logins
            .iter()
            .all(|login| app.sessions.verify(login.access_token()).is_ok())
    );
    proxy.lead_to(engine.process().port);
    eventually("all are refused", async || {
        logins
            .iter()
            .all(|login| app.sessions.verify(login.access_token()).is_err())
    })
    .await;
    assert_eq!(kept.get(&server, "/me").await.status, 200);
    assert_eq!(kept.refresh(&server).await.status, 200);

    // And a node that starts then knows them at its first request.
    let restarted = App::<best_effort::Claims>::beside(engine.connect().await, &clock).await;
    assert!(
        logins
            .iter()
            .all(|login| restarted.sessions.verify(login.access_token()).is_err())
    );
}

async fn a_node_that_starts_knows_what_ended<E: Engine>() {
    let mut engine = E::start().await;
    let nodes = Nodes::<best_effort::Claims>::on(&engine).await;
    let mut pages = Vec::new();
    for user in 0..50 {
        pages.push(Page::signed_in(&nodes.node, user).await);
    }
    for page in &pages {
        assert_eq!(page.browser.clone().logout(&nodes.other).await.status, 204);
    }
    // What it was told outlives a crash of it.
    engine.order("kill").await;
    engine.order("start").await;
    let restarted = App::<best_effort::Claims>::beside(engine.connect().await, &nodes.clock).await;
    let server = restarted.serve().await;
    for page in &mut pages {
        assert_eq!(page.get(&server, "/me").await.status, 401);
        assert_eq!(page.refresh(&server).await.status, 401);
    }
}

/// A migration that locks the table: nobody is logged out, and connections do not pile up behind it.
#[tokio::test]
async fn a_locked_table_logs_nobody_out() {
    let engine = Postgres::start().await;
    let nodes = Nodes::<best_effort::Claims>::on(&engine).await;
    let mut page = nodes.signed_in(1).await;
    let lock =
        "BEGIN; LOCK TABLE session_registry IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(12); COMMIT";
    let locking = engine.execute(lock);
    let meanwhile = async {
        nodes.notices(&nodes.node, SILENT).await;
        let mut most = 0;
        for _ in 0..20 {
            assert_eq!(page.get(&nodes.node, "/me").await.status, 200);
            assert_eq!(page.refresh(&nodes.node).await.status, 200);
            let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stateless-session'";
            let count: usize = engine.execute(count).await.unwrap().parse().unwrap();
            most = most.max(count);
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        assert!(most <= 4, "{most} connections of two nodes");
    };
    tokio::join!(locking, meanwhile);
    nodes.notices(&nodes.node, BACK).await;
    assert_eq!(page.refresh(&nodes.node).await.status, 200);
}

/// What is over goes when a node starts, and the rest stays.
#[tokio::test]
async fn rows_that_no_token_can_need_are_deleted() {
    let engine = Postgres::start().await;
    let row = |sid: &str, ends: &str| {
        format!(
            "INSERT INTO session_registry (audience, subject, sid, auth_time, seen_at, ends_at, previous, current, issued, issued_at)
             SELECT 'shop', '7', '{sid}' || n, 1, 1, extract(epoch FROM now()) {ends}, 0, 0, 0, 0 FROM generate_series(1, 12000) n"
        )
    };
    engine.execute(&row("over", "- 1")).await;
    engine.execute(&row("kept", "+ 60")).await;
    let nodes = Nodes::<best_effort::Claims>::on(&engine).await;
    eventually("they are gone", async || {
        let left =
            "SELECT string_agg(DISTINCT left(sid, 4), ',') || count(*) FROM session_registry";
        engine.execute(left).await.as_deref() == Some("kept12000")
    })
    .await;
    drop(nodes);
}

/// A cache that was flushed, a backup that was restored: sessions are taken over, and rotation begins anew.
async fn an_emptied_engine_logs_nobody_out<E: Emptied>() {
    let engine = E::start().await;
    let nodes = Nodes::<rotating::Claims>::on(&engine).await;
    let mut pages = Vec::new();
    for user in 0..20 {
        pages.push(nodes.signed_in(user).await);
    }
    for _ in 0..3 {
        nodes.clock.advance(15 * MINUTE);
        for page in &mut pages {
            assert_eq!(page.refresh(&nodes.node).await.status, 200);
        }
        engine.empty().await;
        nodes.clock.advance(MINUTE);
        for page in &mut pages {
            assert_eq!(page.get(&nodes.other, "/me").await.status, 200);
            assert_eq!(page.refresh(&nodes.other).await.status, 200);
        }
    }
    let sid = pages[3].sid();
    assert!(
        nodes.other_app.sessions.end(&3, &sid).await.unwrap(),
        "and can be ended again"
    );
    refused_at(&nodes.node, &pages[3]).await;
}

pub trait Emptied: Engine {
    async fn empty(&self);
}

impl Emptied for Postgres {
    async fn empty(&self) {
        self.execute("TRUNCATE session_registry").await;
    }
}

impl Emptied for Redis {
    async fn empty(&self) {
        self.command(&["flushall"]).await;
    }
}

/// The engine is replaced by its replica, which was behind: what ends from then on is heard, and what ended before is known.
async fn a_promoted_replica_goes_on<E: Engine>() {
    let mut primary = E::start().await;
    let between = Proxy::before(primary.process().port).await;
    let mut replica = E::replica_of(between.port).await;
    let proxy = Proxy::before(primary.process().port).await;
    let clock = HeldClock::at_present();
    let own = primary.process().port.to_string();
    let url = primary.url().replace(&own, &proxy.port.to_string());
    let app = App::<best_effort::Claims>::beside(E::try_connect(&url).await.unwrap(), &clock).await;
    let server = app.serve().await;
    let mut pages = Vec::new();
    for user in 1..=4 {
        pages.push(Page::signed_in(&server, user).await);
        eventually("it is written down", async || {
            app.sessions.list(&user).await.unwrap().len() == 1
        })
        .await;
    }
    let [before, lost, after, kept] = &mut pages[..] else {
        unreachable!()
    };
    assert_eq!(before.browser.clone().logout(&server).await.status, 204);
    eventually("the replica has it", async || replica.ended().await == 1).await;

    // By its count of transactions the primary is ahead by more than what is to come.
    between.cut();
    assert_eq!(lost.browser.clone().logout(&server).await.status, 204);
    for _ in 0..20 {
        assert_eq!(kept.refresh(&server).await.status, 200);
    }
    // A read of the feed takes a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    primary.order("kill").await;
    replica.order("promote").await;
    proxy.lead_to(replica.process().port);
    eventually("the node goes on", async || {
        app.sessions
            .list(&4)
            .await
            .is_ok_and(|listed| listed.len() == 1)
    })
    .await;
    let second = App::<best_effort::Claims>::beside(replica.connect().await, &clock).await;
    let second = second.serve().await;
    assert_eq!(before.get(&second, "/me").await.status, 401);
    assert_eq!(lost.get(&server, "/me").await.status, 401);
    assert_eq!(after.get(&second, "/me").await.status, 200);
    assert_eq!(after.browser.clone().logout(&second).await.status, 204);
    refused_at(&server, after).await;
    assert_eq!(after.refresh(&server).await.status, 401);
    assert_eq!(kept.refresh(&server).await.status, 200);
}
