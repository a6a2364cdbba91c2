//! What every service here does beside its own work: a port from the environment, errors that can be acted on, a graceful
//! end, and new keys at SIGHUP.

use std::{env, error::Error, fmt::Display, io, process::ExitCode};

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a service and tells why it ended.
pub async fn run(service: impl Future<Output = Result<(), Box<dyn Error>>>) -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let Err(error) = service.await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

/// Serves until SIGINT or SIGTERM, and lets the requests under way end.
pub async fn serve(router: Router, default_port: u16) -> Result<(), Box<dyn Error>> {
    let port = env::var_os("PORT").unwrap_or(default_port.to_string().into());
    let port: u16 = (port.to_string_lossy().parse())
        .map_err(|_| format!("`{}` in PORT is not a port number", port.display()))?;
    // 0.0.0.0 in a container, where nothing else reaches it than what is to.
    let address = env::var("ADDRESS").unwrap_or("127.0.0.1".to_owned());
    let listener = (TcpListener::bind((address.as_str(), port)).await).map_err(|error| {
        format!("{address}, port {port}: {error}; set PORT to another one, or to 0")
    })?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await?;
    Ok(())
}

/// Calls `reload` at every SIGHUP. An error changes nothing, and is said in the log.
pub fn at_hangup<E: Display>(
    reload: impl Fn() -> Result<(), E> + Send + 'static,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            if let Err(error) = reload() {
                tracing::error!(%error, "the keys stay as they were");
            }
        }
    });
    Ok(())
}
