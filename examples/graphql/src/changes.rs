//! Whose todos change.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{Stream, stream};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::sleep;

use crate::session::PersonId;

/// Whose todos change, as the database tells.
#[derive(Clone)]
pub struct Changes(broadcast::Sender<Option<PersonId>>);

impl Changes {
    pub fn listen(database: PgConnectOptions) -> Self {
        let changes = Self(broadcast::Sender::new(64));
        let sender = changes.0.clone();
        tokio::spawn(async move {
            loop {
                let Err(error) = forward(&database, &sender).await;
                tracing::warn!(cause = %error, "no word of changes; asking again");
                sleep(Duration::from_secs(1)).await;
            }
        });
        changes
    }

    pub fn of(&self, person: PersonId) -> impl Stream<Item = ()> + use<> {
        stream::unfold(self.0.subscribe(), move |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(Some(other)) if other != person => {}
                    // Words were missed, so it may have been anybody.
                    Ok(_) | Err(RecvError::Lagged(_)) => return Some(((), receiver)),
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }
}

async fn forward(
    database: &PgConnectOptions,
    sender: &broadcast::Sender<Option<PersonId>>,
) -> sqlx::Result<Infallible> {
    // A pool of its own, because the listener keeps its connection.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(database.clone())
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("todos").await?;
    loop {
        // `None` after the connection was lost, and whatever was said meanwhile with it.
        let said = listener.try_recv().await?;
        let person = said
            .and_then(|said| said.payload().parse().ok())
            .map(PersonId);
        // Nobody may be listening, which is no error.
        let _ = sender.send(person);
    }
}
