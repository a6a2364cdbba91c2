//! Three nodes of one application beside one registry.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    EndCause, EventKind, Login, PostgresRegistry, RedisRegistry, Renew, Renewal, Session,
    SessionRegistry, SessionRoutes, Sessions, TokenResponse, require_session, stateless_session,
};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

use crate::book::{Book, Known, Watched};
use crate::choices::Choices;
use crate::client::Held;
use crate::support::{HeldClock, MINUTE, keys, lock};

pub const ACCESS: u64 = 15 * MINUTE;

#[stateless_session(
    access = "15m",
    refresh = "7d",
    revocation = "best-effort",
    rotation = "30s"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: usize,
}

pub const USERS: usize = 24;

const NODES: usize = 3;

pub struct Node {
    pub address: SocketAddr,
    pub sessions: Sessions<Claims>,
    pub known: Arc<Mutex<Known>>,
}

pub struct World {
    pub book: Arc<Book>,
    pub nodes: Vec<Node>,
    pub clock: HeldClock,
    /// The clock stands while a request is under way: rotation asks that a request and its answer take less than its grace.
    pub clock_stands: RwLock<()>,
    /// Sessions that nobody uses at the moment, ended ones and copies among them.
    pub put_away: Mutex<Vec<Held>>,
}

impl World {
    pub async fn start(engine: &str, url: &str) -> Self {
        let clock = HeldClock::at_present();
        let mut world = Self {
            book: Arc::default(),
            nodes: Vec::new(),
            clock,
            clock_stands: RwLock::default(),
            put_away: Mutex::default(),
        };
        for _ in 0..NODES {
            let node = if engine == "postgres" {
                let registry = PostgresRegistry::connect(url).await;
                world.node(registry.expect("Postgres")).await
            } else {
                let registry = RedisRegistry::connect(url).await;
                world.node(registry.expect("Redis")).await
            };
            world.nodes.push(node);
        }
        world
    }

    async fn node(&self, engine: impl SessionRegistry) -> Node {
        let known = Arc::<Mutex<Known>>::default();
        let registry = Watched {
            engine,
            book: self.book.clone(),
            known: known.clone(),
        };
        let sessions = Sessions::with_registry(keys(), registry).await;
        let book = self.book.clone();
        let sessions = self
            .clock
            .hold(sessions.expect("a registry that answers"))
            .on_event(move |event| {
                let is_reuse = matches!(
                    event.kind,
                    EventKind::Ended {
                        why: EndCause::Reused
                    }
                );
                if let (true, Some(sid)) = (is_reuse, event.sid()) {
                    lock(&book.reused).insert(sid.to_owned());
                }
            });
        let app = Router::new()
            .route("/login", post(login))
            .route("/me", get(me))
            .merge(Claims::routes())
            .with_state(sessions.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        Node {
            address,
            sessions,
            known,
        }
    }

    pub async fn move_clock(&self, choices: &mut Choices) {
        let (least, most) = choices.one_of(&[
            (50, (1, 20)),
            (35, (31, 90)),
            (15, (5 * MINUTE, 16 * MINUTE)),
        ]);
        let _stands = self.clock_stands.write().await;
        self.clock.advance(choices.between(least, most));
        self.book.ledger.count("change", "clock: forward");
    }
}

impl Renew<Claims> for Sessions<Claims> {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let sub = *session.subject();
        Ok(Some(Claims { sub }))
    }
}

async fn login(
    login: Login<Claims>,
    Json(claims): Json<Claims>,
) -> Result<TokenResponse, StatusCode> {
    login.start(claims).map_err(StatusCode::from)
}

#[require_session]
async fn me(session: Session<Claims>) -> Json<Value> {
    Json(json!({"sub": session.sub, "sid": session.sid()}))
}
