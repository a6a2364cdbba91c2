//! The registry on Redis, or on a server that speaks its commands: a hash a session, a stream of what ended.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue,
    RedisError, Script, ScriptInvocation, Value,
};
use tokio::time::timeout;

use crate::registry::SessionRegistry;
use crate::registry::error::RegistryError;
use crate::registry::record::{Ending, SessionRecord};
use crate::registry::rotation::Rotation;
use crate::registry::seen::Seen;

/// Every key begins so, so that all lie on one node of a cluster.
const PREFIX: &str = "{sessions}";
const ENDED: &str = "{sessions}:ended";

/// How long a read waits for something to end, in milliseconds.
const WAITS: usize = 1_000;

/// What a promoted replica may not have had yet, and clocks that differ, in milliseconds.
const OVERLAP: u64 = 60_000;

const AT_ONCE: usize = 1_000;

/// The last second of the year 9999: a moment that every command takes.
const LATEST: u64 = 253_402_300_799;

static SEEN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local session, subject, all = KEYS[1], KEYS[2], KEYS[3]
local sid, auth_time, at, ends_at = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local iat, grace = tonumber(ARGV[5]), tonumber(ARGV[6])
local row = redis.call('HMGET', session, 'previous', 'current', 'issued', 'issued_at', 'seen_at', 'ends_at')
local previous, current, issued, issued_at = tonumber(row[1]), tonumber(row[2]), tonumber(row[3]), tonumber(row[4])
if not current then
  previous, current, issued, issued_at = 0, iat, iat, at
  redis.call('HSET', session, 'auth_time', auth_time)
elseif grace > 0 then
  if at - issued_at > grace then
    if iat == current then
      issued, issued_at = at, at
    elseif iat >= issued then
      previous, current, issued, issued_at = current, iat, at, at
    end
  elseif iat >= previous then
    issued, issued_at = math.max(issued, iat), math.max(issued_at, at)
  end
end
at = math.max(at, tonumber(row[5]) or 0)
ends_at = math.max(ends_at, tonumber(row[6]) or 0)
redis.call('HSET', session, 'seen_at', at, 'ends_at', ends_at,
  'previous', previous, 'current', current, 'issued', issued, 'issued_at', issued_at)
if ARGV[7] ~= '' then redis.call('HSET', session, 'user_agent', ARGV[7]) end
local now = redis.call('TIME')[1]
redis.call('EXPIREAT', session, ends_at)
redis.call('ZADD', subject, ends_at, sid)
redis.call('ZREMRANGEBYSCORE', subject, '-inf', '(' .. now)
if redis.call('TTL', subject) < ends_at - now then redis.call('EXPIREAT', subject, ends_at) end
return {redis.call('HGETALL', session), redis.call('GET', all)}",
    )
});

static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local session, subject, all, ended = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local sid, at, ends_at = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = redis.call('TIME')[1]
if sid == '' then
  local before = tonumber(redis.call('GET', all))
  if before and before >= at then return 0 end
  redis.call('SET', all, at, 'EXAT', ends_at)
else
  local row = redis.call('HMGET', session, 'ended_at', 'auth_time', 'ends_at')
  if row[1] then return 0 end
  ends_at = math.max(ends_at, tonumber(row[3]) or 0)
  redis.call('HSET', session, 'ended_at', at, 'ends_at', ends_at)
  if not row[2] then
    redis.call('HSET', session, 'auth_time', at, 'seen_at', at, 'previous', 0, 'current', 0, 'issued', 0, 'issued_at', 0)
  end
  redis.call('EXPIREAT', session, ends_at)
  redis.call('ZREM', subject, sid)
end
redis.call('XADD', ended, 'MINID', '~', (now - 86400) .. '000', '*',
  'audience', ARGV[4], 'subject', ARGV[5], 'sid', sid, 'at', at, 'ends_at', ends_at)
return 1",
    )
});

static LIST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local found = {}
for _, sid in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = redis.call('HGETALL', KEYS[3] .. sid)
  if #row > 0 then found[#found + 1] = {sid, row} end
end
return {found, redis.call('GET', KEYS[2])}",
    )
});

/// What a role of a service that logs in has to be allowed, tried on a key of its own.
static PROBE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
redis.call('HSET', KEYS[1], 'probe', 1)
redis.call('EXPIREAT', KEYS[1], redis.call('TIME')[1] + 1)
return redis.call('EXISTS', KEYS[2])",
    )
});

/// The fields of a session's hash.
type Fields = HashMap<String, String>;

