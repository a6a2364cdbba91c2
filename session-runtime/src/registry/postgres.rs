//! The registry on Postgres: one table, one connection, and another one while it deletes what is over.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Config, Connection, NoTls, Row, Statement,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::event::Chain;
use crate::registry::SessionRegistry;
use crate::registry::error::RegistryError;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::rotation::Rotation;
use crate::registry::seen::Seen;

/// How long a read waits for something to end.
const WAITS: Duration = Duration::from_secs(1);

/// Rows that no token can need any more are deleted so often, this many at once.
const CLEANED_EVERY: Duration = Duration::from_secs(60 * 60);
const CLEANED_AT_ONCE: i64 = 10_000;

/// How long a connection that is given up is taken leave of.
const CANCELS: Duration = Duration::from_secs(2);

/// What a connection is told first. No setting stays on it, which a pooler might give to others.
const BEGINNING: &str = "LISTEN session_registry";

/// A row that a crash of the engine takes back is written again by the next refresh, so nobody waits for the disk; whoever
/// ends a session does.
const SEEN: &str = "
WITH seen AS (
  INSERT INTO session_registry AS row
    (audience, subject, sid, auth_time, seen_at, ends_at, user_agent, previous, current, issued, issued_at)
  VALUES ($1, $2, $3, $4, $5::int8, $6, $7, 0, $8::int8, $8, $5)
  ON CONFLICT (audience, subject, sid) DO UPDATE SET
    seen_at = greatest(row.seen_at, $5),
    ends_at = greatest(row.ends_at, $6),
    user_agent = coalesce($7, row.user_agent),
    previous = CASE WHEN $9::int8 > 0 AND $5 - row.issued_at > $9::int8 AND $8 >= row.issued AND $8 <> row.current
      THEN row.current ELSE row.previous END,
    current = CASE WHEN $9::int8 > 0 AND $5 - row.issued_at > $9::int8 AND $8 >= row.issued AND $8 <> row.current
      THEN $8 ELSE row.current END,
    issued = CASE WHEN $9::int8 <= 0 THEN row.issued
      WHEN $5 - row.issued_at > $9::int8 THEN CASE WHEN $8 >= row.issued OR $8 = row.current THEN $5 ELSE row.issued END
      WHEN $8 >= row.previous THEN greatest(row.issued, $8) ELSE row.issued END,
    issued_at = CASE WHEN $9::int8 <= 0 THEN row.issued_at
      WHEN $5 - row.issued_at > $9::int8 THEN CASE WHEN $8 >= row.issued OR $8 = row.current THEN $5 ELSE row.issued_at END
      WHEN $8 >= row.previous THEN greatest(row.issued_at, $5) ELSE row.issued_at END
  RETURNING *)
SELECT seen.*, (SELECT all_of.ended_at FROM session_registry all_of
  WHERE all_of.audience = $1 AND all_of.subject = $2 AND all_of.sid = '') AS all_ended_at,
  set_config('synchronous_commit', 'off', true)
FROM seen";

const END: &str = "
WITH ended AS (
  INSERT INTO session_registry AS row
    (audience, subject, sid, auth_time, seen_at, ends_at, previous, current, issued, issued_at, ended_at, ended_xid)
  VALUES ($1, $2, $3, $4, $4, $5, 0, 0, 0, 0, $4, pg_current_xact_id())
  ON CONFLICT (audience, subject, sid) DO UPDATE SET
    ended_at = $4, ended_xid = pg_current_xact_id(), ends_at = greatest(row.ends_at, $5)
  WHERE row.ended_at IS NULL OR ($3 = '' AND row.ended_at < $4)
  RETURNING 1)
SELECT pg_notify('session_registry', ''), set_config('synchronous_commit', 'on', true) FROM ended";

const LIST: &str = "
SELECT row.*, (SELECT all_of.ended_at FROM session_registry all_of
  WHERE all_of.audience = $1 AND all_of.subject = $2 AND all_of.sid = '') AS all_ended_at
FROM session_registry row WHERE row.audience = $1 AND row.subject = $2 AND row.sid <> ''";

