//! A hostile afternoon: statements that want out of their role, documents that want everything, and logins by the hundred.

use std::cell::RefCell;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::postgres::{PgPoolOptions, PgQueryResult};
use sqlx::{AssertSqlSafe, Executor};
use todos::database::{check_login, query_scalar};
use todos::row_level_security::begin;
use todos::session::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::support::{CREATE, PASSWORD, Program, Server, WHO, credentials, name, postgres};

/// The role that owns the tables.
const OWNER: &str = "todos";

/// What somebody tries who got a statement of their own into a resolver: each takes the transaction's role off, or makes
/// something that reads for them, and the next reads or changes. What is not here is to become another user by the settings
/// themselves: the README says so.
fn ways_out() -> Vec<String> {
    let todos = "select * from app_public.todos";
    let off = [
        "select 1".to_owned(),
        "set role none".to_owned(),
        "reset role".to_owned(),
        "reset all".to_owned(),
        "reset session authorization".to_owned(),
        "discard all".to_owned(),
        "discard plans".to_owned(),
        "set local role none".to_owned(),
        "set session authorization default".to_owned(),
        format!("set session authorization {OWNER}"),
        format!("set local session authorization {OWNER}"),
        format!("set role {OWNER}"),
        format!("set local role {OWNER}"),
        "set role postgres".to_owned(),
        "set role pg_read_all_data".to_owned(),
        "set role pg_write_all_data".to_owned(),
        format!("select set_config('role', '{OWNER}', true)"),
        format!("select set_config('role', '{OWNER}', false)"),
        "select set_config('role', 'none', true)".to_owned(),
        "select set_config('role', 'app_accounts', true)".to_owned(),
        format!("select set_config('session_authorization', '{OWNER}', true)"),
        "select set_config('row_security', 'off', true)".to_owned(),
        "select set_config('is_superuser', 'on', true)".to_owned(),
        "select set_config('search_path', 'app_private, app_public', true)".to_owned(),
        "set role app_accounts".to_owned(),
        "set role app_authenticator".to_owned(),
        "set row_security = off".to_owned(),
        "set local row_security = off".to_owned(),
        "alter role app_user bypassrls".to_owned(),
        "alter role app_user superuser".to_owned(),
        "create role mine superuser login".to_owned(),
        format!("grant {OWNER} to app_user"),
        "grant pg_read_all_data to app_user".to_owned(),
        "alter table app_public.todos disable row level security".to_owned(),
        "alter table app_public.todos no force row level security".to_owned(),
        "alter table app_public.todos owner to app_user".to_owned(),
        "drop policy own on app_public.todos".to_owned(),
        "create policy mine on app_public.todos using (true)".to_owned(),
        "grant select on app_private.accounts to app_user".to_owned(),
        "grant app_accounts to app_user".to_owned(),
        "create or replace function app_public.current_person_id() returns integer language sql as 'select 1'".to_owned(),
        format!("create function app_public.f() returns setof app_public.todos language sql security definer as '{todos}'"),
        format!("create function pg_temp.f() returns setof app_public.todos language sql security definer as '{todos}'"),
        format!("create view app_public.v as {todos}"),
        format!("create temp view v as {todos}"),
        format!("create temp table t as {todos}"),
        "create temp table todos (id int); set local search_path = pg_temp, app_public".to_owned(),
        format!("declare c cursor for {todos}"),
        format!("declare c scroll cursor with hold for {todos}"),
        format!("prepare p as {todos}"),
        "create function pg_temp.told(text) returns bool language plpgsql cost 0.0000001 as \
         $$ begin raise exception 'told %', $1; end $$"
            .to_owned(),
        "do $$ begin execute 'reset role'; end $$".to_owned(),
        format!("do $$ begin execute 'set session authorization {OWNER}'; end $$"),
        "create extension dblink".to_owned(),
        "load 'auto_explain'".to_owned(),
        "alter system set row_security = off".to_owned(),
    ];
    off.into()
}

