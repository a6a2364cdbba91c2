//! Many tabs on two nodes, answers that are lost: rotation logs nobody out, and a copy shows.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;

use crate::apps::{App, Page, eventually, refused_at, rotating};
use crate::engine::{Engine, on_both};
use crate::support::{HeldClock, MINUTE};

on_both! { no_race_is_a_logout_and_every_copy_shows }

/// 200 sessions, 50 refreshes at once, at full size.
fn size(name: &str, sampled: usize) -> usize {
    std::env::var(name).map_or(sampled, |count| count.parse().unwrap())
}

async fn no_race_is_a_logout_and_every_copy_shows<E: Engine>() {
    let engine = E::start().await;
    let clock = HeldClock::at_present();
    let app = App::<rotating::Claims>::beside(engine.connect().await, &clock).await;
    let other = App::<rotating::Claims>::beside(engine.connect().await, &clock).await;
    let (node, other) = (app.serve().await, other.serve().await);
    let (sessions, at_once) = (size("REGISTRY_SESSIONS", 20), size("REGISTRY_TABS", 25));

    let mut pages = Vec::new();
    for user in 0..u64::try_from(sessions).unwrap() {
        pages.push(Page::signed_in(&node, user).await);
    }
    eventually("the logins are written down", async || {
        let last = u64::try_from(sessions).unwrap() - 1;
        app.sessions.list(&last).await.unwrap().len() == 1
    })
    .await;
    let copies = pages.clone();
    let (refreshes, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    for _ in 0..3 {
        clock.advance(15 * MINUTE);
        let races = pages.iter_mut().map(|page| {
            let (node, other, refreshes, refused) = (&node, &other, &refreshes, &refused);
            async move {
                let mut tabs = vec![page.clone(); at_once];
                let servers = [node, other].into_iter().cycle();
                let answers = tabs.iter_mut().zip(servers).map(async |(tab, server)| {
                    let answer = tab.refresh(server).await;
                    // One answer in seven is lost.
                    let is_lost = refreshes.fetch_add(1, Ordering::Relaxed).is_multiple_of(7);
                    if answer.status != 200 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    (!is_lost).then(|| tab.clone())
                });
                let arrived = join_all(answers).await.into_iter().flatten().last();
                *page = arrived.unwrap_or_else(|| page.clone());
            }
        });
        for race in races {
            race.await;
        }
    }
    assert_eq!(
        refused.into_inner(),
        0,
        "of {} refreshes",
        refreshes.into_inner()
    );

    // The first token was displaced long ago: whoever has it ends the session, the newest and its access tokens too.
    clock.advance(MINUTE);
    for (mut copy, mut page) in copies.into_iter().zip(pages) {
        assert_eq!(copy.refresh(&node).await.status, 401);
        assert_eq!(page.refresh(&other).await.status, 401);
        refused_at(&other, &page).await;
    }
}