/// What the snapshot of the read before did not see: a number that counts rows would leave out what began earlier and commits
/// later. The time is asked where there is no such snapshot, or one of another server.
const FEED: &str = "
SELECT pg_current_snapshot()::text AS snapshot, floor(extract(epoch FROM clock_timestamp()))::int8 AS read_at, ended.*
FROM (SELECT) AS once LEFT JOIN LATERAL (
  SELECT audience, subject, sid, ended_at, ends_at FROM session_registry
  WHERE ended_xid IS NOT NULL AND (ended_at >= $2 OR (
    ended_xid >= pg_snapshot_xmin($1::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(ended_xid, $1::text::pg_snapshot)))) AS ended ON true";

/// It reads the whole table, so that of many nodes that start one does it: a number of ours, in the place of a lock.
const CLEAN: &str = "
DELETE FROM session_registry WHERE (audience, subject, sid) IN (
  SELECT audience, subject, sid FROM session_registry
  WHERE (SELECT pg_try_advisory_xact_lock(7359001864)) AND ends_at < extract(epoch FROM now())
  LIMIT $1 FOR UPDATE SKIP LOCKED)";

/// A session registry in one table of a Postgres database, 13 or later.
///
/// The application's own migrations create it from [`SCHEMA`](Self::SCHEMA); nothing here does. One connection serves all sessions of a
/// process: the statements of refreshes, and `LISTEN`, by which a node hears at once that something ended. At the start and once an
/// hour, for as long as it takes, another one deletes what is over, of one node at a time. What ended is read
/// from the table alone; where a pooler swallows `LISTEN`, once a second. The statements are prepared, so a pooler has to be one
/// that knows them.
///
/// The URL is libpq's, as in `postgres://shop@db.internal/shop?sslmode=require`. Certificates are verified as the operating system
/// does; a plain connection to another host is a warning in the log.
#[derive(Clone)]
pub struct PostgresRegistry(Arc<Shared>);

struct Shared {
    config: Config,
    /// Where the configuration asks for a connection of the network's.
    tls: Option<MakeRustlsConnect>,
    writes: bool,
    link: Mutex<Option<Arc<Link>>>,
    /// Held by whoever connects.
    turn: tokio::sync::Mutex<()>,
    links: AtomicU64,
    /// When it last was; first at the start, or a process that is replaced every hour never would.
    cleaned: Mutex<Option<Instant>>,
}

/// A connection, with what is prepared on it.
struct Link {
    number: u64,
    client: Client,
    seen: Statement,
    end: Statement,
    list: Statement,
    feed: Statement,
    ended: Arc<Notify>,
    _driver: Driver,
}

impl PostgresRegistry {
    /// The table, for the application's migrations. The role of a service that logs in needs `SELECT`, `INSERT`, `UPDATE` and
    /// `DELETE` on it; the role of one that only verifies, `SELECT`.
    pub const SCHEMA: &str = "\
CREATE TABLE session_registry (
  audience text NOT NULL, subject text NOT NULL, sid text NOT NULL, -- sid '' is every session of the subject
  auth_time int8 NOT NULL, seen_at int8 NOT NULL, ends_at int8 NOT NULL, user_agent text,
  previous int8 NOT NULL, current int8 NOT NULL, issued int8 NOT NULL, issued_at int8 NOT NULL,
  ended_at int8, ended_xid xid8,
  PRIMARY KEY (audience, subject, sid)
) WITH (fillfactor = 80);
CREATE INDEX session_registry_ended ON session_registry (ended_xid) WHERE ended_xid IS NOT NULL;
CREATE INDEX session_registry_ended_at ON session_registry (ended_at) WHERE ended_at IS NOT NULL; -- of nodes that start
";

    /// Connects, and finds out whether the database will do.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use stateless_session::PostgresRegistry;
    ///
    /// let registry = PostgresRegistry::connect("postgres://shop@db.internal/shop?sslmode=require").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RegistryError`] that says what to set right: the URL, a server before 13, a missing table or column, a role that may
    /// not write; or that the database does not answer.
    pub async fn connect(url: &str) -> Result<Self, RegistryError> {
        Self::connect_as(url, true).await
    }

    /// The same for a service that only verifies: it follows what others end, and its role may do no more than `SELECT`.
    ///
    /// # Errors
    ///
    /// As with [`connect`](Self::connect).
    pub async fn connect_read_only(url: &str) -> Result<Self, RegistryError> {
        Self::connect_as(url, false).await
    }

    async fn connect_as(url: &str, writes: bool) -> Result<Self, RegistryError> {
        // What the parser says of it may hold the password.
        let mut config: Config = url
            .parse()
            .map_err(|_| RegistryError::setup("its URL is not one of PostgreSQL's"))?;
        config.keepalives_idle(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("stateless-session");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(2));
        }
        let tls = if config.get_ssl_mode() == SslMode::Disable {
            None
        } else {
            let tls = ClientConfig::with_platform_verifier().map_err(RegistryError::engine)?;
            Some(MakeRustlsConnect::new(tls))
        };
        let registry = Self(Arc::new(Shared {
            config,
            tls,
            writes,
            link: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            links: AtomicU64::new(0),
            cleaned: Mutex::default(),
        }));
        let checked = async {
            let link = registry.0.link().await.map_err(explained)?;
            registry.0.check(&link).await
        };
        let answer = timeout(Duration::from_secs(10), checked).await;
        answer.map_err(|_| RegistryError::NO_ANSWER)??;
        Ok(registry)
    }
}

