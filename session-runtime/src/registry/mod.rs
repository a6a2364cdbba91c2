//! The session registry: where sessions are written down at login, refresh and logout, and from where every node hears which of
//! them have ended. A request asks nobody: it looks into a set in the node's memory, which follows the registry.
//!
//! `rotation` is the rule for refresh tokens, `seen` and `record` what goes to an engine and comes from it. `engine` makes a registry of any type
//! one to hold, with a limit to its answers; a `node` holds it, beside the set of what has `ended`.

pub(crate) mod access;
pub(crate) mod ended;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod memory;
pub(crate) mod node;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod record;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod rotation;
pub(crate) mod seen;
pub(crate) mod user_agent;

use std::error::Error;
use std::sync::Arc;

use crate::registry::record::{Ending, SessionRecord};
use crate::registry::seen::Seen;

/// Where sessions are written down, and from where every node hears which have ended: an engine that the application has anyway.
///
/// [`PostgresRegistry`](crate::PostgresRegistry) and [`RedisRegistry`](crate::RedisRegistry) are ready, and
/// [`MemoryRegistry`](crate::MemoryRegistry) is for one process. These four methods on the application's own pool are a
/// registry, too; `stateless_session::testing::registry` tells whether they keep what is said here.
///
/// A call that takes longer than two seconds counts as failed; the feed has three. A panic is an error.
pub trait SessionRegistry: Send + Sync + 'static {
    /// Why the engine gave no answer. It is logged and never shown to a browser, so it should hold nobody's name.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// A login or a refresh: writes the session down where it is not known, and gives what is known of it then. One atomic
    /// step, since many refreshes of a session may come at once.
    ///
    /// Where the row exists, `seen_at` and `ends_at` only grow, a `user_agent` of `None` leaves what is there, and `rotation` becomes
    /// [`Rotation::after`](crate::Rotation::after); where not, it is [`Rotation::first`](crate::Rotation::first).
    ///
    /// # Errors
    ///
    /// Where the engine does not answer.
    fn seen(
        &self,
        seen: &Seen<'_>,
    ) -> impl Future<Output = Result<SessionRecord, Self::Error>> + Send;

    /// Writes down that a session, or all of a subject's, ended; any number of times, of which the first counts. It has to
    /// outlive a crash of the engine.
    ///
    /// # Errors
    ///
    /// Where the engine does not answer.
    fn end(&self, ending: &Ending) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The sessions of a subject; ended ones may be among them.
    ///
    /// # Errors
    ///
    /// Where the engine does not answer.
    fn list(
        &self,
        audience: &str,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<SessionRecord>, Self::Error>> + Send;

    /// Everything that ended after `position`, of all audiences, with the position to go on from; at the first call, which has
    /// none, everything that ended since the time `since`. At once where there is something, else within a second, with nothing. It may give an
    /// ending twice, and leaves none out: not one whose transaction began earlier and committed later, and not one that a
    /// promoted replica had not seen yet.
    ///
    /// # Errors
    ///
    /// Where the engine does not answer: the next call has the same position.
    fn feed(
        &self,
        position: Option<&str>,
        since: u64,
    ) -> impl Future<Output = Result<(Vec<Ending>, String), Self::Error>> + Send;
}

/// So that two structs, or two nodes in a test, share one.
impl<R: SessionRegistry> SessionRegistry for Arc<R> {
    type Error = R::Error;

    fn seen(
        &self,
        seen: &Seen<'_>,
    ) -> impl Future<Output = Result<SessionRecord, Self::Error>> + Send {
        R::seen(self, seen)
    }

    fn end(&self, ending: &Ending) -> impl Future<Output = Result<(), Self::Error>> + Send {
        R::end(self, ending)
    }

    fn list(
        &self,
        audience: &str,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<SessionRecord>, Self::Error>> + Send {
        R::list(self, audience, subject)
    }

    fn feed(
        &self,
        position: Option<&str>,
        since: u64,
    ) -> impl Future<Output = Result<(Vec<Ending>, String), Self::Error>> + Send {
        R::feed(self, position, since)
    }
}