/// What must fail, or give no row of anybody else.
fn wants(owner: i32, todo: i32, secret: &str) -> Vec<String> {
    let mut wants: Vec<String> = [
        "select * from app_private.accounts",
        "update app_private.accounts set role = 'app_admin'",
        "delete from app_private.accounts",
        "insert into app_private.accounts (person_id, password_hash, login_name) values (1, '', '')",
        "copy app_public.todos to program 'cat'",
        "copy app_public.todos from program 'cat'",
        "copy app_public.todos to '/tmp/todos-taken'",
        "copy app_private.accounts to stdout",
        "select pg_read_file('PG_VERSION')",
        "select pg_read_binary_file('PG_VERSION')",
        "select pg_stat_file('PG_VERSION')",
        "select pg_ls_dir('.')",
        "select lo_import('/etc/passwd')",
        "select * from pg_authid",
        "select passwd from pg_shadow",
        "select * from pg_statistic",
        "truncate app_public.todos",
        "truncate app_private.accounts",
        "drop table app_public.todos",
        "select nextval('app_public.todos_id_seq')",
        "update app_public.people set name = 'taken'",
    ]
    .map(str::to_owned)
    .into();
    let todos_of = format!("app_public.todos where owner_id = {owner}");
    wants.extend([
        format!("select * from {todos_of}"),
        format!("select * from {todos_of} for update"),
        format!("select * from only {todos_of}"),
        format!("table app_public.todos except select * from app_public.todos where owner_id <> {owner}"),
        format!("with t as (select * from {todos_of}) select * from t"),
        format!("select 1 where exists (select from {todos_of})"),
        format!("select 1 from (select count(*) from {todos_of}) t (n) where n > 0"),
        format!("select 1 where query_to_xml('select * from app_public.todos', true, true, '')::text like '%{secret}%'"),
        format!("select 1 where table_to_xml('app_public.todos', true, true, '')::text like '%{secret}%'"),
        format!("select 1 from pg_stats where most_common_vals::text like '%{secret}%'"),
        format!("select * from {todos_of} and pg_temp.told(title)"),
        format!("select * from {todos_of} and title::integer = 1"),
        format!("select * from app_public.f() where owner_id = {owner}"),
        format!("select * from pg_temp.f() where owner_id = {owner}"),
        format!("select * from app_public.v where owner_id = {owner}"),
        format!("select * from pg_temp.v where owner_id = {owner}"),
        format!("select * from pg_temp.t where owner_id = {owner}"),
        "fetch all from c".to_owned(),
        "execute p".to_owned(),
        format!("select * from app_public.people where id = {owner}"),
        format!("update app_public.todos set title = 'taken' where owner_id = {owner}"),
        format!("update app_public.todos set owner_id = app_public.current_person_id() where id = {todo}"),
        format!("delete from {todos_of}"),
        format!("delete from app_public.todos using app_public.people where owner_id = {owner} returning title"),
        format!("insert into app_public.todos (title, owner_id) values ('planted', {owner})"),
        format!(
            "insert into app_public.todos (id, title) overriding system value values ({todo}, 'x') \
             on conflict (id) do update set title = 'taken' returning title"
        ),
        format!("merge into app_public.todos t using (values ({todo})) v (id) on t.id = v.id when matched then delete"),
    ]);
    wants
}

/// No row, and no word of the secret.
fn is_nothing(outcome: &sqlx::Result<PgQueryResult>, secret: &str) -> bool {
    match outcome {
        Ok(done) => done.rows_affected() == 0,
        Err(error) => !error.to_string().contains(secret),
    }
}

