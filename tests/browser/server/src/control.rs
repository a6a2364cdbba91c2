//! What a test may do to the server: stop the answers, break the users' table, move the clock, change the keys.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;
use stateless_session::{Keys, Sessions};
use tokio::sync::watch;

use crate::{App, Claims, Role};

/// One order, of which every part may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    renew: Option<Users>,
    refresh: Option<Delivery>,
    logout: Option<Delivery>,
    ahead: Option<u64>,
    raise_generation: Option<String>,
    #[serde(default)]
    change_keys: bool,
}

/// How the users' table answers.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Users {
    #[default]
    Ok,
    Gone,
    Error,
}

/// What becomes of an answer once it is made.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Delivery {
    #[default]
    Pass,
    Hold,
    Drop,
}

/// The users' table does not answer.
#[derive(Debug)]
pub(crate) struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the users' table does not answer")
    }
}

impl Error for Outage {}

#[derive(Clone)]
pub(crate) struct Controls {
    held: Arc<Mutex<Held>>,
    /// Seconds that this server's clock is ahead.
    ahead: Arc<AtomicU64>,
    refresh: Arc<watch::Sender<Delivery>>,
    logout: Arc<watch::Sender<Delivery>>,
    allowed_origin: Option<String>,
}

struct Held {
    sessions: Sessions<Claims>,
    users: Users,
    generations: HashMap<String, u32>,
}

impl Controls {
    pub(crate) fn new(keys: Keys, allowed_origin: Option<String>) -> Result<Self, Box<dyn Error>> {
        let ahead = Arc::default();
        let held = Held {
            sessions: sessions(keys, &ahead, allowed_origin.as_deref())?,
            users: Users::default(),
            generations: HashMap::new(),
        };
        Ok(Self {
            held: Arc::new(Mutex::new(held)),
            ahead,
            refresh: Arc::default(),
            logout: Arc::default(),
            allowed_origin,
        })
    }

    pub(crate) fn sessions(&self) -> Sessions<Claims> {
        self.held().sessions.clone()
    }

    pub(crate) fn user_exists(&self) -> Result<bool, Outage> {
        match self.held().users {
            Users::Ok => Ok(true),
            Users::Gone => Ok(false),
            Users::Error => Err(Outage),
        }
    }

    pub(crate) fn claims(&self, sub: &str) -> Claims {
        Claims {
            sub: sub.to_owned(),
            role: if sub == "admin" {
                Role::Admin
            } else {
                Role::User
            },
            generation: self
                .held()
                .generations
                .get(sub)
                .copied()
                .unwrap_or_default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn obey(&self, order: Order) -> Result<(), Box<dyn Error>> {
        let mut held = self.held();
        if let Some(users) = order.renew {
            held.users = users;
        }
        if let Some(seconds) = order.ahead {
            self.ahead.store(seconds, Ordering::Relaxed);
        }
        if let Some(sub) = order.raise_generation {
            *held.generations.entry(sub).or_default() += 1;
        }
        if order.change_keys {
            held.sessions = sessions(
                Keys::generate()?,
                &self.ahead,
                self.allowed_origin.as_deref(),
            )?;
        }
        if let Some(delivery) = order.refresh {
            self.refresh.send_replace(delivery);
        }
        if let Some(delivery) = order.logout {
            self.logout.send_replace(delivery);
        }
        Ok(())
    }
}

fn sessions(
    keys: Keys,
    ahead: &Arc<AtomicU64>,
    allowed_origin: Option<&str>,
) -> Result<Sessions<Claims>, Box<dyn Error>> {
    let ahead = Arc::clone(ahead);
    let now = move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed));
    let sessions = Sessions::new(keys).with_clock(now);
    Ok(match allowed_origin {
        Some(origin) => sessions.allow_origin(origin)?,
        None => sessions,
    })
}

pub(crate) async fn control(
    State(controls): State<Controls>,
    Json(order): Json<Order>,
) -> Result<StatusCode, (StatusCode, String)> {
    match controls.obey(order) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// Delivers, holds or loses the answers of refreshes and logouts that were handled in any case.
pub(crate) async fn deliver(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_post = request.method() == "POST";
    let delivery = match request.uri().path() {
        "/auth/refresh" if is_post => Some(&app.controls.refresh),
        "/auth/logout" if is_post => Some(&app.controls.logout),
        _ => None,
    };
    let response = next.run(request).await;
    let Some(delivery) = delivery else {
        return response;
    };
    if Arc::ptr_eq(delivery, &app.controls.refresh) {
        app.log.handled();
    }
    let mut delivery = delivery.subscribe();
    loop {
        let now = *delivery.borrow_and_update();
        match now {
            Delivery::Pass => return response,
            // Closes the connection without a word, and without a panic's message.
            Delivery::Drop => panic::resume_unwind(Box::new("the answer is lost")),
            Delivery::Hold => {
                if delivery.changed().await.is_err() {
                    return response;
                }
            }
        }
    }
}