/// What can be set right, in words; everything else as it is.
fn explained(error: tokio_postgres::Error) -> RegistryError {
    let missing = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
    ];
    match error.code() {
        Some(code) if missing.contains(code) => RegistryError::setup(format!(
            "{}; create the table `session_registry` from `PostgresRegistry::SCHEMA`, on PostgreSQL 13 or later",
            error.as_db_error().map_or("", |error| error.message()),
        )),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            RegistryError::setup("its role may not SELECT from the table `session_registry`")
        }
        _ => RegistryError::engine(error),
    }
}

impl Shared {
    /// The connection, a new one where the last is gone.
    async fn link(self: &Arc<Self>) -> Result<Arc<Link>, tokio_postgres::Error> {
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        let _turn = self.turn.lock().await;
        if let Some(link) = self.open_link() {
            return Ok(link);
        }
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        let ended = Arc::new(Notify::new());
        let (client, driver) = self.client(&ended).await?;
        client.batch_execute(BEGINNING).await?;
        let link = Arc::new(Link {
            number,
            seen: client.prepare(SEEN).await?,
            end: client.prepare(END).await?,
            list: client.prepare(LIST).await?,
            feed: client.prepare(FEED).await?,
            client,
            ended,
            _driver: driver,
        });
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&link));
        Ok(link)
    }

    async fn client(&self, ended: &Arc<Notify>) -> Result<(Client, Driver), tokio_postgres::Error> {
        let ended = Arc::clone(ended);
        let (client, task) = if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await?;
            (client, drive(connection, ended))
        } else {
            let (client, connection) = self.config.connect(NoTls).await?;
            (client, drive(connection, ended))
        };
        let driver = Driver {
            task,
            cancel: Some(client.cancel_token()),
            tls: self.tls.clone(),
        };
        Ok((client, driver))
    }

    fn open_link(&self) -> Option<Arc<Link>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref()
            .filter(|link| !link.client.is_closed())
            .cloned()
    }

    fn give_up(&self, number: u64) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_some_and(|link| link.number == number) {
            *link = None;
        }
    }

    /// What no statement finds out at once.
    async fn check(&self, link: &Link) -> Result<(), RegistryError> {
        let row = link
            .client
            .query_one(
                "SELECT current_setting('server_version_num')::int4, \
                 (SELECT bool_and(has_table_privilege('session_registry', allowed)) \
                  FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) allowed), \
                 has_table_privilege('session_registry', 'SELECT'), \
                 coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)",
                &[],
            )
            .await
            .map_err(explained)?;
        let read = |error| RegistryError::engine(error);
        let (version, may_write): (i32, bool) =
            (row.try_get(0).map_err(read)?, row.try_get(1).map_err(read)?);
        let (may_read, is_encrypted): (bool, bool) =
            (row.try_get(2).map_err(read)?, row.try_get(3).map_err(read)?);
        if version < 130_000 {
            return Err(RegistryError::setup("PostgreSQL 13 or later is needed"));
        }
        if !may_read {
            return Err(RegistryError::setup(
                "its role may not SELECT from the table `session_registry`",
            ));
        }
        if self.writes && !may_write {
            return Err(RegistryError::setup(
                "its role may not SELECT, INSERT, UPDATE and DELETE in the table `session_registry`; \
                 a service that only verifies calls `connect_read_only`",
            ));
        }
        let is_elsewhere = |host: &Host| match host {
            Host::Tcp(name) => !["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
            #[cfg(unix)]
            Host::Unix(_) => false,
        };
        if !is_encrypted && self.config.get_hosts().iter().any(is_elsewhere) {
            tracing::warn!(target: "stateless_session", "the session registry is on another host, and the connection to it is not encrypted");
        }
        Ok(())
    }

    /// Deletes what is over, on a connection of its own: a large table takes longer than anybody waits for the feed.
    fn clean(self: &Arc<Self>) {
        let mut cleaned = self.cleaned.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.writes || cleaned.is_some_and(|then| then.elapsed() <= CLEANED_EVERY) {
            return;
        }
        *cleaned = Some(Instant::now());
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            // Whatever fails here is tried again the next time.
            if let Err(cause) = shared.delete_what_is_over().await {
                tracing::debug!(target: "stateless_session", cause = %Chain(&cause), "what is over was not deleted from the session registry");
            }
        });
    }

    async fn delete_what_is_over(&self) -> Result<(), tokio_postgres::Error> {
        let (client, mut driver) = self.client(&Arc::default()).await?;
        while client.execute(CLEAN, &[&CLEANED_AT_ONCE]).await? >= CLEANED_AT_ONCE.unsigned_abs() {}
        driver.cancel = None;
        Ok(())
    }
}