async fn nobody_gets_out(server: &Server) {
    let owner = server.session(Role::AppUser).await;
    let intruder = server.session(Role::AppUser).await;
    let secret = format!("secret of {}", owner.sub.0);
    let mut tx = begin(&server.pool, Some(&owner)).await.unwrap();
    let todo: i32 = query_scalar("insert into app_public.todos (title) values ($1) returning id")
        .bind(&secret)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (ways, wants) = (ways_out(), wants(owner.sub.0, todo, &secret));
    assert!(ways.len() + wants.len() >= 100);
    for way in &ways {
        let mut tx = begin(&server.pool, Some(&intruder)).await.unwrap();
        // It may be refused, and then the transaction is as it was.
        tx.execute("savepoint way").await.unwrap();
        if tx.execute(AssertSqlSafe(way.clone())).await.is_err() {
            tx.execute("rollback to savepoint way").await.unwrap();
        }
        for want in &wants {
            tx.execute("savepoint want").await.unwrap();
            let outcome = tx.execute(AssertSqlSafe(want.clone())).await;
            assert!(
                is_nothing(&outcome, &secret),
                "`{want}` after `{way}`: {outcome:?}"
            );
            tx.execute("rollback to savepoint want").await.unwrap();
        }
    }
    // Outside of a transaction there is no user, and nothing to read.
    for way in &ways {
        let mut connection = server.pool.acquire().await.unwrap();
        let _ = connection.execute(AssertSqlSafe(way.clone())).await;
        for want in &wants {
            let outcome = connection.execute(AssertSqlSafe(want.clone())).await;
            assert!(
                is_nothing(&outcome, &secret),
                "`{want}` after `{way}`, outside of a transaction: {outcome:?}"
            );
        }
        connection.execute("discard all").await.unwrap();
    }
    let mut tx = begin(&server.pool, Some(&owner)).await.unwrap();
    let titles: Vec<String> = query_scalar("select title from app_public.todos")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(titles, [secret]);
}

#[tokio::test]
async fn a_statement_that_takes_its_role_off_reaches_nobodys_rows() {
    nobody_gets_out(&Server::start().await).await;
}

