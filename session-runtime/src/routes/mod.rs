//! The session routes, and whether they are where the browser sees them.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "binding")]
mod device;
#[cfg(feature = "asymmetric")]
mod jwks;
mod led;
mod logout;
mod native;
mod refresh;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{Route, any, post};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Level;

use crate::claims::SessionClaims;
use crate::excerpt::Excerpt;
#[cfg(feature = "utoipa")]
use crate::openapi;
use crate::pages::layer;
use crate::pages::local_path::LocalPath;
use crate::pages::request::is_navigation;
use crate::rejection::SessionRejection;
use crate::renew::Renew;
use crate::routes::led::led;
use crate::routes::logout::{logout, revoke};
use crate::routes::native::{FormRefusal, REFRESH_TOKEN, TOKEN};
use crate::routes::refresh::refresh;
use crate::sessions::{HoldsSessions, Sessions};

const REFRESH: &str = "/refresh";
const LOGOUT: &str = "/logout";
#[cfg(feature = "binding")]
const DEVICE: &str = "/device";

/// The routes of a claims struct, which every one of them has.
///
/// ```
/// use axum::Router;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Renew, Renewal, Sessions, stateless_session};
/// use stateless_session::SessionRoutes;
/// # use std::convert::Infallible;
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
/// # #[derive(Clone)]
/// # struct App { sessions: Sessions<Claims> }
/// # impl axum::extract::FromRef<App> for Sessions<Claims> {
/// #     fn from_ref(app: &App) -> Self { app.sessions.clone() }
/// # }
/// # impl Renew<Claims> for App {
/// #     type Error = Infallible;
/// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> { Ok(None) }
/// # }
///
/// fn app(state: App) -> Router {
///     Router::new()
///         .merge(Claims::routes()) // POST /auth/refresh, POST /auth/logout
///         .with_state(state)
/// }
/// ```
pub trait SessionRoutes: SessionClaims {
    /// The session routes, to be merged at the outermost router: POST `{path}/refresh` and POST `{path}/logout`;
    /// with the feature `client`, GET `{path}/client.js`, `{path}/sibling.js` and `{path}/client.d.ts`, the browser module; and with
    /// the feature `binding`, POST `{path}/device`, where browsers prove their key.
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

    /// An application that renders its pages on the server: `router` with the session routes and, around all of it, the
    /// [`pages_layer`](Self::pages_layer). Called last, on the outermost router, instead of merging [`routes`](Self::routes).
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use axum::{Router, extract::FromRef, http::StatusCode, response::Html, routing::get};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{IssueError, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session, stateless_session};
    /// #[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    /// # #[derive(Clone)]
    /// # struct App { sessions: Sessions<Claims> }
    /// # impl FromRef<App> for Sessions<Claims> {
    /// #     fn from_ref(app: &App) -> Self { app.sessions.clone() }
    /// # }
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> { Ok(None) }
    /// # }
    ///
    /// #[require_session]
    /// async fn home(claims: Claims) -> Html<String> {
    ///     Html(format!("<h1>Hello, {}!</h1>", claims.sub))
    /// }
    /// # async fn login_page() -> Html<&'static str> { Html("") }
    /// # async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> { login.start(Claims { sub: 7 }) }
    ///
    /// fn app(state: App) -> Router {
    ///     let router = Router::new()
    ///         .route("/", get(home))
    ///         .route("/login", get(login_page).post(login));
    ///     Claims::pages(router).with_state(state)
    /// }
    /// ```
    ///
    /// Without the attribute's key `pages` it does not compile:
    ///
    /// ```compile_fail,E0080
    /// # use std::convert::Infallible;
    /// # use axum::{Router, extract::FromRef};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, SessionRoutes, Sessions, stateless_session};
    /// #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # #[derive(Clone)]
    /// # struct App { sessions: Sessions<Claims> }
    /// # impl FromRef<App> for Sessions<Claims> {
    /// #     fn from_ref(app: &App) -> Self { app.sessions.clone() }
    /// # }
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> { Ok(None) }
    /// # }
    ///
    /// let app: Router<App> = Claims::pages(Router::new()); // error: pages need their key
    /// ```
    fn pages<S>(router: Router<S>) -> Router<S>
    where
        S: HoldsSessions<Self> + Renew<Self> + Clone + Send + Sync + 'static,
    {
        router.merge(Self::routes()).layer(Self::pages_layer())
    }

