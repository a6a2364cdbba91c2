//! The policies hold whatever a resolver asks for.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use stateless_session::Session;
use todos::row_level_security::begin;
use todos::session::{Claims, PersonId, Role};

use crate::support::Server;

/// What a statement came to, before it is taken back.
#[derive(Debug, PartialEq)]
enum Outcome {
    Rows(u64),
    /// The policies refuse a row.
    Violation,
    /// The role has no right to the table.
    Denied,
}
use Outcome::{Denied, Rows, Violation};

async fn attempt(pool: &PgPool, session: Option<&Session<Claims>>, sql: String) -> Outcome {
    let mut tx = begin(pool, session).await.unwrap();
    match sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await {
        Ok(done) => Rows(done.rows_affected()),
        Err(error) => {
            let error = error.into_database_error().unwrap();
            assert_eq!(error.code().as_deref(), Some("42501"), "{error}");
            if error.message().contains("row-level security") {
                Violation
            } else {
                Denied
            }
        }
    }
}

async fn todo_of(pool: &PgPool, session: &Session<Claims>) -> i32 {
    let mut tx = begin(pool, Some(session)).await.unwrap();
    let insert = "insert into app_public.todos (title) values ('mine') returning id";
    let id = sqlx::query_scalar(insert)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn nobody_reads_or_writes_anothers_rows_whatever_the_query_forgets() {
    let server = Server::start().await;
    let owner = server.session(Role::AppUser).await;
    let other = server.session(Role::AppUser).await;
    let admin = server.session(Role::AppAdmin).await;
    let todo = todo_of(&server.pool, &owner).await;
    let PersonId(owner_id) = owner.sub;
    let matrix = [
        (None, [Rows(0), Denied, Denied, Denied, Denied]),
        (Some(&owner), [Rows(1), Rows(1), Rows(1), Rows(1), Rows(1)]),
        (
            Some(&other),
            [Rows(0), Rows(0), Rows(0), Rows(0), Violation],
        ),
        (
            Some(&admin),
            [Rows(1), Rows(0), Rows(0), Rows(0), Violation],
        ),
    ];
    for (session, expected) in matrix {
        // None of these says whose rows it means.
        let statements = [
            format!("select * from app_public.todos where id = {todo}"),
            format!("update app_public.todos set title = 'taken' where id = {todo}"),
            format!(
                "update app_public.todos set owner_id = app_public.current_person_id() where id = {todo}"
            ),
            format!("delete from app_public.todos where id = {todo}"),
            format!(
                "insert into app_public.todos (title, owner_id) values ('planted', {owner_id})"
            ),
        ];
        for (sql, expected) in statements.into_iter().zip(expected) {
            let outcome = attempt(&server.pool, session, sql.clone()).await;
            assert_eq!(outcome, expected, "{sql} as {session:?}");
        }
    }
}

#[tokio::test]
async fn nobody_gives_a_row_away() {
    let server = Server::start().await;
    let owner = server.session(Role::AppUser).await;
    let PersonId(other) = server.session(Role::AppUser).await.sub;
    let todo = todo_of(&server.pool, &owner).await;
    let sql = format!("update app_public.todos set owner_id = {other} where id = {todo}");
    assert_eq!(attempt(&server.pool, Some(&owner), sql).await, Violation);
}

#[tokio::test]
async fn people_see_themselves_and_administrators_see_everybody() {
    let server = Server::start().await;
    let user = server.session(Role::AppUser).await;
    let admin = server.session(Role::AppAdmin).await;
    let PersonId(id) = user.sub;
    let all = async |session| {
        attempt(
            &server.pool,
            session,
            "select * from app_public.people".into(),
        )
        .await
    };
    assert_eq!(all(None).await, Rows(0));
    assert_eq!(all(Some(&user)).await, Rows(1));
    assert!(matches!(all(Some(&admin)).await, Rows(2..)));
    for session in [None, Some(&user), Some(&admin)] {
        for sql in [
            format!("update app_public.people set name = 'root' where id = {id}"),
            format!("delete from app_public.people where id = {id}"),
            "insert into app_public.people (name) values ('ghost')".into(),
            "select * from app_private.accounts".into(),
            "update app_private.accounts set role = 'app_admin'".into(),
        ] {
            assert_eq!(
                attempt(&server.pool, session, sql.clone()).await,
                Denied,
                "{sql}"
            );
        }
    }
}

#[tokio::test]
async fn a_query_without_a_user_is_an_error() {
    let server = Server::start().await;
    let mut connection = server.pool.acquire().await.unwrap();
    for reset in ["select 1", "reset role"] {
        sqlx::query(reset).execute(&mut *connection).await.unwrap();
        let todos = sqlx::query("select * from app_public.todos")
            .execute(&mut *connection)
            .await;
        let error = todos.unwrap_err().into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("42501"), "after `{reset}`");
    }
}

#[tokio::test]
async fn a_connection_keeps_nobodys_claims() {
    let server = Server::start().await;
    let owner = server.session(Role::AppUser).await;
    todo_of(&server.pool, &owner).await;
    let one = PgPoolOptions::new().max_connections(1);
    let one = one
        .connect_with((*server.pool.connect_options()).clone())
        .await
        .unwrap();
    let mut committed = begin(&one, Some(&owner)).await.unwrap();
    let id: i32 = sqlx::query_scalar("select app_public.current_person_id()")
        .fetch_one(&mut *committed)
        .await
        .unwrap();
    assert_eq!(PersonId(id), owner.sub);
    committed.commit().await.unwrap();
    for ended_by in ["commit", "drop"] {
        let (role, sub): (String, Option<String>) = sqlx::query_as(
            "select current_user::text, nullif(current_setting('jwt.claims.sub', true), '')",
        )
        .fetch_one(&one)
        .await
        .unwrap();
        assert_eq!(
            (role.as_str(), sub),
            ("app_authenticator", None),
            "after {ended_by}"
        );
        assert_eq!(
            attempt(&one, None, "select * from app_public.todos".into()).await,
            Rows(0)
        );
        drop(begin(&one, Some(&owner)).await.unwrap());
    }
}

#[tokio::test]
async fn the_settings_are_those_of_postgraphile() {
    let server = Server::start().await;
    let session = server.session(Role::AppAdmin).await;
    let mut tx = begin(&server.pool, Some(&session)).await.unwrap();
    for (name, expected) in [
        ("role", "app_admin"),
        ("jwt.claims.role", "app_admin"),
        ("jwt.claims.sub", &session.sub.0.to_string()),
        ("jwt.claims.generation", "0"),
        ("jwt.claims.sid", session.sid()),
    ] {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(value, expected, "{name}");
    }
}