/// A session registry on Redis, 6.2 or later, or on a server that speaks the same commands.
///
/// It needs a server that keeps what it is told: `maxmemory-policy noeviction`, and an append-only file where endings have to outlive a crash.
/// Every key ends by itself with the last token of its session; the stream of endings reaches back a day, so `access` should be shorter.
///
/// A role of a service that only verifies needs `+xread ~{sessions}:ended` and no more.
#[derive(Clone)]
pub struct RedisRegistry(Arc<Shared>);

struct Shared {
    client: Client,
    commands: Slot,
    /// Each follower's own between two of its reads, because a read blocks what comes behind it.
    feeds: Mutex<Vec<Link>>,
    links: AtomicU64,
}

/// One connection, replaced when it is gone.
#[derive(Default)]
struct Slot {
    link: Mutex<Option<Link>>,
    /// Held by whoever connects.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Link {
    number: u64,
    connection: MultiplexedConnection,
}

impl RedisRegistry {
    /// Connects, and finds out whether the server will do.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use stateless_session::RedisRegistry;
    ///
    /// let registry = RedisRegistry::connect("rediss://shop@redis.internal").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RegistryError`] that says what to set right: the URL, a server before 6.2, a `maxmemory-policy` that drops keys, a role
    /// that may not write; or that the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, RegistryError> {
        let registry = Self::of_url(url)?;
        let answered = timeout(Duration::from_secs(10), registry.0.check());
        answered.await.map_err(|_| RegistryError::NO_ANSWER)??;
        Ok(registry)
    }

    /// The same for a service that only verifies: it follows what others end, and its role may do no more than read that.
    ///
    /// # Errors
    ///
    /// As with [`connect`](Self::connect).
    pub async fn connect_read_only(url: &str) -> Result<Self, RegistryError> {
        let registry = Self::of_url(url)?;
        let answered = timeout(Duration::from_secs(10), registry.0.check_feed());
        answered.await.map_err(|_| RegistryError::NO_ANSWER)??;
        Ok(registry)
    }

    fn of_url(url: &str) -> Result<Self, RegistryError> {
        // What the parser says of it may hold the password.
        let client =
            Client::open(url).map_err(|_| RegistryError::setup("its URL is not one of Redis's"))?;
        if let ConnectionAddr::Tcp(host, _) = client.get_connection_info().addr()
            && !["localhost", "127.0.0.1", "::1"].contains(&host.as_str())
        {
            tracing::warn!(target: "stateless_session", "the session registry is on another host, and the connection to it is not encrypted");
        }
        Ok(Self(Arc::new(Shared {
            client,
            commands: Slot::default(),
            feeds: Mutex::default(),
            links: AtomicU64::new(0),
        })))
    }
}

impl Slot {
    async fn link(&self, shared: &Shared) -> Result<Link, RedisError> {
        if let Some(link) = self.open() {
            return Ok(link);
        }
        let _turn = self.turn.lock().await;
        if let Some(link) = self.open() {
            return Ok(link);
        }
        let link = shared.connect().await?;
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
        Ok(link)
    }

    fn open(&self) -> Option<Link> {
        self.link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn give_up(&self, number: u64) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_some_and(|link| link.number == number) {
            *link = None;
        }
    }
}

/// Gives a connection up unless its answer came: it may be gone, to a server that was demoted, or one that never answers.
struct Waiting<'a> {
    slot: &'a Slot,
    number: u64,
    is_answered: bool,
}

impl<'a> Waiting<'a> {
    fn on(slot: &'a Slot, link: &Link) -> Self {
        Self {
            slot,
            number: link.number,
            is_answered: false,
        }
    }

    fn answered<T>(mut self, answer: Result<T, RedisError>) -> Result<T, RedisError> {
        self.is_answered = answer.is_ok();
        answer
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.slot.give_up(self.number);
        }
    }
}

impl Shared {
    async fn check(&self) -> Result<(), RegistryError> {
        self.check_feed().await?;
        let mut link = self
            .commands
            .link(self)
            .await
            .map_err(RegistryError::engine)?;
        let mut policy = redis::cmd("CONFIG");
        policy.arg("GET").arg("maxmemory-policy");
        let policy: Result<HashMap<String, String>, _> =
            policy.query_async(&mut link.connection).await;
        match policy
            .as_ref()
            .map(|policy| policy.get("maxmemory-policy").map(String::as_str))
        {
            Ok(Some("noeviction")) => {}
            Ok(Some(policy)) => {
                return Err(RegistryError::setup(format!(
                    "its `maxmemory-policy` is `{policy}`, which drops what has ended; set it to `noeviction`",
                )));
            }
            _ => {
                tracing::warn!(target: "stateless_session", "the session registry's role may not ask for its `maxmemory-policy`, which has to be `noeviction`");
            }
        }
        let probed: Result<bool, RedisError> = PROBE
            .key(format!("{PREFIX}:probe"))
            .key(ENDED)
            .invoke_async(&mut link.connection)
            .await;
        probed.map(drop).map_err(|error| explained(error, "write keys that begin with `{sessions}`; a service that only verifies calls `connect_read_only`"))
    }