    /// What [`pages`](Self::pages) puts around its router, for services that only verify, and for routers of other types:
    /// answers to requests without `Authorization: Bearer` are kept out of caches (`no-store`) where the handler does not
    /// set `Cache-Control`, and the body of a request that is led elsewhere is read to its end, at most 64 MiB.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{SessionRoutes, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// let reports: Router = Router::new()
    ///     .route("/reports", get("..."))
    ///     .layer(Claims::pages_layer());
    /// ```
    fn pages_layer() -> impl Layer<
        Route,
        Service: Service<Request, Response = Response, Error = Infallible, Future: Send>
                     + Clone
                     + Send
                     + Sync
                     + 'static,
    > + Clone
    + Send
    + Sync
    + 'static {
        const {
            assert!(
                Self::POLICY.pages.is_some(),
                "pages need their key, as in `#[stateless_session(.., pages = \"/login\")]`",
            );
        };
        from_fn(layer::around::<Self>)
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

    /// An application's `OpenAPI` document with its sessions in it: the session routes under the policy's `path`, the security
    /// scheme `session`, and the schemas that refusals and token responses name. Called last, once the operations are there.
    ///
    /// `#[require_session]` above `#[utoipa::path(..)]` names the scheme and the refusals: 400, 401, and 403 with what the guard
    /// requires. Of handlers without it, `responses(Session<Claims>)` and `responses(Require<Claims, Admin>)` say the same, and
    /// every operation that refuses strangers so requires the scheme. With `pages`, the cookie of the access token is an
    /// alternative to it.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// use axum::{Json, Router, routing::get};
    /// # use serde::{Deserialize, Serialize};
    /// use stateless_session::{IssueError, Login, SessionRoutes, TokenResponse, require_session};
    /// # use stateless_session::{Renew, Renewal, Sessions, stateless_session};
    /// use utoipa::OpenApi;
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64, admin: bool }
    /// # impl Renew<Claims> for Sessions<Claims> {
    /// #     type Error = Infallible;
    /// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> { Ok(None) }
    /// # }
    ///
    /// #[utoipa::path(post, path = "/login", responses(Login<Claims>, TokenResponse))]
    /// async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    ///     login.start(Claims { sub: 7, admin: false }) // once the password was checked
    /// }
    ///
    /// #[require_session(admin = true)]
    /// #[utoipa::path(get, path = "/audit", responses((status = OK, body = String)))]
    /// async fn audit(claims: Claims) -> String {
    ///     format!("for {}", claims.sub)
    /// }
    ///
    /// #[derive(OpenApi)]
    /// #[openapi(paths(login, audit))]
    /// struct Api;
    ///
    /// let api = Claims::openapi(Api::openapi());
    /// let audit = api.paths.get_path_item("/audit").and_then(|item| item.get.as_ref());
    /// assert!(audit.is_some_and(|audit| audit.responses.responses.contains_key("403")));
    /// let app: Router<Sessions<Claims>> = Router::new()
    ///     .merge(Claims::routes())
    ///     .route("/openapi.json", get(Json(api)));
    /// ```
    #[cfg(feature = "utoipa")]
    fn openapi(api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
        openapi::complete(api, &Self::POLICY)
    }

    /// The same document with a schema of what stands in an access token, for clients and services that read tokens
    /// themselves: the claims, with `sub` as the string that it is there, and the names that tokens add. It is called after
    /// the struct, such as `ClaimsAccessToken`.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use stateless_session::{SessionRoutes, stateless_session};
    /// use utoipa::{OpenApi, ToSchema};
    ///
    /// #[stateless_session(access = "15m", refresh = "7d")]
    /// #[derive(Clone, Serialize, Deserialize, ToSchema)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    /// # #[derive(OpenApi)]
    /// # struct Api;
    ///
    /// let api = Claims::token_openapi(Claims::openapi(Api::openapi()));
    /// assert!(api.components.is_some_and(|components| components.schemas.contains_key("ClaimsAccessToken")));
    /// ```
    #[cfg(feature = "utoipa")]
    fn token_openapi(api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi
    where
        Self: utoipa::ToSchema,
    {
        openapi::with_payload::<Self>(api)
    }

    /// The same document with the route of [`jwks_routes`](Self::jwks_routes) in it, for applications that merge that.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{SessionRoutes, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # #[derive(utoipa::OpenApi)]
    /// # struct Api;
    /// # use utoipa::OpenApi;
    /// let api = Claims::jwks_openapi(Claims::openapi(Api::openapi()));
    /// assert!(api.paths.get_path_item("/.well-known/jwks.json").is_some());
    /// ```
    #[cfg(all(feature = "asymmetric", feature = "utoipa"))]
    fn jwks_openapi(api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
        openapi::with_keys(api, jwks::PATH)
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
        let (parts, body) = request.into_parts();
        let sessions = state.sessions();
        if const { C::POLICY.pages.is_some() } {
            if let Some(to) = LocalPath::of_query(parts.uri.query()) {
                check_mount(&sessions, &parts, &at_refresh, REFRESH)?;
                if !is_navigation(&parts) {
                    sessions.check_origin_of_any(&parts)?;
                }
                return Ok(led(&sessions, &state, &parts, &to).await?);
            }
            if parts.method != Method::POST {
                return Err(SessionRejection::MethodNotAllowed.into());
            }
        }
        admit(&sessions, &parts, &at_refresh, REFRESH)?;
        if let Some(form) = native::form(&parts.headers, body, REFRESH_TOKEN, &C::POLICY).await? {
            let token = form.refresh_token()?;
            let refreshed = refresh(&sessions, &state, &parts.headers, Some(token)).await;
            return Ok(refreshed.map_err(FormRefusal::of_refresh)?.into_response());
        }
        let refreshed = refresh(&sessions, &state, &parts.headers, None).await;
        Ok::<_, FormRefusal>(refreshed?.into_response())
    };
    let at_logout = Arc::clone(&mount);
    let serve_logout = async move |State(state): State<S>, request: Request| {
        let (parts, body) = request.into_parts();
        let sessions = state.sessions();
        admit(&sessions, &parts, &at_logout, LOGOUT)?;
        if let Some(form) = native::form(&parts.headers, body, TOKEN, &C::POLICY).await? {
            return Ok(revoke(&sessions, form.token()?).await);
        }
        Ok::<_, FormRefusal>(logout(&sessions, &parts.headers).await)
    };
    let other_methods = async || SessionRejection::MethodNotAllowed.into_response();
    let at_refresh = if const { C::POLICY.pages.is_none() } {
        post(serve_refresh).fallback(other_methods)
    } else {
        any(serve_refresh)
    };
    let routes = Router::new()
        .route(&format!("{mount}{REFRESH}"), at_refresh)
        .route(
            &format!("{mount}{LOGOUT}"),
            post(serve_logout).fallback(other_methods),
        );
    #[cfg(feature = "binding")]
    let routes = {
        let at_device = format!("{mount}{DEVICE}");
        let mount = Arc::clone(&mount);
        let serve_device = async move |State(state): State<S>, request: Request| {
            let (parts, _body) = request.into_parts();
            let sessions = state.sessions();
            admit(&sessions, &parts, &mount, DEVICE)?;
            device::device(&sessions, &parts.headers).await
        };
        routes.route(&at_device, post(serve_device).fallback(other_methods))
    };
    #[cfg(feature = "client")]
    let routes = routes.merge(client::routes(&mount, &C::POLICY));
    routes
}

