//! One application under four policies, which share their tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{FromRef, Path};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Login, Renew, Renewal, SessionClaims, SessionRegistry, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};

use crate::support::{Answer, Browser, HeldClock, Request, Server, keys};

/// What a test does to any of them.
pub trait Claimed: SessionClaims<Subject = u64> + Send + Sync + 'static {
    fn of(user: u64) -> Self;
    fn router() -> Router<App<Self>>;
}

pub struct App<C> {
    pub sessions: Sessions<C>,
    pub clock: HeldClock,
    pub lookups: Arc<AtomicUsize>,
}

impl<C> Clone for App<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            clock: self.clock.clone(),
            lookups: Arc::clone(&self.lookups),
        }
    }
}

impl<C: Claimed> App<C> {
    pub async fn beside(registry: impl SessionRegistry, clock: &HeldClock) -> Self {
        let sessions = Sessions::with_registry(keys(), registry).await.unwrap();
        Self::of(sessions, clock)
    }

    pub fn of(sessions: Sessions<C>, clock: &HeldClock) -> Self {
        Self {
            sessions: clock.hold(sessions),
            clock: clock.clone(),
            lookups: Arc::default(),
        }
    }

    pub async fn serve(&self) -> Server {
        Server::start(C::router().with_state(self.clone())).await
    }

    pub fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

macro_rules! app {
    ($name:ident, $($policy:tt)*) => {
        pub mod $name {
            use super::*;

            #[stateless_session(access = "15m", refresh = "7d", issuer = "shop", audience = "shop", cookie = "shop" $($policy)*)]
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct Claims {
                pub sub: u64,
            }

            type State = axum::extract::State<App<Claims>>;

            impl FromRef<App<Claims>> for Sessions<Claims> {
                fn from_ref(app: &App<Claims>) -> Self {
                    app.sessions.clone()
                }
            }

            impl Renew<Claims> for App<Claims> {
                type Error = std::io::Error;

                async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
                    self.lookups.fetch_add(1, Ordering::SeqCst);
                    Ok(Some(Claims { sub: *session.subject() }))
                }
            }

            async fn login(login: Login<Claims>, Json(claims): Json<Claims>) -> Result<TokenResponse, StatusCode> {
                login.start(claims).map_err(StatusCode::from)
            }

            #[require_session]
            async fn me(claims: Claims) -> Json<Claims> {
                Json(claims)
            }

            #[require_session(fresh = "5m")]
            async fn fresh(claims: Claims) -> Json<Claims> {
                Json(claims)
            }

            #[require_session]
            async fn devices(claims: Claims, app: State) -> Result<Json<Vec<String>>, StatusCode> {
                let devices = app.sessions.list(&claims.sub).await?;
                Ok(Json(devices.into_iter().map(|device| device.sid).collect()))
            }

            #[require_session]
            async fn end(claims: Claims, app: State, Path(sid): Path<String>) -> Result<StatusCode, StatusCode> {
                let is_own = app.sessions.end(&claims.sub, &sid).await?;
                Ok(if is_own { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
            }

            /// A new password: every session ends, and this browser has a new one.
            #[require_session]
            async fn end_all(claims: Claims, app: State, login: Login<Claims>) -> Result<TokenResponse, StatusCode> {
                app.sessions.end_all(&claims.sub).await?;
                login.start(claims).map_err(StatusCode::from)
            }

            impl Claimed for Claims {
                fn of(user: u64) -> Self {
                    Self { sub: user }
                }

                fn router() -> Router<App<Self>> {
                    Router::new()
                        .route("/login", post(login))
                        .route("/me", get(me))
                        .route("/fresh", get(fresh))
                        .route("/devices", get(devices))
                        .route("/devices/{sid}", delete(end))
                        .route("/password", post(end_all))
                        .merge(Claims::routes())
                }
            }
        }
    };
}

app!(without,);
app!(best_effort, , revocation = "best-effort");
app!(strict, , revocation = "3s");
app!(rotating, , revocation = "best-effort", rotation = "30s");
app!(strictly_rotating, , revocation = "3s", rotation = "30s");

/// A browser with the access token that its page holds.
#[derive(Clone, Default)]
pub struct Page {
    pub browser: Browser,
    pub token: String,
}

impl Page {
    pub async fn signed_in(server: &Server, user: u64) -> Self {
        Self::called(server, user, "Firefox").await
    }

    pub async fn called(server: &Server, user: u64, user_agent: &str) -> Self {
        let mut page = Self::default();
        let request = Request::post("/login").json(&format!(r#"{{"sub":{user}}}"#));
        let answer = page
            .browser
            .send(server, request.header("user-agent", user_agent))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        page.token = answer.access_token();
        page
    }

    pub async fn get(&self, server: &Server, path: &str) -> Answer {
        server.send(&Request::get(path).bearer(&self.token)).await
    }

    /// Refreshes, and takes the new token where there is one.
    pub async fn refresh(&mut self, server: &Server) -> Answer {
        let answer = self.browser.refresh(server).await;
        if answer.status == 200 {
            self.token = answer.access_token();
        }
        answer
    }

    pub fn sid(&self) -> String {
        crate::support::payload(&self.token)["sid"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Tries until something is so; another node hears of an ending within a moment that no test fixes.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 20 s until {what}");
}

/// Until the page's access token is refused.
pub async fn refused_at(server: &Server, page: &Page) {
    eventually("the access token is refused", async || {
        page.get(server, "/me").await.status == 401
    })
    .await;
    page.get(server, "/me")
        .await
        .assert_refused(401, "invalid_token", Some(INVALID_TOKEN));
}

pub const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;

pub const CHALLENGE: &str = r#"Bearer realm="shop""#;