    async fn connect(&self) -> Result<Link, RedisError> {
        // Who waits for an answer decides how long.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(Some(Duration::from_secs(2)));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        Ok(Link { number, connection })
    }

    fn take_feed(&self, number: u64) -> Option<Link> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let index = feeds.iter().position(|link| link.number == number)?;
        Some(feeds.swap_remove(index))
    }

    fn keep_feed(&self, link: Link) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.push(link);
    }

    async fn check_feed(&self) -> Result<(), RegistryError> {
        let mut link = self.connect().await.map_err(RegistryError::engine)?;
        let hello: Result<HashMap<String, Value>, _> =
            redis::cmd("HELLO").query_async(&mut link.connection).await;
        let version = hello
            .map_err(RegistryError::engine)?
            .get("version")
            .and_then(version);
        if version.is_none_or(|version| version < (6, 2)) {
            return Err(RegistryError::setup(
                "Redis 6.2 or later is needed, or a server that speaks its commands",
            ));
        }
        let read: Result<StreamReadReply, _> = link
            .connection
            .xread_options(&[ENDED], &["$"], &StreamReadOptions::default().count(1))
            .await;
        read.map(drop)
            .map_err(|error| explained(error, "XREAD `{sessions}:ended`"))
    }

    /// What a script answers. A connection that was closed meanwhile says so to the first who asks on it, so that one asks again
    /// on another; no script does anything new the second time.
    async fn ask<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        let mut is_repeated = false;
        loop {
            let mut link = self.commands.link(self).await?;
            let waiting = Waiting::on(&self.commands, &link);
            let answer = call.invoke_async(&mut link.connection).await;
            match waiting.answered(answer) {
                Err(error) if error.is_connection_dropped() && !is_repeated => is_repeated = true,
                answer => return answer,
            }
        }
    }

    async fn read(
        &self,
        link: &mut Link,
        after: &str,
        options: &StreamReadOptions,
    ) -> Result<(Vec<Ending>, Option<String>), RedisError> {
        let reply: Option<StreamReadReply> = link
            .connection
            .xread_options(&[ENDED], &[after], options)
            .await?;
        let ids = reply
            .into_iter()
            .flat_map(|reply| reply.keys)
            .flat_map(|key| key.ids);
        let mut last = None;
        let endings = ids.filter_map(|id| {
            let ending = ending(&id);
            last = Some(id.id);
            ending
        });
        let endings = endings.collect();
        Ok((endings, last))
    }
}

/// What can be set right, in words; everything else as it is.
fn explained(error: RedisError, what: &str) -> RegistryError {
    if error.code() == Some("NOPERM") || error.to_string().contains("NOPERM") {
        return RegistryError::setup(format!("its role may not {what}"));
    }
    RegistryError::engine(error)
}

