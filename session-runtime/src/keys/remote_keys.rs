//! Public keys from the URL where another service publishes them: fetched at start, kept fresh in the background.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use reqwest::{Client, Url, redirect};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::keys::Keys;
use crate::keys::key_error::KeyError;
use crate::keys::public_keys::PublicKeys;
use crate::last_heard::LastHeard;

/// How long an answer may take, with connection and body.
const ANSWER: Duration = Duration::from_secs(10);

/// No setting asks more often: an outage must not become a storm.
const LEAST: Duration = Duration::from_secs(1);

/// 32 RSA keys of 4096 bits take less.
const LARGEST_SET: usize = 64 * 1024;

/// Where a service publishes its keys, as [`SessionRoutes::jwks_routes`](crate::SessionRoutes::jwks_routes) does.
///
/// ```no_run
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{JwksUrl, Sessions, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?.fetch().await?;
/// let sessions: Sessions<Claims> = Sessions::verifying_remote(keys);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JwksUrl {
    url: Url,
    interval: Duration,
    least_interval: Duration,
    unconfirmed_lifetime: Duration,
}

impl JwksUrl {
    /// A URL with `https`, or with `http` on this machine, without user name and password: it stands in the log.
    ///
    /// # Errors
    ///
    /// [`FetchError::Url`] for any other.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{FetchError, JwksUrl};
    /// # fn main() -> Result<(), FetchError> {
    /// let url = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?;
    /// assert!(JwksUrl::new("http://auth.example.com/keys").is_err()); // only with https
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(url: &str) -> Result<Self, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Url)?;
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(is_loopback),
            _ => false,
        };
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if !is_allowed || has_credentials {
            return Err(FetchError::Url);
        }
        Ok(Self {
            url,
            interval: Duration::from_secs(5 * 60),
            least_interval: Duration::from_secs(30),
            unconfirmed_lifetime: Duration::from_secs(24 * 60 * 60),
        })
    }

    /// How often the set is asked for; every 5 minutes unless set, and at most once a second. A key must be published for longer than this before it
    /// signs.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{FetchError, JwksUrl};
    /// # fn main() -> Result<(), FetchError> {
    /// let url = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?
    ///     .with_interval(Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_interval(self, interval: Duration) -> Self {
        Self {
            interval: interval.max(LEAST),
            ..self
        }
    }

    /// How long after one request the next may follow, whatever tokens arrive and whatever fails; 30 seconds unless set, and
    /// at least one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{FetchError, JwksUrl};
    /// # fn main() -> Result<(), FetchError> {
    /// let url = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?
    ///     .with_least_interval(Duration::from_secs(5));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_least_interval(self, least_interval: Duration) -> Self {
        Self {
            least_interval: least_interval.max(LEAST),
            ..self
        }
    }

    /// For how long keys count that no answer has confirmed, while this machine runs; 24 hours unless set. Behind it every token
    /// is answered with 503.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{FetchError, JwksUrl};
    /// # fn main() -> Result<(), FetchError> {
    /// let url = JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?
    ///     .with_unconfirmed_lifetime(Duration::from_secs(60 * 60));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_unconfirmed_lifetime(self, unconfirmed_lifetime: Duration) -> Self {
        Self {
            unconfirmed_lifetime,
            ..self
        }
    }

    /// Fetches the set, and keeps it fresh until the keys are dropped: at every interval, and soon after a token of an
    /// unknown key. An answer that can't be used leaves the last set in place and is said in the log. Redirects are not
    /// followed.
    ///
    /// Call it in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// A [`FetchError`] when there is no usable set now. A program that should start all the same tries again.
    ///
    /// ```
    /// # use stateless_session::{FetchError, JwksUrl, RemoteKeys};
    /// # async fn keys() -> Result<RemoteKeys, FetchError> {
    /// JwksUrl::new("https://auth.example.com/.well-known/jwks.json")?
    ///     .fetch()
    ///     .await
    /// # }
    /// ```
    pub async fn fetch(self) -> Result<RemoteKeys, FetchError> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(ANSWER);
        // A proxy would take the request off this machine, in the clear.
        if self.url.scheme() == "http" {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| FetchError::Request(error.into()))?;
        let keys = fetch(&client, &self.url).await?;
        tracing::info!(target: "stateless_session", url = %self.url, ?keys, "fetched the public keys");
        let shared = Arc::new(Shared {
            keys: Arc::new(ArcSwap::from_pointee(keys.into())),
            confirmed: LastHeard::now(),
            unknown_key: Notify::new(),
        });
        let unconfirmed_lifetime = self.unconfirmed_lifetime;
        let task = tokio::spawn(keep_fresh(self, client, Arc::clone(&shared)));
        Ok(RemoteKeys {
            shared,
            unconfirmed_lifetime,
            _task: Arc::new(AbortOnDrop(task.abort_handle())),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Public keys that stay fresh.
#[derive(Clone)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
    unconfirmed_lifetime: Duration,
    _task: Arc<AbortOnDrop>,
}

/// What requests and the task in the background share.
struct Shared {
    keys: Arc<ArcSwap<Keys>>,
    /// When an answer last confirmed them.
    confirmed: LastHeard,
    unknown_key: Notify,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RemoteKeys {
    pub(crate) fn keys(&self) -> Arc<ArcSwap<Keys>> {
        Arc::clone(&self.shared.keys)
    }

    /// Whether an answer has confirmed the keys recently enough to rely on them.
    pub(crate) fn are_confirmed(&self) -> bool {
        self.shared.confirmed.ago() <= self.unconfirmed_lifetime
    }

    /// Asks for the set before its time.
    pub(crate) fn report_unknown_key(&self) {
        self.shared.unknown_key.notify_one();
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteKeys")
            .field(&self.shared.keys.load().public_keys())
            .finish()
    }
}

async fn keep_fresh(source: JwksUrl, client: Client, shared: Arc<Shared>) {
    let mut wait = source.interval;
    loop {
        let asked_at = Instant::now();
        let _ = timeout(wait, shared.unknown_key.notified()).await;
        sleep(source.least_interval.saturating_sub(asked_at.elapsed())).await;
        match fetch(&client, &source.url).await {
            Ok(keys) => {
                tracing::debug!(target: "stateless_session", ?keys, "fetched the public keys");
                // The same ones stay, with what they know of tokens that were verified before.
                if !shared.keys.load().are_just(&keys) {
                    shared.keys.store(Arc::new(keys.into()));
                }
                shared.confirmed.note();
                wait = source.interval;
            }
            Err(cause) => {
                let unconfirmed = shared.confirmed.ago().as_secs();
                let cause: &dyn Error = &cause;
                tracing::warn!(target: "stateless_session",
                    url = %source.url,
                    cause,
                    "the public keys were not confirmed for {unconfirmed} s; the last ones still count",
                );
                wait = source.interval.min(source.least_interval);
            }
        }
    }
}

async fn fetch(client: &Client, url: &Url) -> Result<PublicKeys, FetchError> {
    let request = |error: reqwest::Error| FetchError::Request(error.without_url().into());
    let mut response = client.get(url.clone()).send().await.map_err(request)?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(request)? {
        if body.len() + chunk.len() > LARGEST_SET {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let body = str::from_utf8(&body).map_err(|_| FetchError::Keys(KeyError::Malformed))?;
    PublicKeys::from_jwks(body).map_err(FetchError::Keys)
}

/// Why a published set was not fetched.
#[non_exhaustive]
pub enum FetchError {
    /// It is no URL with `https`, nor one of this machine, or it holds a user name or password.
    Url,
    /// There was no answer; the source says why.
    Request(Box<dyn Error + Send + Sync>),
    /// The answer has another status than a success; redirects are not followed.
    Status(u16),
    /// The answer is longer than 64 KiB.
    TooLarge,
    /// The answer holds no set with keys that can be used.
    Keys(KeyError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str(
                "the keys' URL must begin with `https://`, unless it is on this machine, and hold no user name and password",
            ),
            Self::Request(_) => f.write_str("the service with the keys did not answer"),
            Self::Status(status) => write!(f, "the service with the keys answered {status}"),
            Self::TooLarge => f.write_str("the set of keys is longer than 64 KiB"),
            Self::Keys(cause) => write!(f, "the set of keys {cause}"),
        }
    }
}

/// As it stands in the output of a `main` that returns it.
impl fmt::Debug for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(source) => write!(f, "{self}: {source}"),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Request(source) => Some(&**source),
            Self::Keys(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
impl RemoteKeys {
    /// Until the next answer was taken.
    pub(crate) async fn confirmed_again(&self) {
        let asked_at = Instant::now();
        let again = async {
            while self.shared.confirmed.ago() >= asked_at.elapsed() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), again).await.unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_makes_an_outage_a_storm() {
        let url = JwksUrl::new("https://auth.example.com/jwks.json").unwrap();
        let url = url
            .with_interval(Duration::ZERO)
            .with_least_interval(Duration::ZERO);
        assert_eq!((url.interval, url.least_interval), (LEAST, LEAST));
        let longer = Duration::from_secs(7);
        let url = url.with_interval(longer).with_least_interval(longer);
        assert_eq!((url.interval, url.least_interval), (longer, longer));
    }

    #[test]
    fn a_main_that_returns_the_error_says_what_is_wrong() {
        let refused = FetchError::Request("connection refused".into());
        assert_eq!(
            format!("{refused:?}"),
            "the service with the keys did not answer: connection refused"
        );
        let url = JwksUrl::new("http://auth.example.com").unwrap_err();
        assert_eq!(format!("{url:?}"), url.to_string());
    }
}
