//! Refreshes and endings over loopback, beside an engine that was started for them.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use floor::samples;
use stateless_session::{
    PostgresRegistry, RedisRegistry, RegistryError, Renew, Renewal, SessionRegistry, SessionRoutes,
    Sessions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::sessions::{Revoked, Rotated, Sample, Without};

const REFRESHES: usize = 1_500;
const ENDINGS: usize = 200;

pub async fn postgres(url: &str) -> Result<PostgresRegistry, RegistryError> {
    PostgresRegistry::connect(url).await
}

pub async fn redis(url: &str) -> Result<RedisRegistry, RegistryError> {
    RedisRegistry::connect(url).await
}

#[derive(Clone)]
struct App<C>(Sessions<C>);

macro_rules! app {
    ($($claims:ident)*) => {$(
        impl FromRef<App<$claims>> for Sessions<$claims> {
            fn from_ref(app: &App<$claims>) -> Self {
                app.0.clone()
            }
        }

        impl Renew<$claims> for App<$claims> {
            type Error = Infallible;

            async fn renew(&self, _: &Renewal<$claims>) -> Result<Option<$claims>, Infallible> {
                Ok(Some($claims::sample(1001)))
            }
        }

        impl Served for $claims {
            fn router(sessions: Sessions<Self>) -> Router {
                Router::new().route("/me", get(async |_: $claims| "")).merge($claims::routes()).with_state(App(sessions))
            }
        }
    )*};
}

trait Served: Sample {
    fn router(sessions: Sessions<Self>) -> Router;
}

app! { Without Revoked Rotated }

pub fn figures<R: SessionRegistry + Clone>(
    name: &str,
    connect: impl Future<Output = Result<R, RegistryError>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let registry = connect.await.expect("an engine");
        let without = Node::start(Sessions::<Without>::new(samples::keys())).await;
        let revoked = Sessions::<Revoked>::with_registry(samples::keys(), registry.clone()).await.expect("a registry");
        let other = Sessions::<Revoked>::with_registry(samples::keys(), registry.clone()).await.expect("a registry");
        let rotated = Sessions::<Rotated>::with_registry(samples::keys(), registry).await.expect("a registry");
        let (revoked, other) = (Node::start(revoked).await, Node::start(other).await);
        let rotated = Node::start(rotated).await;

        let mut times = [const { Vec::new() }; 3];
        let (mut a, mut b, mut c) = (without.client().await, revoked.client().await, rotated.client().await);
        for _ in 0..REFRESHES {
            times[0].push(a.refresh().await);
            times[1].push(b.refresh().await);
            times[2].push(c.refresh().await);
        }
        let [without, with, rotation] = times.map(percentiles);
        println!("| {name}: {REFRESHES} refreshes each, interleaved | p50 | p99 | of one without, p50 |\n|---|--:|--:|--:|");
        for (what, [p50, p99, _]) in [("without a registry", without), ("with one", with), ("with rotation", rotation)] {
            println!("| {what} | {:.3} ms | {:.3} ms | {:.2} |", p50 * 1e3, p99 * 1e3, p50 / without[0]);
        }

        let mut lags = [const { Vec::new() }; 2];
        for _ in 0..ENDINGS {
            // Behind the pause that a node makes after a read which brought something.
            tokio::time::sleep(Duration::from_millis(120)).await;
            let mut page = revoked.client().await;
            let mut elsewhere = Client::connect(&other, String::new(), page.token.clone()).await;
            let began = Instant::now();
            page.logout().await;
            let answered = Instant::now();
            while elsewhere.me().await == 200 {}
            lags[0].push(began.elapsed());
            lags[1].push(answered.elapsed());
        }
        println!("\n| {name}: {ENDINGS} logouts at one node until refused at the other | p50 | p99 | most |\n|---|--:|--:|--:|");
        for (what, lags) in ["from the call", "from its 204"].into_iter().zip(lags) {
            let [p50, p99, most] = percentiles(lags);
            println!("| {what} | {:.2} ms | {:.2} ms | {:.2} ms |", p50 * 1e3, p99 * 1e3, most * 1e3);
        }
    });
}

/// In seconds: the median, the 99th and the last.
fn percentiles(mut times: Vec<Duration>) -> [f64; 3] {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64();
    [at(50), at(99), at(100)]
}

struct Node<C> {
    sessions: Sessions<C>,
    port: u16,
}

impl<C: Served> Node<C> {
    async fn start(sessions: Sessions<C>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(axum::serve(listener, C::router(sessions.clone())).into_future());
        Self { sessions, port }
    }

    /// Logged in.
    async fn client(&self) -> Client {
        let login = self
            .sessions
            .login_checked_elsewhere(C::sample(1001))
            .expect("good claims");
        let token = login.access_token().to_owned();
        let (_, cookies) = login.into_parts();
        let cookies: Vec<String> = cookies
            .into_iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        Client::connect(self, cookies.join("; "), token).await
    }
}

/// One connection that is kept.
struct Client {
    connection: TcpStream,
    cookies: String,
    token: String,
}

impl Client {
    async fn connect<C>(node: &Node<C>, cookies: String, token: String) -> Self {
        let connection = TcpStream::connect(("127.0.0.1", node.port))
            .await
            .expect("a server");
        connection.set_nodelay(true).expect("a socket");
        Self {
            connection,
            cookies,
            token,
        }
    }

    async fn refresh(&mut self) -> Duration {
        let began = Instant::now();
        let status = self.post("/auth/refresh").await;
        assert_eq!(status, 200);
        began.elapsed()
    }

    async fn logout(&mut self) {
        assert_eq!(self.post("/auth/logout").await, 204);
    }

    async fn post(&mut self, path: &str) -> u16 {
        let cookies = &self.cookies;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncookie: {cookies}\r\ncontent-length: 0\r\n\r\n"
        );
        self.send(&request).await
    }

    async fn me(&mut self) -> u16 {
        let request = format!(
            "GET /me HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            self.token
        );
        self.send(&request).await
    }

    async fn send(&mut self, request: &str) -> u16 {
        self.connection
            .write_all(request.as_bytes())
            .await
            .expect("a server");
        let mut answer = Vec::new();
        loop {
            let mut part = [0; 4096];
            let length = self.connection.read(&mut part).await.expect("an answer");
            assert!(length > 0, "the server hung up");
            answer.extend_from_slice(&part[..length]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                return head[9..12].parse().expect("a status");
            }
        }
    }
}