/// What lets a connection work. Dropped, it takes back what the server is still at: behind somebody's lock of the table, each
/// new try would leave a connection behind that waits on.
struct Driver {
    task: AbortHandle,
    /// None where the server is at nothing.
    cancel: Option<CancelToken>,
    tls: Option<MakeRustlsConnect>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let task = self.task.clone();
        let (false, Some(cancel), Ok(runtime)) = (
            task.is_finished(),
            self.cancel.take(),
            Handle::try_current(),
        ) else {
            return task.abort();
        };
        let tls = self.tls.take();
        runtime.spawn(async move {
            let cancelled = async {
                match tls {
                    Some(tls) => cancel.cancel_query(tls).await,
                    None => cancel.cancel_query(NoTls).await,
                }
            };
            // A server that does not answer takes nothing back.
            let _ = timeout(CANCELS, cancelled).await;
            task.abort();
        });
    }
}

/// Lets a connection work until its client is dropped or the server is gone.
fn drive<S, T>(mut connection: Connection<S, T>, ended: Arc<Notify>) -> AbortHandle
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        // Anything else is a notice, or an error that the next statement meets as well.
        while let Some(Ok(message)) =
            std::future::poll_fn(|context| connection.poll_message(context)).await
        {
            if matches!(message, AsyncMessage::Notification(_)) {
                ended.notify_waiters();
            }
        }
        ended.notify_waiters();
    })
    .abort_handle()
}

/// Gives a connection up where nobody waits for its answer any more: it may be one that never comes.
struct Waiting<'a> {
    shared: &'a Shared,
    number: u64,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.give_up(self.number);
        }
    }
}

/// Where the last read was: on which connection, when by the server's clock, and what it saw.
fn position(number: u64, read_at: i64, snapshot: &str) -> String {
    format!("{number}/{read_at}/{snapshot}")
}

fn read_position(position: &str) -> Option<(u64, i64, &str)> {
    let (number, rest) = position.split_once('/')?;
    let (read_at, snapshot) = rest.split_once('/')?;
    Some((number.parse().ok()?, read_at.parse().ok()?, snapshot))
}

impl SessionRegistry for PostgresRegistry {
    type Error = Box<dyn Error + Send + Sync>;

    async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, Self::Error> {
        let link = self.0.link().await?;
        let row = link
            .client
            .query_one(
                &link.seen,
                &[
                    &seen.audience,
                    &Unlogged(seen.subject),
                    &Unlogged(seen.sid),
                    &int8(seen.auth_time),
                    &int8(seen.at),
                    &int8(seen.ends_at),
                    &Unlogged(seen.user_agent),
                    &int8(seen.iat),
                    &int8(seen.grace),
                ],
            )
            .await?;
        Ok(record(&row)?)
    }

    async fn end(&self, ending: &Ending) -> Result<(), Self::Error> {
        let link = self.0.link().await?;
        let sid = ending.sid.as_deref().unwrap_or_default();
        link.client
            .query(
                &link.end,
                &[
                    &ending.audience,
                    &Unlogged(&*ending.subject),
                    &Unlogged(sid),
                    &int8(ending.at),
                    &int8(ending.ends_at),
                ],
            )
            .await?;
        Ok(())
    }

