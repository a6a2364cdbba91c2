//! A registry of whichever type, with a limit to its answers.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::caught::caught;
use crate::registry::SessionRegistry;
use crate::registry::error::RegistryError;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::seen::Seen;

const ANSWERS: Duration = Duration::from_secs(2);

/// A read may wait for a second until something ends.
const FEEDS: Duration = Duration::from_secs(3);

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send + 'a>>;

/// [`SessionRegistry`] without its types, so that one field can hold any.
pub(crate) trait Engine: Send + Sync {
    fn seen<'a>(&'a self, seen: &'a Seen<'a>) -> Answer<'a, SessionRecord>;

    fn end<'a>(&'a self, ending: &'a Ending) -> Answer<'a, ()>;

    fn list<'a>(&'a self, audience: &'a str, subject: &'a str) -> Answer<'a, Vec<SessionRecord>>;

    fn feed<'a>(
        &'a self,
        position: Option<&'a str>,
        since: u64,
    ) -> Answer<'a, (Vec<Ending>, String)>;
}

impl<R: SessionRegistry> Engine for R {
    fn seen<'a>(&'a self, seen: &'a Seen<'a>) -> Answer<'a, SessionRecord> {
        Box::pin(within(ANSWERS, SessionRegistry::seen(self, seen)))
    }

    fn end<'a>(&'a self, ending: &'a Ending) -> Answer<'a, ()> {
        Box::pin(within(ANSWERS, SessionRegistry::end(self, ending)))
    }

    fn list<'a>(&'a self, audience: &'a str, subject: &'a str) -> Answer<'a, Vec<SessionRecord>> {
        Box::pin(within(
            ANSWERS,
            SessionRegistry::list(self, audience, subject),
        ))
    }

    fn feed<'a>(
        &'a self,
        position: Option<&'a str>,
        since: u64,
    ) -> Answer<'a, (Vec<Ending>, String)> {
        Box::pin(within(FEEDS, SessionRegistry::feed(self, position, since)))
    }
}

async fn within<T, E>(
    limit: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, RegistryError>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match timeout(limit, caught(answer)).await {
        Ok(Some(answer)) => answer.map_err(RegistryError::engine),
        Ok(None) => Err(RegistryError::PANIC),
        Err(_) => Err(RegistryError::NO_ANSWER),
    }
}
