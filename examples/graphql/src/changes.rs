//! Whose todos change.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{Stream, stream};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::sleep;

use crate::session::PersonId;

/// Whose todos change, as the database tells.
#[derive(Clone)]
pub struct Changes(broadcast::Sender<Option<PersonId>>);

impl Changes {
    pub fn listen(pool: PgPool) -> Self {
        let changes = Self(broadcast::Sender::new(64));
        let sender = changes.0.clone();
        tokio::spawn(async move {
            loop {
                let Err(error) = forward(&pool, &sender).await;
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
    pool: &PgPool,
    sender: &broadcast::Sender<Option<PersonId>>,
) -> sqlx::Result<Infallible> {
    let mut listener = PgListener::connect_with(pool).await?;
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
