//! A session that ends, however it does, on every node; and who cannot end it.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use stateless_session::{MemoryRegistry, Sessions};

use crate::apps::{App, Claimed, Page, best_effort, eventually, refused_at, rotating, without};
use crate::support::{Browser, HeldClock, MINUTE, Request, Server, keys, payload};
use crate::switched::Switched;

/// Two nodes of one application.
struct Cluster {
    clock: HeldClock,
    registry: Switched,
    node: Server,
    other: Server,
    other_app: App<best_effort::Claims>,
}

impl Cluster {
    async fn start() -> Self {
        let (clock, registry) = (HeldClock::new(), Switched::beside(&MemoryRegistry::new()));
        let app = App::<best_effort::Claims>::beside(registry.clone(), &clock).await;
        let other_app = App::beside(registry.clone(), &clock).await;
        let (node, other) = (app.serve().await, other_app.serve().await);
        Self {
            clock,
            registry,
            node,
            other,
            other_app,
        }
    }

    async fn signed_in(&self, user: u64) -> Page {
        let page = Page::signed_in(&self.node, user).await;
        let sid = page.sid();
        // A login is written down behind its answer.
        eventually("the login is written down", async || {
            self.devices(user).await.contains(&sid)
        })
        .await;
        page
    }

    async fn devices(&self, user: u64) -> Vec<String> {
        let records = self.other_app.sessions.list(&user).await.unwrap();
        records.into_iter().map(|record| record.sid).collect()
    }

    async fn assert_alive(&self, page: &mut Page) {
        for server in [&self.node, &self.other] {
            assert_eq!(page.get(server, "/me").await.status, 200);
            assert_eq!(page.refresh(server).await.status, 200);
        }
    }

    /// Its access token is refused by this node, and soon by the other, and so are copies of its cookies.
    async fn assert_over(&self, page: &mut Page) {
        refused_at(&self.other, page).await;
        for server in [&self.node, &self.other] {
            page.get(server, "/me").await.assert_refused(
                401,
                "invalid_token",
                Some(crate::apps::INVALID_TOKEN),
            );
            page.refresh(server).await.assert_refused(
                401,
                "session_ended",
                Some(crate::apps::CHALLENGE),
            );
        }
    }
}

#[tokio::test]
async fn a_logout_ends_the_copies_of_its_cookies_and_of_its_access_token() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in(1).await;
    let mut copy = page.clone();
    cluster.assert_alive(&mut copy).await;
    assert_eq!(page.browser.logout(&cluster.node).await.status, 204);
    assert_eq!(copy.get(&cluster.node, "/me").await.status, 401);
    cluster.assert_over(&mut copy).await;
    cluster.node.assert_logged("the session is over");
    cluster.node.assert_logged("why=it was ended");
    cluster.node.assert_logged("its session has ended");
}

/// As the browser module does it, which deletes the marker first.
#[tokio::test]
async fn a_logout_without_its_marker_ends_the_session_and_one_with_a_marker_alone_ends_none() {
    let cluster = Cluster::start().await;
    let mut page = cluster.signed_in(1).await;
    let refresh_token = page.browser.refresh_cookie().clone();
    let marker = page.browser.marker().clone();
    let cookie = |name: &str, value: &str| format!("{name}={value}");

    let alone = Request::post("/auth/logout").header("cookie", cookie(&marker.name, &marker.value));
    assert_eq!(cluster.node.send(&alone).await.status, 204);
    cluster.assert_alive(&mut page).await;

    let without = Request::post("/auth/logout")
        .header("cookie", cookie(&refresh_token.name, &refresh_token.value));
    assert_eq!(cluster.node.send(&without).await.status, 204);
    cluster.assert_over(&mut page).await;
}

/// What earlier logins left in a browser is deleted there, and is another browser's affair everywhere else.
#[tokio::test]
async fn a_logout_beside_a_marker_ends_the_markers_session_alone() {
    let cluster = Cluster::start().await;
    let mut first = cluster.signed_in(1).await;
    let mut second = cluster.signed_in(1).await;
    let mut mixed = second.browser.clone();
    let earlier = first.browser.refresh_cookie().clone();
    mixed.cookies.push(earlier);
    assert_eq!(mixed.logout(&cluster.node).await.status, 204);
    cluster.assert_over(&mut second).await;
    cluster.assert_alive(&mut first).await;
}

