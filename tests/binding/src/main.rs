//! The application that a browser with keys signs in to. Its clock is the tests' to set.

use std::env;
use std::error::Error;
use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, Login, Renew, Renewal, SessionClaims, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};
use tokio::net::TcpListener;

/// With the browser module, which refreshes by itself.
const PAGE: &str = r"<!doctype html><title>bound</title><script type=module>
import { createSession } from '/auth/client.js'
window.session = createSession()
</script>";

const BLANK: &str = "<!doctype html><title>blank</title>";

struct App<C> {
    sessions: Sessions<C>,
    /// Seconds that this server's clock is ahead.
    ahead: Arc<AtomicI64>,
}

impl<C> Clone for App<C> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            ahead: Arc::clone(&self.ahead),
        }
    }
}

trait Served: SessionClaims + Send + Sync {
    fn router() -> Router<App<Self>>;
}

macro_rules! app {
    ($name:ident, $($policy:tt)*) => {
        mod $name {
            use super::*;

            // Three lifetimes of the bound cookie are a quarter of an hour.
            #[stateless_session(access = "1m", refresh = "7d", issuer = "shop", audience = "shop", cookie = "shop" $($policy)*)]
            #[derive(Clone, Serialize, Deserialize)]
            pub(crate) struct Claims {
                sub: String,
                #[serde(default)]
                bound: bool,
            }

            impl FromRef<App<Claims>> for Sessions<Claims> {
                fn from_ref(app: &App<Claims>) -> Self {
                    app.sessions.clone()
                }
            }

            impl Renew<Claims> for App<Claims> {
                type Error = io::Error;

                async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, io::Error> {
                    let (sub, bound) = (session.subject().clone(), session.is_bound());
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

            impl Served for Claims {
                fn router() -> Router<App<Self>> {
                    Router::new()
                        .route("/", get(async || Html(PAGE)))
                        .route("/blank", get(async || Html(BLANK)))
                        .route("/login", post(login))
                        .route("/me", get(me))
                        .route("/clock", post(set_clock::<Self>))
                        .merge(Self::routes())
                }
            }
        }
    };
}

app!(offered, , binding = "offered");
app!(reading,);

async fn set_clock<C>(State(app): State<App<C>>, Json(ahead): Json<i64>) -> StatusCode {
    app.ahead.store(ahead, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

async fn serve<C>() -> Result<(), Box<dyn Error>>
where
    C: Served,
{
    let ahead = Arc::<AtomicI64>::default();
    let clock = Arc::clone(&ahead);
    let now = move || {
        let ahead = clock.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        if ahead < 0 { now - by } else { now + by }
    };
    let mut sessions = Sessions::<C>::new(Keys::from_env()?).with_clock(now);
    if let Ok(origin) = env::var("ALLOWED_ORIGIN") {
        sessions = sessions.allow_origin(&origin)?;
    }
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?.port());
    let router = C::router().with_state(App { sessions, ahead });
    axum::serve(listener, router).await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(io::stderr)
        .init();
    // However the test process ends, the server ends with it.
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        process::exit(0)
    });
    if env::var_os("OFFERS").is_some() {
        serve::<offered::Claims>().await
    } else {
        serve::<reading::Claims>().await
    }
}
