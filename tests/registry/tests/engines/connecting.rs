//! What `connect` refuses, in words that say what to set right.

use stateless_session::{
    PostgresRegistry, RedisRegistry, RegistryError, SessionRegistry, Sessions,
};

use crate::apps::best_effort::Claims;
use crate::engine::{Engine, Postgres, Redis, on_both};
use crate::support::keys;

on_both! { an_engine_that_is_not_there_is_an_error the_first_who_asks_after_a_restart_has_an_answer }

async fn the_first_who_asks_after_a_restart_has_an_answer<E: Engine>() {
    let mut engine = E::start().await;
    let registry = engine.connect().await;
    for order in ["stop", "kill"] {
        engine.order(order).await;
        engine.order("start").await;
        assert!(registry.list("shop", "7").await.is_ok(), "after {order}");
    }
}

async fn an_engine_that_is_not_there_is_an_error<E: Engine>() {
    let mut engine = E::start().await;
    engine.order("stop").await;
    let error = E::try_connect(&engine.url()).await.err().unwrap();
    assert!(
        format!("{error:?}").starts_with("the session registry failed: "),
        "{error:?}"
    );
    let error = E::try_connect("no url, with a password")
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("its URL is not one of"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("password"));
}

fn said<T>(result: Result<T, RegistryError>) -> String {
    result.err().expect("an error").to_string()
}

#[tokio::test]
async fn postgres_without_its_table_or_its_rights() {
    let engine = Postgres::start().await;
    engine.execute("CREATE ROLE stranger LOGIN; CREATE ROLE reader LOGIN; GRANT SELECT ON session_registry TO reader;").await;
    let reader = engine.url_of("reader");
    let error = said(PostgresRegistry::connect(&reader).await);
    assert!(
        error.contains("may not SELECT, INSERT, UPDATE and DELETE")
            && error.contains("connect_read_only"),
        "{error}"
    );
    assert!(PostgresRegistry::connect_read_only(&reader).await.is_ok());
    let error = said(PostgresRegistry::connect_read_only(&engine.url_of("stranger")).await);
    assert!(error.contains("may not SELECT"), "{error}");

    engine
        .execute("ALTER TABLE session_registry DROP COLUMN issued_at")
        .await;
    let error = said(PostgresRegistry::connect(&engine.url()).await);
    assert!(
        error.contains("issued_at") && error.contains("PostgresRegistry::SCHEMA"),
        "{error}"
    );
    engine.execute("DROP TABLE session_registry").await;
    let error = said(PostgresRegistry::connect(&engine.url()).await);
    assert!(
        error.contains("\"session_registry\" does not exist")
            && error.contains("PostgresRegistry::SCHEMA"),
        "{error}"
    );
}

#[tokio::test]
async fn redis_that_drops_keys_or_gives_no_rights() {
    let engine = Redis::start().await;
    for policy in ["allkeys-lru", "volatile-ttl"] {
        engine
            .command(&["config", "set", "maxmemory-policy", policy])
            .await;
        let error = said(RedisRegistry::connect(&engine.url()).await);
        assert!(
            error.contains(policy) && error.contains("noeviction"),
            "{error}"
        );
    }
    engine
        .command(&["config", "set", "maxmemory-policy", "noeviction"])
        .await;

    // The role that the docs name, and one that is not even that.
    engine
        .command(&[
            "acl",
            "setuser",
            "reader",
            "on",
            "nopass",
            "resetkeys",
            "resetchannels",
            "-@all",
            "+xread",
            "~{sessions}:ended",
        ])
        .await;
    engine
        .command(&[
            "acl",
            "setuser",
            "stranger",
            "on",
            "nopass",
            "resetkeys",
            "-@all",
            "+hello",
        ])
        .await;
    let reader = engine.url_of("reader:any");
    let registry = RedisRegistry::connect_read_only(&reader).await.unwrap();
    let follower = Sessions::<Claims>::with_registry(keys(), registry)
        .await
        .unwrap();
    let sessions = Sessions::<Claims>::with_registry(keys(), engine.connect().await)
        .await
        .unwrap();
    let login = sessions.login_checked_elsewhere(Claims { sub: 1 }).unwrap();
    assert!(follower.verify(login.access_token()).is_ok());
    sessions.end_all(&1).await.unwrap();
    crate::apps::eventually("a role that may only read hears of it", async || {
        follower.verify(login.access_token()).is_err()
    })
    .await;
    assert!(follower.list(&1).await.is_err());

    let error = said(RedisRegistry::connect(&reader).await);
    assert!(
        error.contains("may not write keys that begin with `{sessions}`"),
        "{error}"
    );
    let error = said(RedisRegistry::connect_read_only(&engine.url_of("stranger:any")).await);
    assert!(error.contains("may not XREAD"), "{error}");
}