#[tokio::test]
async fn one_of_ones_own_devices_is_ended_from_another() {
    let cluster = Cluster::start().await;
    let mut laptop = cluster.signed_in(1).await;
    cluster.clock.advance(5);
    let mut phone = cluster.signed_in(1).await;
    assert_eq!(cluster.devices(1).await, [phone.sid(), laptop.sid()]);
    let end = Request::new("DELETE", &format!("/devices/{}", phone.sid())).bearer(&laptop.token);
    assert_eq!(cluster.node.send(&end).await.status, 204);
    cluster.assert_over(&mut phone).await;
    cluster.assert_alive(&mut laptop).await;
    assert_eq!(cluster.devices(1).await, [laptop.sid()]);
    assert_eq!(
        cluster.node.send(&end).await.status,
        404,
        "it has ended already"
    );
    // And stays ended, however often somebody says so.
    cluster.assert_over(&mut phone).await;
}

#[tokio::test]
async fn nobody_ends_a_session_of_somebody_else_by_its_name() {
    let cluster = Cluster::start().await;
    let mut ada = cluster.signed_in(1).await;
    let mallory = cluster.signed_in(2).await;
    let guess = Request::new("DELETE", &format!("/devices/{}", ada.sid())).bearer(&mallory.token);
    assert_eq!(cluster.node.send(&guess).await.status, 404);
    cluster.assert_alive(&mut ada).await;

    // Not in an outage either, when nobody can be asked whose it is.
    cluster.registry.to(crate::switched::Switch::Fails);
    assert_eq!(cluster.node.send(&guess).await.status, 503);
    for server in [&cluster.node, &cluster.other] {
        assert_eq!(ada.get(server, "/me").await.status, 200);
    }
    cluster.registry.to(crate::switched::Switch::Answers);
    assert_eq!(cluster.node.send(&guess).await.status, 404);
    cluster.assert_alive(&mut ada).await;

    // And it brings nothing back to life that has ended.
    let mut copy = ada.clone();
    assert_eq!(ada.browser.logout(&cluster.node).await.status, 204);
    cluster.assert_over(&mut copy).await;
    assert_eq!(cluster.node.send(&guess).await.status, 404);
    cluster.assert_over(&mut copy).await;
}

#[tokio::test]
async fn what_is_no_sid_is_nobodys_and_asks_nobody() {
    let cluster = Cluster::start().await;
    let page = cluster.signed_in(1).await;
    let asked = cluster.registry.asked.load(Ordering::SeqCst);
    let long = "a".repeat(1_000);
    for sid in [
        "x",
        "AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAA%20A",
        "%27%20OR%201=1--",
        &long,
    ] {
        let end = Request::new("DELETE", &format!("/devices/{sid}")).bearer(&page.token);
        assert_eq!(cluster.node.send(&end).await.status, 404, "{sid}");
    }
    assert_eq!(cluster.registry.asked.load(Ordering::SeqCst), asked);
    assert_eq!(cluster.devices(77).await, [""; 0]);
}

/// A new password, in one handler: all sessions end, and the one that begins in the same second does not.
#[tokio::test]
async fn all_sessions_end_and_a_login_in_the_same_second_counts() {
    let cluster = Cluster::start().await;
    let mut laptop = cluster.signed_in(1).await;
    let mut phone = cluster.signed_in(1).await;
    let mut bob = cluster.signed_in(2).await;
    let mut old = laptop.clone();
    let change = Request::post("/password").bearer(&laptop.token);
    let answer = laptop.browser.send(&cluster.node, change).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    laptop.token = answer.access_token();
    let began = payload(&laptop.token)["auth_time"].as_u64().unwrap();
    assert_eq!(
        began,
        cluster.clock.now() + 1,
        "dated behind the end of the others"
    );
    cluster.assert_over(&mut old).await;
    cluster.assert_over(&mut phone).await;
    cluster.assert_alive(&mut laptop).await;
    cluster.assert_alive(&mut bob).await;
    eventually("the new one is listed", async || {
        cluster.devices(1).await == [laptop.sid()]
    })
    .await;

    // At the other node as well, and a second later without that.
    let mut elsewhere = Page::signed_in(&cluster.other, 1).await;
    cluster.assert_alive(&mut elsewhere).await;
    cluster.clock.advance(2);
    let later = Page::signed_in(&cluster.other, 1).await;
    assert_eq!(payload(&later.token)["auth_time"], cluster.clock.now());
}

