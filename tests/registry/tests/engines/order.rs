//! What every registry has to do, and what an engine could leave out.

use std::time::Duration;

use stateless_session::{Ending, MemoryRegistry, PostgresRegistry, Seen, SessionRegistry, testing};

use crate::engine::{Engine, Postgres, on_both};
use crate::support::START;

on_both! { conforms }

async fn conforms<E: Engine>() {
    let engine = E::start().await;
    testing::registry(&engine.connect().await, &engine.connect().await).await;
}

#[tokio::test]
async fn a_registry_in_memory_conforms() {
    let registry = MemoryRegistry::new();
    testing::registry(&registry.clone(), &registry).await;
}

/// A number that counts rows would leave out the first: it began earlier and commits later.
#[tokio::test]
async fn what_commits_out_of_order_is_not_left_out() {
    let engine = Postgres::start().await;
    let registry = engine.connect().await;
    let (_, position) = registry.feed(None, START).await.unwrap();
    let insert = |sid: &str| {
        format!(
            "INSERT INTO session_registry VALUES ('shop', '1', '{sid}', 1, 1, {end}, NULL, 0, 1, 1, 1, 1, pg_current_xact_id());",
            end = START + 1_000,
        )
    };
    let (first, connection) = tokio_postgres::connect(&engine.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let driven = tokio::spawn(connection);
    first
        .batch_execute(&format!("BEGIN; {}", insert("a")))
        .await
        .unwrap();
    engine.execute(&insert("b")).await;
    let sids = |endings: Vec<Ending>| {
        endings
            .into_iter()
            .filter_map(|ending| ending.sid)
            .collect::<Vec<_>>()
    };
    let (endings, position) = registry.feed(Some(&position), 0).await.unwrap();
    assert_eq!(sids(endings), ["b"]);
    first.batch_execute("COMMIT").await.unwrap();
    let (endings, position) = registry.feed(Some(&position), 0).await.unwrap();
    assert_eq!(sids(endings), ["a"]);
    let (endings, _) = registry.feed(Some(&position), 0).await.unwrap();
    assert!(endings.is_empty(), "nothing comes twice");
    drop(first);
    driven.await.unwrap().unwrap();
}

/// Every node reads it once a second, and what has ended stays for as long as a refresh token may live.
#[tokio::test]
async fn a_read_does_not_pass_through_what_ended_before() {
    let engine = Postgres::start().await;
    // Whoever may write deletes what is over at its start, and reads the whole table for that.
    let registry = PostgresRegistry::connect_read_only(&engine.url())
        .await
        .unwrap();
    engine
        .execute(
            "INSERT INTO session_registry SELECT 'shop', n, n, 1, 1, 9999999999, NULL, 0, 1, 1, 1, 1, '1' \
             FROM generate_series(1, 20000) n; ANALYZE session_registry; SELECT pg_stat_reset();",
        )
        .await;
    let (endings, position) = registry.feed(None, START).await.unwrap();
    assert!(endings.is_empty());
    let read = || async {
        let (client, connection) = tokio_postgres::connect(&engine.url(), tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let counts = "SELECT seq_tup_read, idx_scan FROM pg_stat_user_tables WHERE relname = 'session_registry'";
        let counts = client.query_one(counts, &[]).await.unwrap();
        (counts.get::<_, i64>(0), counts.get::<_, i64>(1))
    };
    // What was counted is told by the connection's next statement after a second.
    for _ in 0..20 {
        registry.feed(Some(&position), 0).await.unwrap();
        let (rows, scans) = read().await;
        assert_eq!(rows, 0, "it reads the whole table");
        if scans > 0 {
            return;
        }
    }
    panic!("it was counted nowhere");
}

#[tokio::test]
async fn whoever_refreshes_waits_for_no_disk_and_whoever_ends_does() {
    let engine = Postgres::start().await;
    let registry = engine.connect().await;
    let sid = "A".repeat(22);
    let seen = Seen {
        audience: "shop",
        subject: "1",
        sid: &sid,
        auth_time: START,
        at: START,
        ends_at: START + 1_000,
        user_agent: None,
        iat: START,
        grace: 0,
    };
    let syncs = async || {
        // What a connection counted is told by its next statement after a second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        registry.feed(None, START).await.unwrap();
        let syncs = engine.execute("SELECT wal_sync FROM pg_stat_wal").await;
        syncs.unwrap().parse::<u64>().unwrap()
    };
    let before = syncs().await;
    for _ in 0..200 {
        registry.seen(&seen).await.unwrap();
    }
    let refreshed = syncs().await - before;
    assert!(refreshed < 100, "{refreshed} for 200 refreshes");
    for number in 0..200 {
        let ending = Ending {
            audience: "shop".to_owned(),
            subject: number.to_string(),
            sid: None,
            at: START,
            ends_at: START + 1_000,
        };
        registry.end(&ending).await.unwrap();
    }
    let ended = syncs().await - before - refreshed;
    assert!(ended >= 200, "{ended} for 200 endings");
}

/// Rows that no token can need any more go, and a batch at a time.
#[tokio::test]
async fn what_is_over_can_be_deleted_by_the_roles_of_the_schema() {
    let engine = Postgres::start().await;
    engine
        .execute(
            "CREATE ROLE login LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON session_registry TO login; \
             CREATE ROLE verifying LOGIN; GRANT SELECT ON session_registry TO verifying;",
        )
        .await;
    let login = Postgres::try_connect(&engine.url_of("login"))
        .await
        .unwrap();
    let verifying = PostgresRegistry::connect_read_only(&engine.url_of("verifying"))
        .await
        .unwrap();
    let (_, mut position) = verifying.feed(None, START).await.unwrap();
    let ending = Ending {
        audience: "shop".to_owned(),
        subject: "1".to_owned(),
        sid: None,
        at: START,
        ends_at: START + 1_000,
    };
    login.end(&ending).await.unwrap();
    for _ in 0..20 {
        let (endings, next) = verifying.feed(Some(&position), 0).await.unwrap();
        position = next;
        if endings.contains(&ending) {
            return;
        }
    }
    panic!("a role that may only read heard nothing");
}