/// A connection is somebody's after somebody else's: plans, cursors and views that are left on it.
#[tokio::test]
async fn what_a_transaction_leaves_on_a_connection_reads_nobody_elses_rows() {
    let server = Server::start().await;
    let one = PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*server.pool.connect_options()).clone())
        .await
        .unwrap();
    let owner = server.session(Role::AppUser).await;
    let admin = server.session(Role::AppAdmin).await;
    let intruder = server.session(Role::AppUser).await;
    let run = async |who, statements: &[&str]| {
        let mut tx = begin(&one, Some(who)).await.unwrap();
        for statement in statements {
            let sql = AssertSqlSafe((*statement).to_owned());
            tx.execute(sql).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    run(
        &owner,
        &["insert into app_public.todos (title) values ('mine')"],
    )
    .await;
    // Planned and run as those who may read it, so often that the plan is kept.
    let executed = ["execute of_admin"; 7];
    run(
        &admin,
        &["prepare of_admin as select * from app_public.todos"],
    )
    .await;
    run(&admin, &executed).await;
    run(
        &admin,
        &["create temp view v_of_admin as select * from app_public.todos"],
    )
    .await;
    let left = [
        "prepare of_intruder as select * from app_public.todos",
        "create temp view v_of_intruder as select * from app_public.todos",
        "create function pg_temp.f() returns setof app_public.todos language sql security definer as 'select * from app_public.todos'",
        "declare c scroll cursor with hold for select * from app_public.todos",
    ];
    run(&intruder, &left).await;
    run(
        &owner,
        &["execute of_intruder", "select * from pg_temp.v_of_intruder"],
    )
    .await;
    for want in [
        "execute of_admin",
        "execute of_intruder",
        "select * from pg_temp.v_of_admin",
        "select * from pg_temp.v_of_intruder",
        "select * from pg_temp.f()",
        "fetch all from c",
    ] {
        for who in [Some(&intruder), None] {
            let mut tx = begin(&one, who).await.unwrap();
            let outcome = tx.execute(want).await;
            assert!(is_nothing(&outcome, "mine"), "`{want}`: {outcome:?}");
        }
    }
}

/// `PgBouncer` in transaction mode, which ends with the test.
struct PgBouncer {
    process: tokio::process::Child,
    url: String,
    folder: std::path::PathBuf,
}

impl PgBouncer {
    async fn start(database: &str) -> Self {
        let (_, query) = database.split_once('?').unwrap();
        let host = query.split('&').find_map(|pair| pair.strip_prefix("host="));
        let host = host.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let folder = std::env::temp_dir().join(format!("todos-pgbouncer.{}", address.port()));
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let users = file(
            "users",
            "\"app_authenticator\" \"\"\n\"app_accounts\" \"\"\n".to_owned(),
        );
        let configuration = file(
            "pgbouncer.ini",
            format!(
                "[databases]\ntodos = host={host} dbname=todos\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n\
                 pool_mode = transaction\ndefault_pool_size = 2\n",
                port = address.port(),
            ),
        );
        let mut command = tokio::process::Command::new("pgbouncer");
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").is_ok_and(|me| {
            use std::os::unix::fs::MetadataExt;
            me.uid() == 0
        }) {
            command.args(["-u", "postgres"]);
        }
        let process = command
            .arg("-q")
            .arg(&configuration)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("apt-get install pgbouncer");
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        Self {
            process,
            url: format!("postgres://{address}/todos"),
            folder,
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn behind_a_pooler_everybody_is_who_they_are_and_nobody_gets_out() {
    let database = postgres().await;
    let pooler = PgBouncer::start(database).await;
    let server = Server::through(database, Some(&pooler.url)).await;
    // More at once than the pooler has connections, so that each of them is somebody else's between two transactions.
    let visitors = join_all((0..6).map(|_| server.visitor(Role::AppUser))).await;
    let work = visitors.into_iter().map(|mut visitor| async move {
        let who = visitor.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
        for number in 0..5 {
            let title = format!("{who} {number}");
            visitor.graphql(CREATE, json!({ "title": title })).await;
            assert_eq!(visitor.refresh().await.status, 200);
        }
        let todos = visitor.graphql("{ allTodos { nodes { title } } }", json!({}));
        let todos = todos.await["allTodos"]["nodes"].clone();
        let titles = (0..5).map(|number| json!({ "title": format!("{who} {number}") }));
        assert_eq!(todos, titles.collect::<serde_json::Value>());
    });
    join_all(work).await;
    nobody_gets_out(&server).await;
}

#[tokio::test]
async fn a_login_that_could_do_more_is_not_served() {
    let url = postgres().await;
    Server::on(url).await;
    let owner = PgPoolOptions::new().connect(url).await.unwrap();
    for name in ["app_authenticator", OWNER] {
        let error = check_login(&owner, name, &[name]).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains("as `todos`, which can become"), "{error}");
        assert!(error.contains(&format!("log in as `{name}`")), "{error}");
    }
}

#[tokio::test]
async fn a_document_is_weighed_before_it_runs() {
    let server = Server::start().await;
    let mut visitor = server.visitor(Role::AppUser).await;
    let aliases = |count: usize, field: &str| {
        let fields: Vec<String> = (0..count).map(|n| format!("a{n}: {field} ")).collect();
        format!("{{ {} }}", fields.concat())
    };
    for mut who in [server.browser(), visitor.clone()] {
        let lists = aliases(650, "allTodos { nodes { id } }");
        // A third of it is short enough to be weighed at all.
        assert_eq!(who.refused(&lists, json!({})).await, "too_many_tokens");
        let lists = aliases(200, "allTodos { nodes { id } }");
        assert_eq!(who.refused(&lists, json!({})).await, "too_complex");
        let names = aliases(3_000, "__typename");
        assert_eq!(who.refused(&names, json!({})).await, "too_many_tokens");
        let answer = who.send(&aliases(80_000, "__typename"), json!({})).await;
        assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()));
    }
    let lists = aliases(15, "allTodos { nodes { id } }");
    let data = visitor.graphql(&lists, json!({})).await;
    assert_eq!(data.as_object().unwrap().len(), 15);
}