#[tokio::test]
async fn clocks_that_are_four_seconds_apart_end_what_began_and_not_what_begins() {
    let memory = MemoryRegistry::new();
    let (clock, ahead) = (HeldClock::new(), HeldClock::new());
    ahead.advance(4);
    let app = App::<best_effort::Claims>::beside(memory.clone(), &clock).await;
    let app_ahead = App::<best_effort::Claims>::beside(memory.clone(), &ahead).await;
    let (node, node_ahead) = (app.serve().await, app_ahead.serve().await);

    let before = Page::signed_in(&node, 1).await;
    app_ahead.sessions.end_all(&1).await.unwrap();
    refused_at(&node, &before).await;
    // Its own clock is behind that moment, and the login is dated behind it.
    let mut after = Page::signed_in(&node, 1).await;
    for server in [&node, &node_ahead] {
        assert_eq!(after.get(server, "/me").await.status, 200);
        assert_eq!(after.refresh(server).await.status, 200);
    }
}

#[tokio::test]
async fn a_node_that_starts_knows_what_ended_before() {
    let cluster = Cluster::start().await;
    let pages: Vec<_> = join_all((0..50).map(|user| cluster.signed_in(user))).await;
    for page in &pages {
        assert_eq!(page.browser.clone().logout(&cluster.node).await.status, 204);
    }
    let restarted =
        App::<best_effort::Claims>::beside(cluster.registry.clone(), &cluster.clock).await;
    let server = restarted.serve().await;
    for page in &pages {
        assert_eq!(page.get(&server, "/me").await.status, 401);
    }
}

/// Old access tokens are over at their end, whatever the set still remembers, and new ones count.
#[tokio::test]
async fn a_session_that_the_registry_does_not_know_is_taken_over_at_its_next_refresh() {
    let clock = HeldClock::new();
    let before = App::<without::Claims>::of(Sessions::new(keys()), &clock);
    let before = before.serve().await;
    let mut page = Page::signed_in(&before, 1).await;

    // Switched on: nobody is logged out, and the row comes with the refresh.
    let registry = MemoryRegistry::new();
    let app = App::<best_effort::Claims>::beside(registry.clone(), &clock).await;
    let server = app.serve().await;
    assert_eq!(page.get(&server, "/me").await.status, 200);
    assert!(app.sessions.list(&1).await.unwrap().is_empty());
    // What is not listed cannot be ended, here as little as there.
    assert!(!app.sessions.end(&1, &page.sid()).await.unwrap());
    assert_eq!(page.get(&server, "/me").await.status, 200);
    clock.advance(16 * MINUTE);
    assert_eq!(page.refresh(&server).await.status, 200);
    assert_eq!(app.sessions.list(&1).await.unwrap().len(), 1);

    // Switched off again on one node, and all of it lost on the other: nobody is logged out either.
    assert_eq!(page.get(&before, "/me").await.status, 200);
    assert_eq!(page.refresh(&before).await.status, 200);
    let emptied = App::<best_effort::Claims>::beside(MemoryRegistry::new(), &clock).await;
    let emptied = emptied.serve().await;
    assert_eq!(page.get(&emptied, "/me").await.status, 200);
    assert_eq!(page.refresh(&emptied).await.status, 200);
}

#[tokio::test]
async fn the_record_holds_what_the_contract_says() {
    let cluster = Cluster::start().await;
    let long = format!("Mozilla/5.0 {}", "x".repeat(100));
    let mut page = Page::called(&cluster.node, 1, &long).await;
    cluster.clock.advance(MINUTE);
    let refresh = page
        .browser
        .with_cookies(Request::post("/auth/refresh"))
        .header("user-agent", "curl/8");
    eventually("the login is written down", async || {
        cluster.devices(1).await.len() == 1
    })
    .await;
    let record = &cluster.other_app.sessions.list(&1).await.unwrap()[0];
    assert_eq!(record.user_agent.as_deref(), Some(&long[..64]));
    assert_eq!(record.auth_time, cluster.clock.now() - MINUTE);
    assert_eq!(record.seen_at, record.auth_time);
    let answer = page.browser.send(&cluster.other, refresh).await;
    assert_eq!(answer.status, 200);
    let record = &cluster.other_app.sessions.list(&1).await.unwrap()[0];
    assert_eq!(record.user_agent.as_deref(), Some("curl/8"));
    assert_eq!(record.seen_at, cluster.clock.now());
    assert_eq!(record.sid, page.sid());
    let lag = cluster.other_app.sessions.revocation_lag().unwrap();
    assert!(lag < std::time::Duration::from_secs(20), "{lag:?}");
}

