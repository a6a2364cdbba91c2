//! The two session routes, and whether they are where the browser sees them.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "asymmetric")]
pub(crate) mod jwks;
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

pub(crate) fn routes<C, S>(mount: &str) -> Router<S>
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