#[tokio::test]
async fn one_operation_is_one_transaction_and_a_field_that_fails_takes_no_other_with_it() {
    let server = Server::start().await;
    let mut visitor = server.visitor(Role::AppUser).await;
    let create = |alias: &str, title: &str| {
        format!(
            "{alias}: createTodo(input: {{ todo: {{ title: \"{title}\" }} }}) {{ todo {{ id }} }}"
        )
    };
    let document = format!(
        "mutation {{ {} {} {} }}",
        create("first", "one"),
        create("second", &"x".repeat(201)),
        create("third", "three"),
    );
    let answer = visitor.send(&document, json!({})).await.json();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "invalid_input");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    let titles = visitor.graphql("{ myTodos { nodes { title } } }", json!({}));
    let titles = titles.await["myTodos"]["nodes"].clone();
    // The payloads may not be null, so GraphQL gives no data at all; what was done is done all the same.
    assert_eq!(titles[0]["title"], "one");
    // Every connection but one is taken, and a document with many fields needs no other.
    let mut taken = Vec::new();
    for _ in 0..9 {
        taken.push(server.pool.acquire().await.unwrap());
    }
    let many = "{ a: myTodos { nodes { id } } b: allTodos { nodes { id } } c: currentPerson { id } d: currentPerson { id } }";
    let data = visitor.graphql(many, json!({})).await;
    assert!(data["c"]["id"].is_i64(), "{data}");
}

#[tokio::test]
async fn whoever_is_signed_in_stays_so_while_hostile_documents_take_every_connection() {
    let server = Server::start().await;
    let mut visitor = server.visitor(Role::AppUser).await;
    let mut taken = Vec::new();
    for _ in 0..10 {
        taken.push(server.pool.acquire().await.unwrap());
    }
    let name = name();
    let hostile = join_all((0..20).map(|_| async {
        let mut anonymous = server.browser();
        anonymous
            .refused("{ allTodos { nodes { id } } }", json!({}))
            .await
    }));
    let lists = async {
        assert_eq!(visitor.refresh().await.status, 200);
        server
            .accounts
            .register(&name, PASSWORD.to_owned())
            .await
            .unwrap();
        let mut browser = server.browser();
        browser.login(&name, PASSWORD).await;
        assert_eq!(browser.refresh().await.status, 200);
    };
    let (codes, ()) = tokio::join!(hostile, lists);
    assert!(
        codes.iter().all(|code| code == "temporarily_unavailable"),
        "{codes:?}"
    );
}