/// What each route checks first, before a body is read. None reads one without `native`.
fn admit<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
    mount: &str,
    route: &str,
) -> Result<(), SessionRejection> {
    check_mount(sessions, parts, mount, route)?;
    sessions.check_origin(parts)
}

/// Routes that are nested under another path than the policy's would set cookies that never come back.
fn check_mount<C: SessionClaims>(
    sessions: &Sessions<C>,
    parts: &Parts,
    mount: &str,
    route: &str,
) -> Result<(), SessionRejection> {
    let original = parts.extensions.get();
    let uri = original.map_or(&parts.uri, |OriginalUri(uri)| uri);
    let policy_path = C::POLICY.path;
    match uri.path().strip_suffix(route) {
        Some(seen) if seen == policy_path || seen == mount => Ok(()),
        seen => {
            let seen = Excerpt(seen.unwrap_or(uri.path()).as_bytes());
            let pages = match C::POLICY.pages {
                None => "",
                Some(_) => ", or call `pages(router)` on the outermost router",
            };
            let cause = format_args!(
                "the session routes are reached at `{seen}`, but browsers send the refresh cookie to `{policy_path}` \
                 only: write `#[stateless_session(.., path = \"{seen}\")]`, and mount them with \
                 `routes_at(\"{mount}\")` where the router is nested{pages}",
            );
            let rejection = SessionRejection::InternalError;
            let events = sessions.events();
            Err(events.refused(Level::ERROR, None, rejection, &cause))
        }
    }
}
