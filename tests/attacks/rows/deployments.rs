//! Servers of the same application after a deployment that changed something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Login, Renew, Renewal, Session, SessionClaims, SessionRoutes, Sessions,
    TokenResponse, stateless_session,
};

use crate::app::{App, Claims, Role, UserId};
use crate::support::keys;
use crate::table::{To, with_other_keys};

/// The router of one server, which counts what runs where the application of all others does.
pub fn router(to: To, app: &App) -> Router {
    let user = UserId(1);
    match to {
        To::Nested => Router::new().nest(
            "/api",
            App::routes()
                .merge(Claims::routes())
                .with_state(app.clone()),
        ),
        To::Shorter => Other::router(
            app,
            Shorter {
                sub: user,
                role: Role::User,
                generation: 0,
            },
        ),
        To::Longer => Other::router(
            app,
            Longer {
                sub: user,
                role: Role::User,
                generation: 0,
            },
        ),
        To::Large => Other::router(
            app,
            Large {
                sub: user,
                filler: "x".repeat(5_000),
            },
        ),
        To::LongSubject => Other::router(
            app,
            LongSubject {
                sub: "x".repeat(300),
            },
        ),
        To::Flattened => Other::router(
            app,
            Flattened {
                sub: user,
                rest: [("exp".to_owned(), 1)].into(),
            },
        ),
        To::Same | To::Rotated | To::Retired | To::HalfRotated => {
            with_other_keys(app, to).unwrap().router()
        }
    }
}

/// The tokens are those of [`Claims`].
macro_rules! claims {
    ($($name:ident($access:literal, $refresh:literal, $absolute:literal) { $($fields:tt)* })*) => {$(
        #[stateless_session(
            access = $access,
            refresh = $refresh,
            absolute = $absolute,
            audience = "attacks::app::Claims"
        )]
        #[derive(Clone, Serialize, Deserialize)]
        pub struct $name { $($fields)* }
    )*};
}

claims! {
    Shorter("5m", "1d", "7d") { sub: UserId, role: Role, generation: u32 }
    Longer("1h", "30d", "90d") { sub: UserId, role: Role, generation: u32 }
    Large("15m", "7d", "30d") { sub: UserId, filler: String }
    LongSubject("15m", "7d", "30d") { sub: String }
    Flattened("15m", "7d", "30d") { sub: UserId, #[serde(flatten)] rest: BTreeMap<String, u64> }
}

/// An application for any claims, always the same ones.
pub struct Other<C> {
    sessions: Sessions<C>,
    claims: Arc<C>,
    handled: Arc<AtomicUsize>,
}

impl<C> Clone for Other<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            claims: Arc::clone(&self.claims),
            handled: Arc::clone(&self.handled),
        }
    }
}

impl<C: SessionClaims> FromRef<Other<C>> for Sessions<C> {
    fn from_ref(other: &Other<C>) -> Self {
        other.sessions.clone()
    }
}

impl<C: SessionClaims + Clone> Renew<C> for Other<C> {
    type Error = std::convert::Infallible;

    async fn renew(&self, _: &Renewal<C>) -> Result<Option<C>, Self::Error> {
        self.handled.fetch_add(1, Ordering::SeqCst);
        Ok(Some((*self.claims).clone()))
    }
}

impl<C: SessionClaims + Clone> Other<C> {
    pub fn router(app: &App, claims: C) -> Router {
        let other = Self {
            sessions: app.clock.hold(Sessions::new(keys())),
            claims: Arc::new(claims),
            handled: Arc::clone(&app.handled),
        };
        Router::new()
            .route("/login", post(login::<C>))
            .route("/me", get(me::<C>))
            .merge(C::routes())
            .with_state(other)
    }
}

async fn login<C: SessionClaims + Clone>(
    login: Login<C>,
    State(other): State<Other<C>>,
) -> Result<TokenResponse, IssueError> {
    other.handled.fetch_add(1, Ordering::SeqCst);
    login.start((*other.claims).clone())
}

async fn me<C: SessionClaims>(session: Session<C>, State(other): State<Other<C>>) -> String {
    other.handled.fetch_add(1, Ordering::SeqCst);
    session.sid().to_owned()
}