/// A statement that never ends is ended.
#[tokio::test]
async fn a_statement_and_a_transaction_have_an_end() {
    let server = Server::start().await;
    let session = server.session(Role::AppUser).await;
    let mut tx = begin(&server.pool, Some(&session)).await.unwrap();
    for (name, expected) in [
        ("statement_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ] {
        let value: String = query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(value, expected);
    }
}

#[tokio::test]
async fn a_list_has_an_end() {
    let server = Server::start().await;
    let mut visitor = server.visitor(Role::AppUser).await;
    let mut tx = begin(&server.pool, Some(&server.verified(&visitor)))
        .await
        .unwrap();
    tx.execute("insert into app_public.todos (title) select 'x' from generate_series(1, 1010)")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for list in ["allTodos", "myTodos"] {
        let document = format!("{{ {list} {{ nodes {{ id }} }} }}");
        let data = visitor.graphql(&document, json!({})).await;
        assert_eq!(data[list]["nodes"].as_array().unwrap().len(), 1_000);
    }
}

/// The heaviest documents that are let through, by the twenty and without a pause, from nobody and from somebody.
#[tokio::test]
async fn refresh_and_login_answer_while_twenty_hostile_documents_run() {
    let server = Server::of_a_program(Program::start().await).await;
    let mut victim = server.visitor(Role::AppUser).await;
    let who = victim.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
    let hostile_user = server.visitor(Role::AppUser).await;
    let mut tx = begin(&server.pool, Some(&server.verified(&hostile_user)))
        .await
        .unwrap();
    tx.execute("insert into app_public.todos (title) select 'x' from generate_series(1, 100)")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let fields: Vec<String> = (0..18)
        .map(|n| format!("a{n}: allTodos {{ nodes {{ id personByOwnerId {{ name }} }} }} "))
        .collect();
    let heavy = format!("{{ {} }}", fields.concat());
    let (done, is_done) = watch::channel(false);
    let hostile = join_all((0..20).map(|number| {
        let mut who = match number % 2 {
            0 => server.browser(),
            _ => hostile_user.clone(),
        };
        let (heavy, is_done) = (&heavy, is_done.clone());
        async move {
            let mut documents = 0;
            while !*is_done.borrow() {
                let answer = who.send(heavy, json!({})).await.json();
                let code = answer["errors"][0]["extensions"]["code"].clone();
                assert!(
                    code.is_null() || code == "temporarily_unavailable",
                    "{answer}"
                );
                documents += 1;
            }
            documents
        }
    }));
    let victim = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let began = Instant::now();
            assert_eq!(victim.refresh().await.status, 200);
            slowest = slowest.max(began.elapsed());
            let began = Instant::now();
            victim.login(who.as_str().unwrap(), PASSWORD).await;
            slowest = slowest.max(began.elapsed());
        }
        done.send_replace(true);
        slowest
    };
    let (documents, slowest) = tokio::join!(hostile, victim);
    println!("{documents:?} hostile documents; the slowest answer took {slowest:?}");
    assert!(documents.iter().sum::<i32>() >= 20, "{documents:?}");
}

