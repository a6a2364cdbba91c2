//! A registry in memory that a test takes away.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stateless_session::{Ending, MemoryRegistry, Seen, SessionRecord, SessionRegistry};

use crate::support::lock;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Switch {
    Answers,
    Fails,
    Hangs,
    Panics,
}

#[derive(Clone)]
pub struct Switched {
    pub memory: MemoryRegistry,
    switch: Arc<Mutex<Switch>>,
    /// How often anything but the feed was asked.
    pub asked: Arc<AtomicUsize>,
}

impl Switched {
    pub fn beside(memory: &MemoryRegistry) -> Self {
        Self {
            memory: memory.clone(),
            switch: Arc::new(Mutex::new(Switch::Answers)),
            asked: Arc::default(),
        }
    }

    pub fn to(&self, switch: Switch) {
        *lock(&self.switch) = switch;
    }

    async fn pass(&self) -> io::Result<()> {
        let switch = *lock(&self.switch);
        match switch {
            Switch::Answers => Ok(()),
            Switch::Fails => Err(io::Error::other("nobody listens at the socket")),
            Switch::Hangs => pending().await,
            Switch::Panics => panic!("a bug of the application's registry"),
        }
    }

    async fn ask(&self) -> io::Result<()> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.pass().await
    }
}

fn never<T>(answer: Result<T, std::convert::Infallible>) -> io::Result<T> {
    answer.map_err(|never| match never {})
}

impl SessionRegistry for Switched {
    type Error = io::Error;

    async fn seen(&self, seen: &Seen<'_>) -> io::Result<SessionRecord> {
        self.ask().await?;
        never(self.memory.seen(seen).await)
    }

    async fn end(&self, ending: &Ending) -> io::Result<()> {
        self.ask().await?;
        never(self.memory.end(ending).await)
    }

    async fn list(&self, audience: &str, subject: &str) -> io::Result<Vec<SessionRecord>> {
        self.ask().await?;
        never(self.memory.list(audience, subject).await)
    }

    async fn feed(&self, position: Option<&str>, since: u64) -> io::Result<(Vec<Ending>, String)> {
        self.pass().await?;
        let fed = never(self.memory.feed(position, since).await)?;
        // It was taken away while it waited.
        self.pass().await?;
        Ok(fed)
    }
}