fn version(value: &Value) -> Option<(u32, u32)> {
    let version: String = redis::from_redis_value(value.clone()).ok()?;
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// The keys of a subject: its sessions, when all of them ended, and what the names of its sessions' hashes begin with.
struct Keys {
    subject: String,
    all: String,
    session: String,
}

impl Keys {
    /// With its length before it, because an audience may hold whatever the rest does.
    fn of(audience: &str, subject: &str) -> Self {
        let base = format!("{PREFIX}:{}:{audience}", audience.len());
        Self {
            subject: format!("{base}:subject:{subject}"),
            all: format!("{base}:all:{subject}"),
            session: format!("{base}:session:{}:{subject}:", subject.len()),
        }
    }

    fn session(&self, sid: &str) -> String {
        format!("{}{sid}", self.session)
    }
}

/// Where the last read was: on which connection, and the last entry.
fn read_position(position: &str) -> Option<(u64, &str)> {
    let (number, id) = position.split_once('/')?;
    Some((number.parse().ok()?, id))
}

fn milliseconds(id: &str) -> u64 {
    id.split('-')
        .next()
        .and_then(|time| time.parse().ok())
        .unwrap_or_default()
}

impl SessionRegistry for RedisRegistry {
    type Error = Box<dyn Error + Send + Sync>;

    async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, Self::Error> {
        let keys = Keys::of(seen.audience, seen.subject);
        let mut call = SEEN.key(keys.session(seen.sid));
        call.key(keys.subject).key(keys.all).arg(seen.sid);
        call.arg(seen.auth_time.min(LATEST))
            .arg(seen.at.min(LATEST))
            .arg(seen.ends_at.min(LATEST));
        call.arg(seen.iat.min(LATEST))
            .arg(seen.grace)
            .arg(seen.user_agent.unwrap_or_default());
        let (row, all_ended): (Fields, Option<u64>) = self.0.ask(&call).await?;
        Ok(record(seen.sid.to_owned(), &row, all_ended)?)
    }

    async fn end(&self, ending: &Ending) -> Result<(), Self::Error> {
        let keys = Keys::of(&ending.audience, &ending.subject);
        let sid = ending.sid.as_deref().unwrap_or_default();
        let mut call = END.key(keys.session(sid));
        call.key(keys.subject).key(keys.all).key(ENDED).arg(sid);
        call.arg(ending.at.min(LATEST))
            .arg(ending.ends_at.min(LATEST));
        call.arg(&ending.audience).arg(&ending.subject);
        Ok(self.0.ask(&call).await?)
    }

    async fn list(&self, audience: &str, subject: &str) -> Result<Vec<SessionRecord>, Self::Error> {
        let keys = Keys::of(audience, subject);
        let mut call = LIST.key(keys.subject);
        call.key(keys.all).key(keys.session);
        let (rows, all_ended): (Vec<(String, Fields)>, Option<u64>) = self.0.ask(&call).await?;
        let records: Result<_, RedisError> = rows
            .into_iter()
            .map(|(sid, row)| record(sid, &row, all_ended))
            .collect();
        Ok(records?)
    }

    async fn feed(
        &self,
        position: Option<&str>,
        since_seconds: u64,
    ) -> Result<(Vec<Ending>, String), Self::Error> {
        let last = position.and_then(read_position);
        let mut link = match last.and_then(|(number, _)| self.0.take_feed(number)) {
            Some(link) => link,
            None => self.0.connect().await?,
        };
        let number = link.number;
        let at_once = || StreamReadOptions::default().count(AT_ONCE);
        let since = |milliseconds: u64| format!("{}-0", milliseconds.saturating_sub(OVERLAP));
        let (mut after, mut options) = match last {
            Some((same, id)) if same == number => (id.to_owned(), at_once().block(WAITS)),
            Some((_, id)) => (since(milliseconds(id)), at_once()),
            None => (since(since_seconds.saturating_mul(1_000)), at_once()),
        };
        let mut endings = Vec::new();
        loop {
            let (more, last) = self.0.read(&mut link, &after, &options).await?;
            endings.extend(more);
            let Some(last) = last else { break };
            // There may be more, and it is there already.
            (after, options) = (last, at_once());
        }
        // A connection that gave no answer is not used again.
        self.0.keep_feed(link);
        Ok((endings, format!("{number}/{after}")))
    }
}

fn ending(id: &StreamId) -> Option<Ending> {
    let sid: String = id.get("sid")?;
    Some(Ending {
        audience: id.get("audience")?,
        subject: id.get("subject")?,
        sid: (!sid.is_empty()).then_some(sid),
        at: id.get("at")?,
        ends_at: id.get("ends_at")?,
    })
}

fn record(sid: String, row: &Fields, all_ended: Option<u64>) -> Result<SessionRecord, RedisError> {
    let moment = |name: &str| row.get(name).and_then(|value| value.parse::<u64>().ok());
    let needed = |name: &'static str| {
        moment(name).ok_or_else(|| {
            RedisError::from((
                ErrorKind::UnexpectedReturnType,
                "a session without",
                name.to_owned(),
            ))
        })
    };
    let auth_time = needed("auth_time")?;
    Ok(SessionRecord {
        sid,
        auth_time,
        seen_at: needed("seen_at")?,
        user_agent: row.get("user_agent").cloned(),
        ended_at: moment("ended_at").or(all_ended.filter(|at| auth_time <= *at)),
        rotation: Rotation {
            previous: needed("previous")?,
            current: needed("current")?,
            issued: needed("issued")?,
            issued_at: needed("issued_at")?,
        },
    })
}

impl fmt::Debug for RedisRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisRegistry")
    }
}