/// A program without a runtime, such as one that prints a token, leaves the row to the first refresh.
#[test]
fn a_login_outside_of_a_runtime_is_written_down_by_its_first_refresh() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let registry = MemoryRegistry::new();
    let sessions = runtime
        .block_on(Sessions::<best_effort::Claims>::with_registry(
            keys(),
            registry,
        ))
        .unwrap();
    let login = sessions
        .login_checked_elsewhere(best_effort::Claims::of(1))
        .unwrap();
    assert!(sessions.verify(login.access_token()).is_ok());
    assert!(runtime.block_on(sessions.list(&1)).unwrap().is_empty());
}

/// Billing accepts the shop's tokens as well: whose subject a number is, the token's audience says.
#[tokio::test]
async fn a_subject_of_another_audience_is_somebody_else() {
    let memory = MemoryRegistry::new();
    let shop = Sessions::<best_effort::Claims>::with_registry(keys(), memory.clone())
        .await
        .unwrap();
    let billing = Sessions::<best_effort::Claims>::with_registry(keys(), memory)
        .await
        .unwrap();
    let billing = billing.with_audience("billing").accept_audience("shop");
    let of_shop = shop
        .login_checked_elsewhere(best_effort::Claims::of(7))
        .unwrap();
    let of_billing = billing
        .login_checked_elsewhere(best_effort::Claims::of(7))
        .unwrap();
    billing.end_all(&7).await.unwrap();
    assert!(billing.verify(of_billing.access_token()).is_err());
    assert!(billing.verify(of_shop.access_token()).is_ok());
    shop.end_all(&7).await.unwrap();
    eventually("billing hears of it", async || {
        billing.verify(of_shop.access_token()).is_err()
    })
    .await;
}

/// Sockets and streams that are open on the other node.
#[tokio::test]
async fn what_stays_open_hears_of_the_end_at_once() {
    let cluster = Cluster::start().await;
    let (phone, laptop, bob) = (
        cluster.signed_in(1).await,
        Page::signed_in(&cluster.node, 1).await,
        cluster.signed_in(2).await,
    );
    let sessions = &cluster.other_app.sessions;
    let open = |page: &Page| {
        let session = sessions.verify(&page.token).unwrap();
        tokio::spawn(sessions.ended(&session))
    };
    let (phones, laptops, bobs) = (open(&phone), open(&laptop), open(&bob));
    assert_eq!(
        phone.browser.clone().logout(&cluster.node).await.status,
        204
    );
    phones.await.unwrap();
    assert!(!laptops.is_finished());
    // And one that is opened a moment later.
    let late = sessions.verify(&laptop.token).unwrap();
    let password = Request::post("/password").bearer(&laptop.token);
    assert_eq!(
        laptop
            .browser
            .clone()
            .send(&cluster.node, password)
            .await
            .status,
        200
    );
    laptops.await.unwrap();
    sessions.ended(&late).await;
    assert!(!bobs.is_finished());
    bobs.abort();
}

#[tokio::test]
async fn every_end_is_an_event() {
    let registry = MemoryRegistry::new();
    let (tell, told) = std::sync::mpsc::channel();
    let clock = HeldClock::new();
    let mut app = App::<rotating::Claims>::beside(registry, &clock).await;
    app.sessions = app.sessions.on_event(move |event| {
        let _ = tell.send((
            format!("{:?}", event.kind),
            event.sid().map(str::to_owned),
            event.subject().copied(),
        ));
    });
    let server = app.serve().await;
    let mut page = Page::signed_in(&server, 1).await;
    let sid = Some(page.sid());
    app.sessions.end_all(&1).await.unwrap();
    assert_eq!(page.refresh(&server).await.status, 401);
    let events: Vec<_> = told.try_iter().collect();
    assert_eq!(
        events,
        [
            ("Login".to_owned(), sid.clone(), Some(1)),
            ("Ended { why: EndedElsewhere }".to_owned(), sid, Some(1)),
        ]
    );
    drop(Browser::default());
}
