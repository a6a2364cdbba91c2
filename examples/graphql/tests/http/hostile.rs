//! A hostile afternoon: statements that want out of their role, documents that want everything, and logins by the hundred.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor};
use todos::database::{check_login, query_scalar};
use todos::row_level_security::begin;
use todos::session::Role;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::support::{CREATE, PASSWORD, Server, WHO, credentials, name, postgres};

/// The role that owns the tables.
const OWNER: &str = "todos";

/// What somebody tries who got a statement of their own into a resolver: each takes the transaction's role off, and the
/// next reads or changes.
fn ways_out() -> Vec<String> {
    let off = [
        "set role none".to_owned(),
        "reset role".to_owned(),
        "reset all".to_owned(),
        "discard all".to_owned(),
        "set local role none".to_owned(),
        "set session authorization default".to_owned(),
        format!("set session authorization {OWNER}"),
        format!("set role {OWNER}"),
        format!("set local role {OWNER}"),
        format!("select set_config('role', '{OWNER}', true)"),
        format!("select set_config('role', '{OWNER}', false)"),
        "select set_config('role', 'none', true)".to_owned(),
        format!("select set_config('session_authorization', '{OWNER}', true)"),
        "set role app_accounts".to_owned(),
        "set role app_authenticator".to_owned(),
        "set row_security = off".to_owned(),
        "set local row_security = off".to_owned(),
        "alter role app_user bypassrls".to_owned(),
        "alter table app_public.todos disable row level security".to_owned(),
        "alter table app_public.todos no force row level security".to_owned(),
        "drop policy own on app_public.todos".to_owned(),
        "create policy mine on app_public.todos using (true)".to_owned(),
        "grant select on app_private.accounts to app_user".to_owned(),
        "grant app_accounts to app_user".to_owned(),
        "create function app_public.f() returns setof app_public.todos language sql security definer as $$ \
         select * from app_public.todos $$"
            .to_owned(),
        "create view app_public.v as select * from app_public.todos".to_owned(),
        "do $$ begin execute 'reset role'; end $$".to_owned(),
    ];
    off.into()
}

/// What must fail, or give no row of anybody else.
fn wants(owner: i32) -> Vec<String> {
    vec![
        format!("select * from app_public.todos where owner_id = {owner}"),
        format!("select * from app_public.people where id = {owner}"),
        format!("select * from app_private.accounts where person_id = {owner}"),
        format!("update app_public.todos set title = 'taken' where owner_id = {owner}"),
        format!("delete from app_public.todos where owner_id = {owner}"),
        "update app_private.accounts set role = 'app_admin'".to_owned(),
        "copy app_public.todos to program 'cat'".to_owned(),
        "select pg_read_file('PG_VERSION')".to_owned(),
        "select * from pg_authid".to_owned(),
        "select passwd from pg_shadow".to_owned(),
    ]
}

async fn nobody_gets_out(server: &Server) {
    let owner = server.session(Role::AppUser).await;
    let intruder = server.session(Role::AppUser).await;
    let mut tx = begin(&server.pool, Some(&owner)).await.unwrap();
    tx.execute("insert into app_public.todos (title) values ('mine')")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for way in ways_out() {
        for want in wants(owner.sub.0) {
            let mut tx = begin(&server.pool, Some(&intruder)).await.unwrap();
            // It may be refused, and then the transaction is as it was.
            tx.execute("savepoint way").await.unwrap();
            if tx.execute(AssertSqlSafe(way.clone())).await.is_err() {
                tx.execute("rollback to savepoint way").await.unwrap();
            }
            if let Ok(done) = tx.execute(AssertSqlSafe(want.clone())).await {
                assert_eq!(done.rows_affected(), 0, "`{want}` after `{way}`");
            }
            drop(tx);
        }
    }
    // Outside of a transaction there is no user, and nothing to read.
    for want in wants(owner.sub.0) {
        let outcome = server.pool.execute(AssertSqlSafe(want.clone())).await;
        assert!(outcome.is_err(), "`{want}` outside of a transaction");
    }
    let mut tx = begin(&server.pool, Some(&owner)).await.unwrap();
    let titles: Vec<String> = query_scalar("select title from app_public.todos")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(titles, ["mine"]);
}

#[tokio::test]
async fn a_statement_that_takes_its_role_off_reaches_nobodys_rows() {
    nobody_gets_out(&Server::start().await).await;
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
    let mut program = tokio::process::Command::from({
        let mut command = Command::new(env!("CARGO_BIN_EXE_todos"));
        command
            .env("DATABASE_URL", postgres().await)
            .env("PORT", "0");
        command
    });
    let mut program = program
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let address: SocketAddr = loop {
        let line = lines.next_line().await.unwrap().expect("an address");
        if let Some(port) = line.strip_prefix("http://localhost:") {
            break format!("127.0.0.1:{port}").parse().unwrap();
        }
    };
    let process = program.id().unwrap();
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