    async fn list(&self, audience: &str, subject: &str) -> Result<Vec<SessionRecord>, Self::Error> {
        let link = self.0.link().await?;
        let rows = link
            .client
            .query(&link.list, &[&audience, &Unlogged(subject)])
            .await?;
        let records: Result<_, tokio_postgres::Error> = rows.iter().map(record).collect();
        Ok(records?)
    }

    async fn feed(
        &self,
        position: Option<&str>,
        since: u64,
    ) -> Result<(Vec<Ending>, String), Self::Error> {
        let link = self.0.link().await?;
        let mut waiting = Waiting {
            shared: &self.0,
            number: link.number,
            is_over: false,
        };
        self.0.clean();
        let last = position.and_then(read_position);
        // Another connection may be one to a server that is behind the last.
        let (snapshot, since) = match last {
            Some((number, _, snapshot)) if number == link.number => (snapshot, i64::MAX),
            Some((_, read_at, _)) => (SEES_ALL, read_at.saturating_sub(OVERLAP)),
            None => (SEES_ALL, int8(since)),
        };
        // Before it is looked, so that nothing ends in between unheard.
        let mut ended = pin!(link.ended.notified());
        ended.as_mut().enable();
        let mut answer = self.0.read(&link, snapshot, since).await?;
        if answer.0.is_empty() && since == i64::MAX {
            let _ = timeout(WAITS, ended).await;
            answer = self.0.read(&link, snapshot, since).await?;
        }
        waiting.is_over = true;
        Ok(answer)
    }
}

/// A snapshot that leaves nothing for the next read, so that only the time decides.
const SEES_ALL: &str = "9223372036854775806:9223372036854775806:";

/// In seconds: what another server may not know yet, and clocks that differ.
const OVERLAP: i64 = 60;

impl Shared {
    async fn read(
        &self,
        link: &Link,
        snapshot: &str,
        since: i64,
    ) -> Result<(Vec<Ending>, String), tokio_postgres::Error> {
        let rows = link.client.query(&link.feed, &[&snapshot, &since]).await?;
        let mut next = String::new();
        let mut endings = Vec::new();
        for row in &rows {
            next = position(
                link.number,
                row.try_get("read_at")?,
                row.try_get("snapshot")?,
            );
            // One row without an ending is an empty answer.
            let Some(audience) = row.try_get("audience")? else {
                continue;
            };
            let sid: String = row.try_get("sid")?;
            endings.push(Ending {
                audience,
                subject: row.try_get("subject")?,
                sid: (!sid.is_empty()).then_some(sid),
                at: seconds(row.try_get("ended_at")?),
                ends_at: seconds(row.try_get("ends_at")?),
            });
        }
        Ok((endings, next))
    }
}

/// A parameter that the client's log does not show, whatever its level.
struct Unlogged<T>(T);

impl<T> fmt::Debug for Unlogged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl<T: ToSql> ToSql for Unlogged<T> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        T::accepts(ty)
    }

    to_sql_checked!();
}

fn record(row: &Row) -> Result<SessionRecord, tokio_postgres::Error> {
    let auth_time: i64 = row.try_get("auth_time")?;
    let all_ended_at: Option<i64> = row.try_get("all_ended_at")?;
    let ended_at: Option<i64> = row.try_get("ended_at")?;
    let moment = |name| row.try_get(name).map(seconds);
    Ok(SessionRecord {
        sid: row.try_get("sid")?,
        auth_time: seconds(auth_time),
        seen_at: moment("seen_at")?,
        user_agent: row.try_get("user_agent")?,
        ended_at: ended_at
            .or(all_ended_at.filter(|at| auth_time <= *at))
            .map(seconds),
        rotation: Rotation {
            previous: moment("previous")?,
            current: moment("current")?,
            issued: moment("issued")?,
            issued_at: moment("issued_at")?,
        },
    })
}

fn int8(seconds: u64) -> i64 {
    seconds.try_into().unwrap_or(i64::MAX)
}

fn seconds(int8: i64) -> u64 {
    int8.try_into().unwrap_or_default()
}

impl fmt::Debug for PostgresRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresRegistry")
    }
}
