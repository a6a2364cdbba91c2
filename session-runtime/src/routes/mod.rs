//! The two session routes, and whether they are where the browser sees them.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "asymmetric")]
mod jwks;
mod logout;
mod refresh;

use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::post;

use crate::claims::SessionClaims;
use crate::excerpt::Excerpt;
use crate::rejection::SessionRejection;
use crate::renew::Renew;
use crate::routes::logout::logout;
use crate::routes::refresh::refresh;
use crate::sessions::{HoldsSessions, Sessions};

const REFRESH: &str = "/refresh";
const LOGOUT: &str = "/logout";

/// The routes of a claims struct, which every one of them has.
pub trait SessionRoutes: SessionClaims {
    /// The session routes, to be merged at the outermost router: POST `{path}/refresh` and POST `{path}/logout`, and
    /// with the feature `client`, GET `{path}/client.js` and GET `{path}/client.d.ts`, the browser module.
    ///
    /// The state must hold [`Sessions<Self>`](crate::Sessions) and implement [`Renew<Self>`]. A state without the former:
    ///
    /// ```compile_fail,E0277
    /// # use axum::Router;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, SessionRoutes, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// #[derive(Clone)]
    /// struct App; // error: the state `App` holds no `Sessions<Claims>`
    /// # impl Renew<Claims> for App {
    /// #     type Error = std::io::Error;
    /// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, std::io::Error> { Ok(None) }
    /// # }
    ///
    /// let app: Router<App> = Router::new().merge(Claims::routes());
    /// ```
    fn routes<S>() -> Router<S>
    where
        S: HoldsSessions<Self> + Renew<Self> + Clone + Send + Sync + 'static,
    {
        Self::routes_at(Self::POLICY.path)
    }

    /// The session routes at another mount, as a path of axum's, for a nested router or a proxy that strips a prefix; the policy's `path`
    /// stays what the browser sees.
    ///
    /// ```
    /// # use axum::Router;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, SessionRoutes, Sessions, stateless_session};
    /// #[stateless_session(access = "15m", refresh = "7d", path = "/api/auth")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    ///
    /// fn app<S>() -> Router<S>
    /// where
    ///     S: Renew<Claims> + Clone + Send + Sync + 'static,
    ///     Sessions<Claims>: axum::extract::FromRef<S>,
    /// {
    ///     Router::new().nest("/api", Router::new().merge(Claims::routes_at("/auth")))
    /// }
    /// ```
    fn routes_at<S>(mount: &str) -> Router<S>
    where
        S: HoldsSessions<Self> + Renew<Self> + Clone + Send + Sync + 'static,
    {
        routes::<Self, S>(mount)
    }

    /// GET `/.well-known/jwks.json`, to be merged at the outermost router: the public keys that verify these access tokens,
    /// as a JWK set (RFC 7517), with five minutes for caches. Secrets are never in it.
    ///
    /// ```
    /// # use axum::{Router, extract::FromRef};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, SessionRoutes, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// fn routes<S>() -> Router<S>
    /// where
    ///     S: Renew<Claims> + Clone + Send + Sync + 'static,
    ///     Sessions<Claims>: FromRef<S>,
    /// {
    ///     Claims::routes().merge(Claims::jwks_routes())
    /// }
    /// ```
    #[cfg(feature = "asymmetric")]
    fn jwks_routes<S>() -> Router<S>
    where
        S: HoldsSessions<Self> + Clone + Send + Sync + 'static,
    {
        jwks::routes::<Self, S>()
    }
}

impl<C: SessionClaims> SessionRoutes for C {}

fn routes<C, S>(mount: &str) -> Router<S>
where
    C: SessionClaims,
    S: HoldsSessions<C> + Renew<C> + Clone + Send + Sync + 'static,
{
    let mount: Arc<str> = match mount.trim_matches('/') {
        "" => "".into(),
        mount => format!("/{mount}").into(),
    };
    let at_refresh = Arc::clone(&mount);
    let serve_refresh = async move |State(state): State<S>, request: Request| {
        let (parts, _body) = request.into_parts();
        let sessions = state.sessions();
        admit(&sessions, &parts, &at_refresh, REFRESH).await?;
        refresh(&sessions, &state, &parts.headers).await
    };
    let at_logout = Arc::clone(&mount);
    let serve_logout = async move |State(state): State<S>, request: Request| {
        let (parts, _body) = request.into_parts();
        admit(&state.sessions(), &parts, &at_logout, LOGOUT).await?;
        Ok::<_, SessionRejection>(logout::<C>(&parts.headers))
    };
    let other_methods = async || SessionRejection::MethodNotAllowed.into_response();
    let routes = Router::new()
        .route(
            &format!("{mount}{REFRESH}"),
            post(serve_refresh).fallback(other_methods),
        )
        .route(
            &format!("{mount}{LOGOUT}"),
            post(serve_logout).fallback(other_methods),
        );
    #[cfg(feature = "client")]
    let routes = routes.merge(client::routes(&mount, &C::POLICY));
    routes
}

/// What both routes check first. Neither reads the body.
async fn admit<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
    mount: &str,
    route: &str,
) -> Result<(), SessionRejection> {
    check_mount(parts, C::POLICY.path, mount, route)?;
    sessions.origins().check(parts).await
}

/// Routes that are nested under another path than the policy's would set cookies that never come back.
fn check_mount(
    parts: &Parts,
    policy_path: &str,
    mount: &str,
    route: &str,
) -> Result<(), SessionRejection> {
    let OriginalUri(uri) = parts
        .extensions
        .get()
        .cloned()
        .unwrap_or_else(|| OriginalUri(parts.uri.clone()));
    match uri.path().strip_suffix(route) {
        Some(seen) if seen == policy_path || seen == mount => Ok(()),
        seen => {
            let seen = Excerpt(seen.unwrap_or(uri.path()).as_bytes());
            tracing::error!(
                "the session routes are reached at `{seen}`, but browsers send the refresh cookie to `{policy_path}` \
                 only: write `#[stateless_session(.., path = \"{seen}\")]`, and mount them with \
                 `routes_at(\"{mount}\")` where the router is nested",
            );
            Err(SessionRejection::InternalError)
        }
    }
}
