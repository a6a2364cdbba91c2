//! The people that rows point at, in one statement for as many as an operation asks for at once.

use std::collections::HashMap;
use std::sync::OnceLock;

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, SimpleObject};
use sqlx::{FromRow, PgPool};
use stateless_session::Session;

use crate::database::query_as;
use crate::graphql::{data, optional_session};
use crate::problem::Problem;
use crate::row_level_security::Operation;
use crate::session::Claims;

#[derive(Clone, Debug, FromRow, SimpleObject)]
pub struct Person {
    pub id: i32,
    pub name: String,
}

/// Of one operation, because what its user may see is nobody else's.
#[derive(Default)]
pub struct People(OnceLock<DataLoader<InOperation>>);

impl People {
    pub fn loader(&self, ctx: &Context<'_>) -> Result<&DataLoader<InOperation>, Problem> {
        if let Some(loader) = self.0.get() {
            return Ok(loader);
        }
        let people = InOperation {
            operation: data::<Operation>(ctx)?.clone(),
            pool: data::<PgPool>(ctx)?.clone(),
            session: optional_session(ctx)?,
        };
        Ok(self.0.get_or_init(|| DataLoader::new(people, tokio::spawn)))
    }
}

pub struct InOperation {
    operation: Operation,
    pool: PgPool,
    session: Option<Session<Claims>>,
}

impl Loader<i32> for InOperation {
    type Value = Person;
    type Error = Problem;

    async fn load(&self, ids: &[i32]) -> Result<HashMap<i32, Person>, Problem> {
        let mut field = self
            .operation
            .inner_field(&self.pool, self.session.as_ref())
            .await?;
        let people: Vec<Person> = query_as("select * from app_public.people where id = any($1)")
            .bind(ids.to_vec())
            .fetch_all(field.connection()?)
            .await?;
        field.done().await?;
        Ok(people
            .into_iter()
            .map(|person| (person.id, person))
            .collect())
    }
}