#[tokio::test]
async fn whatever_is_refused_has_a_code() {
    let server = Server::start().await;
    let mut browser = server.browser();
    let deep = format!(
        "{}__typename{}",
        "{ a: __schema ".repeat(25),
        "}".repeat(25)
    );
    let deeper = format!("{}a{}", "{ a ".repeat(400), "}".repeat(400));
    for (document, variables, code) in [
        ("{", json!({}), "invalid_document"),
        ("", json!({}), "invalid_document"),
        ("{ nothing }", json!({}), "invalid_document"),
        ("{ allTodos }", json!({}), "invalid_document"),
        (
            "query ($x: Int!) { allTodos(x: $x) { nodes { id } } }",
            json!({}),
            "invalid_document",
        ),
        (CREATE, json!({}), "invalid_document"),
        (CREATE, json!({ "title": 7 }), "invalid_document"),
        (
            "subscription { myTodos { nodes { id } } }",
            json!({}),
            "invalid_document",
        ),
        (
            "query A { __typename } query B { __typename }",
            json!({}),
            "invalid_document",
        ),
        (&deep, json!({}), "too_deep"),
        (&deeper, json!({}), "invalid_document"),
    ] {
        let answer = browser.send(document, variables).await.json();
        let errors = answer["errors"].as_array().unwrap();
        for error in errors {
            assert_eq!(error["extensions"]["code"], code, "{answer} to {document}");
        }
    }
    let json = ("Content-Type", "application/json");
    for (headers, body, refusal) in [
        (&[json][..], "{", (400, "invalid_body")),
        (&[json], "7", (422, "invalid_body")),
        (&[json], r#"{"query":7}"#, (422, "invalid_body")),
        (&[], "{}", (415, "unsupported_media_type")),
    ] {
        let answer = browser.request("POST", "/graphql", headers, body).await;
        let (status, code) = refusal;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{body}");
    }
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for headers in [&[][..], &upgrade[..1]] {
        let path = "/graphql/subscriptions";
        let answer = browser.request("GET", path, headers, "").await;
        assert_eq!(answer.refusal(), (400, "no_websocket".to_owned()));
    }
}

thread_local! {
    /// What is logged on this thread, which is a test's, while somebody wants to know.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map(|log| log.extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn todos_with_their_owners_are_two_statements() {
    // A database of its own, as an administrator sees everyone's.
    let url = postgres().await;
    let owner = PgPoolOptions::new().connect(url).await.unwrap();
    owner.execute("create database apart").await.unwrap();
    let server = Server::on(&url.replace("/todos?", "/apart?")).await;
    let mut admin = server.visitor(Role::AppAdmin).await;
    let mut owners = Vec::new();
    for _ in 0..3 {
        let mut owner = server.visitor(Role::AppUser).await;
        for _ in 0..3 {
            owner.graphql(CREATE, json!({ "title": "of mine" })).await;
        }
        let name = owner.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
        owners.extend([name.clone(), name.clone(), name]);
    }
    // `sqlx` logs each statement.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(|| Log)
        .try_init();
    LOG.set(Some(Vec::new()));
    let document = "{ allTodos { nodes { ownerId personByOwnerId { id name } } } }";
    let nodes = admin.graphql(document, json!({})).await["allTodos"]["nodes"].clone();
    let log = String::from_utf8(LOG.take().unwrap()).unwrap();
    let nodes = nodes.as_array().unwrap();
    assert!(nodes.len() >= 9);
    for node in nodes {
        assert_eq!(node["personByOwnerId"]["id"], node["ownerId"]);
    }
    for name in &owners {
        let is_there = |node: &&serde_json::Value| &node["personByOwnerId"]["name"] == name;
        assert_eq!(nodes.iter().filter(is_there).count(), 3, "{name}");
    }
    let statements = log.lines().filter(|line| line.contains("sqlx::query"));
    let reads: Vec<_> = statements
        .filter(|line| line.contains("from app_public."))
        .collect();
    assert_eq!(reads.len(), 2, "{log}");

    // Whoever may not see people sees no owner but the one who they are.
    let mut owner = server.visitor(Role::AppUser).await;
    owner.graphql(CREATE, json!({ "title": "of mine" })).await;
    let own = owner.graphql(document, json!({})).await;
    assert_eq!(own["allTodos"]["nodes"].as_array().unwrap().len(), 1);
    assert!(own["allTodos"]["nodes"][0]["personByOwnerId"]["name"].is_string());
}

/// Megabytes that a process has held at once.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn two_hundred_logins_at_once_are_answered_in_bounded_memory() {
    let server = Server::start().await;
    let name = name();
    server
        .accounts
        .register(&name, PASSWORD.to_owned())
        .await
        .unwrap();
    let program = Program::start().await;
    let (address, process) = (program.address, program.id());
    let before = most_memory(process);
    let logins = (0..200).map(|number| {
        let password = if number % 2 == 0 { PASSWORD } else { "wrong" };
        let query = "mutation ($input: CredentialsInput!) { login(input: $input) { expiresIn } }";
        let body = json!({ "query": query, "variables": credentials(&name, password) }).to_string();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }
    });
    let answers = join_all(logins).await;
    let grown = most_memory(process) - before;
    let mut counts = [0; 3];
    for answer in &answers {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let kinds = [
            "\"expiresIn\"",
            "wrong_credentials",
            "temporarily_unavailable",
        ];
        let kind = kinds.iter().position(|kind| answer.contains(kind));
        counts[kind.unwrap_or_else(|| panic!("{answer}"))] += 1;
    }
    println!("{counts:?} of 200, {grown} MB");
    assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    assert!(grown < 300, "{grown} MB more");
}
