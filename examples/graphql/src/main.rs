//! Run it with `./run`; the README says what there is.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use stateless_session::{Keys, SessionClaims, Sessions};
use todos::App;
use todos::accounts::Accounts;
use todos::database::{Database, Error, PrivatePostgres};
use todos::page::{self, TodoServer};
use todos::session::{Claims, Role};
use tokio::net::TcpListener;
use tokio::signal;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), Error> {
    if let Ok(url) = env::var("DATABASE_URL") {
        return serve(&url, false).await;
    }
    println!("DATABASE_URL is not set: a private Postgres, which ends with the program");
    let postgres = PrivatePostgres::start().await?;
    println!("DATABASE_URL={}", postgres.url());
    let served = serve(postgres.url(), true).await;
    postgres.end().await?;
    served
}

async fn serve(database: &str, with_demo_users: bool) -> Result<(), Error> {
    let keys = match Keys::from_env() {
        // Only then: a mistyped secret must not end all sessions at every start.
        Err(error) if error.is_unset() => Keys::generate()?,
        keys => keys?,
    };
    let pooler = env::var("POOLER_URL").ok();
    let database = Database::connect(database, pooler.as_deref()).await?;
    let accounts = Accounts::new(database.accounts.clone())?;
    let mut app = App::new(Sessions::new(keys), database)?;
    if let Ok(url) = env::var("TODOS_URL") {
        app = app.with_todos_from(TodoServer::new(url.parse()?));
        println!("todos come from {url}");
    }
    if with_demo_users {
        add_demo_users(&accounts).await?;
    }
    if !Path::new(page::FOLDER).exists() {
        println!("the page is not built; the README says how");
    }
    let port = env::var("PORT").unwrap_or("3000".to_owned());
    let port: u16 = port
        .parse()
        .map_err(|_| format!("`{port}` in PORT is not a port number"))?;
    let listener = (TcpListener::bind(("127.0.0.1", port)).await)
        .map_err(|error| format!("port {port}: {error}; set PORT to another one, or to 0"))?;
    println!(
        "\n{}\n\nhttp://localhost:{}",
        Claims::POLICY,
        listener.local_addr()?.port()
    );
    axum::serve(listener, todos::router(app))
        .with_graceful_shutdown(interrupted())
        .await?;
    Ok(())
}

/// alice, an administrator, and bob.
async fn add_demo_users(accounts: &Accounts) -> Result<(), Error> {
    let problem = |problem| format!("the demo users: {problem:?}");
    let alice = accounts
        .register("alice", "wonderland".to_owned())
        .await
        .map_err(problem)?;
    accounts.set_role(alice.claims.sub, Role::AppAdmin).await?;
    accounts
        .register("bob", "build-with-me".to_owned())
        .await
        .map_err(problem)?;
    println!("demo users: alice (wonderland), an administrator, and bob (build-with-me)");
    Ok(())
}

async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return signal::ctrl_c().await.unwrap_or_default();
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
