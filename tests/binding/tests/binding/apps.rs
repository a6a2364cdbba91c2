//! One application under several policies, which share their tokens.

use std::io;

use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, Login, MemoryRegistry, Renew, Renewal, SessionClaims, SessionRoutes, Sessions,
    TokenResponse, require_session, stateless_session,
};

use crate::support::{HeldClock, Server, keys};

/// What a test does to any of them.
pub trait Claimed: SessionClaims<Subject = u64> + Send + Sync + 'static {
    fn router() -> Router<App<Self>>;
}

pub struct App<C> {
    pub sessions: Sessions<C>,
}

impl<C> Clone for App<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
        }
    }
}

impl<C: Claimed> App<C> {
    pub fn of(sessions: Sessions<C>, clock: &HeldClock) -> Self {
        Self {
            sessions: clock.hold(sessions),
        }
    }

    pub async fn serve(&self) -> Server {
        Server::start(C::router().with_state(self.clone())).await
    }
}

macro_rules! app {
    ($name:ident, $router:expr, $($policy:tt)*) => {
        pub mod $name {
            use super::*;

            #[stateless_session(access = "15m", refresh = "7d", issuer = "shop", audience = "shop", cookie = "shop" $($policy)*)]
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct Claims {
                pub sub: u64,
                #[serde(default)]
                pub bound: bool,
            }

            impl FromRef<App<Claims>> for Sessions<Claims> {
                fn from_ref(app: &App<Claims>) -> Self {
                    app.sessions.clone()
                }
            }

            impl Renew<Claims> for App<Claims> {
                type Error = io::Error;

                async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, io::Error> {
                    let (sub, bound) = (*session.subject(), session.is_bound());
                    Ok(Some(Claims { sub, bound }))
                }
            }

            async fn login(login: Login<Claims>, Json(claims): Json<Claims>) -> Result<TokenResponse, StatusCode> {
                login.start(claims).map_err(StatusCode::from)
            }

            #[require_session]
            async fn me(claims: Claims) -> Json<Claims> {
                Json(claims)
            }

            impl Claimed for Claims {
                fn router() -> Router<App<Self>> {
                    let router = Router::new().route("/login", post(login)).route("/me", get(me));
                    let with_routes: fn(Router<App<Self>>) -> Router<App<Self>> = $router;
                    with_routes(router)
                }
            }
        }
    };
}

app!(offered, |router| router.merge(Claims::routes()), , binding = "offered");
// The feature alone: bound sessions are served, and no new ones begin.
app!(reading, |router| router.merge(Claims::routes()),);
app!(moved, |router| router.merge(Claims::routes()), , binding = "offered", path = "/shop/auth");
app!(rotating, |router| router.merge(Claims::routes()), , binding = "offered", revocation = "best-effort", rotation = "30s");
app!(native, |router| router.merge(Claims::routes()), , binding = "offered", native);
app!(pages, Claims::pages, , binding = "offered", pages = "/login");

pub fn offered(clock: &HeldClock) -> App<offered::Claims> {
    App::of(Sessions::new(keys()), clock)
}

pub fn offered_with(keys: Keys, clock: &HeldClock) -> App<offered::Claims> {
    App::of(Sessions::new(keys), clock)
}

pub fn reading(clock: &HeldClock) -> App<reading::Claims> {
    App::of(Sessions::new(keys()), clock)
}

pub async fn rotating(clock: &HeldClock) -> App<rotating::Claims> {
    let sessions = Sessions::with_registry(keys(), MemoryRegistry::default());
    App::of(sessions.await.unwrap(), clock)
}
