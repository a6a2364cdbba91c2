//! Login sessions without a session store, for axum.
//!
//! A short-lived **access token** lives in the page's memory and travels as `Authorization: Bearer`. A long-lived
//! **refresh token** lives in an `HttpOnly`, `Secure`, `SameSite=Strict` cookie that no other route sees. The user is
//! looked up at login and at refresh; no request in between touches a database.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Json, Router, extract::{FromRef, Path, State}, http::StatusCode, routing::{delete, get, post}};
//! use serde::{Deserialize, Serialize};
//! use stateless_session::{Keys, Login, LoginBegun, LoginCallback, Renew, Renewal, SessionRoutes, Sessions, TokenResponse, require_session, stateless_session};
//! #
//! # #[derive(Clone)]
//! # struct Db;
//! # struct User;
//! # struct LoginError(StatusCode);
//! # #[derive(Debug)]
//! # struct DbError;
//! # #[derive(Deserialize)]
//! # struct Credentials {}
//! # #[derive(Clone, PartialEq, Serialize, Deserialize)]
//! # pub struct UserId(u64);
//! # #[derive(Deserialize)]
//! # struct TodoId(#[allow(dead_code)] u64);
//! # #[derive(Clone, Serialize, Deserialize)]
//! # pub enum Role { Owner, Admin, User }
//! # impl Db {
//! #     async fn claims(&self, _: &UserId) -> Result<Option<Claims>, DbError> { Ok(None) }
//! #     async fn check_password(&self, _: &Credentials) -> Result<User, DbError> { Ok(User) }
//! # }
//! # impl User {
//! #     fn claims(&self) -> Claims { Claims { sub: UserId(1), role: Role::User } }
//! # }
//! # impl std::fmt::Display for DbError {
//! #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("no database") }
//! # }
//! # impl std::error::Error for DbError {}
//! # impl From<DbError> for LoginError {
//! #     fn from(_: DbError) -> Self { LoginError(StatusCode::SERVICE_UNAVAILABLE) }
//! # }
//! # impl From<stateless_session::IssueError> for LoginError {
//! #     fn from(_: stateless_session::IssueError) -> Self { LoginError(StatusCode::INTERNAL_SERVER_ERROR) }
//! # }
//! # impl axum::response::IntoResponse for LoginError {
//! #     fn into_response(self) -> axum::response::Response { self.0.into_response() }
//! # }
//! # let db = Db;
//!
//! #[stateless_session(access = "15m", refresh = "7d")]
//! #[derive(Clone, Serialize, Deserialize)]
//! pub struct Claims {
//!     pub sub: UserId,          // the subject; the only field that also rides in the refresh token
//!     pub role: Role,
//! }
//!
//! #[derive(Clone)]
//! struct App { sessions: Sessions<Claims>, db: Db }
//!
//! impl FromRef<App> for Sessions<Claims> {
//!     fn from_ref(app: &App) -> Self { app.sessions.clone() }
//! }
//!
//! impl Renew<Claims> for App {                       // called at refresh, and nowhere else
//!     type Error = DbError;
//!     async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, DbError> {
//!         self.db.claims(session.subject()).await    // Ok(None): user gone or disabled. Err: outage
//!     }
//! }
//!
//! async fn login(login: Login<Claims>, State(app): State<App>, Json(form): Json<Credentials>)
//!     -> Result<TokenResponse, LoginError>
//! {
//!     let user = app.db.check_password(&form).await?;
//!     Ok(login.start(user.claims())?)                // JSON body + cookies, Cache-Control: no-store
//! }
//!
//! #[require_session]
//! async fn me(claims: Claims) -> Json<Claims> { Json(claims) }
//!
//! #[require_session(role = Role::Admin | Role::Owner, fresh = "30s")]
//! async fn delete_todo(claims: Claims, Path(id): Path<TodoId>) -> StatusCode { StatusCode::NO_CONTENT }
//!
//! let app: Router = Router::new()
//!     .route("/login", post(login))
//!     .route("/me", get(me))
//!     .route("/todos/{id}", delete(delete_todo))
//!     .merge(Claims::routes())                       // POST /auth/refresh, POST /auth/logout
//!     .with_state(App { sessions: Sessions::new(Keys::from_env()?), db });
//! # Ok(())
//! # }
//! ```
//!
//! The [README](https://github.com/stateless-session/stateless-session) has the table of answers, what each feature adds, what ends a
//! session and how soon, and what a session without a store cannot do. The [guide] begins with
//! [your first program](crate::guide::first_program) and has a page for each capability: [the front end](crate::guide::front_end),
//! [pages](crate::guide::pages) that the server renders, [many services](crate::guide::many_services),
//! [logins](crate::guide::sign_in) at a provider and out of a mail, [programs](crate::guide::native_clients) that are no browsers,
//! [devices](crate::guide::devices), [bound sessions](crate::guide::binding), [tests](crate::guide::testing),
//! [API documents](crate::guide::openapi), [proxies](crate::guide::proxies), [the log](crate::guide::log), and
//! [what to look at](crate::guide::symptoms) where somebody is signed out.

// On docs.rs each item says which feature it needs; but the default ones, that would be on every item.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(docsrs, doc(auto_cfg(hide(feature = "server"))))]

/// Makes a struct the claims of a session.
///
/// | key | default | meaning |
/// |---|---|---|
/// | `access` | required | lifetime of the access token |
/// | `refresh` | required | idle lifetime: the session ends when it is not refreshed for this long |
/// | `absolute` | `"30d"`, or `refresh` where that is longer | the session ends this long after login, whatever happens; `"never"` means 400 days in a browser |
/// | `path` | `"/auth"` | where the browser sees the session routes, and the refresh cookie's `Path` |
/// | `pages` | absent | where the login page is, as the browser sees it; the access token then rides in a cookie as well, and [`SessionRoutes::pages`] leads requests to their session |
/// | `cookie` | the crate's name; with a `path` of its own, crate and path | base of all cookie names; two programs on one host need different ones |
/// | `issuer` | the crate's name | `iss` |
/// | `audience` | module path and name of the struct | `aud` of the access token, and with `#refresh` behind it of the refresh token; two structs with the same keys, issuer and written `audience` accept one another's tokens |
/// | `leeway` | `"5s"` | clock difference between servers that is forgiven; at most `"60s"` |
/// | `native` | absent | programs that are no browsers get their refresh token in the answer's body: a login with `Session-Transport: body`, and RFC 6749, section 6 at `{path}/refresh`; written without a value |
/// | `revocation` | no registry | `"best-effort"`: while the registry does not answer, requests and refreshes go on by the tokens alone; a lifetime such as `"10s"`: after so long without word from it requests are answered 503, and a refresh needs it. Such a struct's sessions begin with `Sessions::with_registry`. Needs the feature `registry` |
/// | `rotation` | no rotation | the grace, such as `"30s"`: every refresh hands out a successor of the refresh token, and one that its successor displaced ends the session; needs `revocation` |
/// | `binding` | absent | `"offered"`: browsers that can are asked at login to bind the session to a key that does not leave the device, so that a copy of the cookies is soon worthless; others are served as ever. Needs the feature `binding` |
/// | `crate` | `::stateless_session` | where this crate is, when it was renamed or re-exported, as in `crate = ::my_platform::session`; without it rustc finds no `stateless_session` there |
///
/// A lifetime is a whole number and a unit, `s`, `m`, `h` or `d`, and at most `400d`. `access` is shorter than `refresh`, which is no
/// longer than `absolute`; a lifetime of `revocation` is at least `3s`, the grace of `rotation` longer than `leeway`, and both are
/// shorter than `access`.
///
/// The struct derives serde's `Serialize` and `Deserialize` itself. Its field `sub` is the subject: on the wire it is
/// always a string, so an integer is written in decimal. A field `generation`, by its own name or by serde's, is an unsigned
/// integer: the user's counter that ends all sessions when it moves. The names `iss`, `aud`, `exp`, `nbf`, `iat`, `jti`, `sid`, `auth_time`, `auth_age`, `act`
/// and `cnf` are the tokens' own.
///
/// What a login or a refresh issues is read back first, so claims that serde would not give back are an
/// [`IssueError`] there. What serde gives back as something else is not found out, such as an untagged enum whose first
/// variant that fits is another.
///
/// It generates [`SessionClaims`], to which [`SessionRoutes`] adds the routes, and makes the struct an extractor: `Claims` refuses a request
/// without a session, `Option<Claims>` is `None` where there is no token, and `Result<Claims, SessionRejection>` leaves
/// the answer to the handler.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use stateless_session::{SessionClaims, stateless_session};
///
/// #[stateless_session(access = "10m", refresh = "12h", absolute = "24h", path = "/admin/auth")]
/// #[derive(Clone, Serialize, Deserialize)]
/// pub struct AdminClaims {
///     pub sub: String,
///     pub generation: u32,
/// }
///
/// assert_eq!(AdminClaims::POLICY.path, "/admin/auth");
/// ```
pub use session_macros::stateless_session;

/// Lets a session, and only a session, into a handler.
///
/// The first parameter is the session: a claims struct or [`Session`] of one. It is verified before any other extractor
/// runs, so that nobody without a session learns whether a body parses.
///
/// | argument | meaning | refusal |
/// |---|---|---|
/// | `field = PATTERN` | the field matches; several are all required | 403 `forbidden` |
/// | `if EXPR` | any boolean expression, over a shared reference under the parameter's name; the guard runs before other parameters are read | 403 `forbidden` |
/// | `fresh = "30s"` | the claims were read at most this long ago; shorter than `access` | 401 `stale_token`: refresh and repeat |
/// | `max_age = "5m"` | the user logged in at most this long ago; not longer than `absolute` | 401 `login_required` |
/// | `crate = ::path` | where this crate is, when it was renamed or re-exported | |
///
/// A pattern binds nothing: `role = ADMIN` could be a new variable that matches everything, so a constant is written as
/// a path, `role = self::ADMIN`. Nor does it match everything: rustc refuses `true | false`, `0..=255` and `Point { .. }`, but
/// not what a macro of another crate writes, whose patterns are its own affair.
/// A field that is a string, such as `String`, `Box<str>` or `Arc<str>`, is written as one: `role = "admin" | "owner"`.
///
/// Without arguments the function stays as it is, and the compiler checks that its first parameter is a session.
///
/// With the feature `utoipa` it stands above `#[utoipa::path(..)]`, and adds what it requires to that: see
/// `SessionRoutes::openapi`.
///
/// On a struct with one private field the attribute makes a guard with a name: an extractor, a proof for deeper code, and
/// `check` where no extractor runs. It derefs to its session, which `if` calls `session`. Methods in `impl` blocks take it,
/// since the guard of a function cannot stand there.
///
/// ```
/// # use axum::http::StatusCode;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::stateless_session;
/// use stateless_session::{Session, SessionRejection, require_session};
/// # use stateless_session::Sessions;
/// # #[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
/// # pub enum Role { Admin, Owner, User }
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64, role: Role, teams: Vec<u32> }
///
/// #[require_session(role = Role::Admin | Role::Owner, max_age = "5m")]
/// async fn close_account(claims: Claims) -> StatusCode {
///     StatusCode::NO_CONTENT
/// }
///
/// #[require_session(if session.teams.contains(&7))]
/// async fn team_seven(session: Session<Claims>) -> String {
///     format!("since {:?}", session.authenticated_at())
/// }
///
/// /// An administrator, looked up at most 30 seconds ago.
/// #[require_session(role = Role::Admin, fresh = "30s")]
/// pub struct Admin(Claims);
///
/// async fn purge(admin: Admin) -> StatusCode {
///     erase(&admin);
///     StatusCode::NO_CONTENT
/// }
///
/// fn erase(by: &Admin) {
///     println!("erased by {}", by.sub);
/// }
///
/// fn resolve(session: Session<Claims>) -> Result<(), SessionRejection> {
///     erase(&Admin::check(session)?);
///     Ok(())
/// }
/// # use axum::{Router, middleware::from_extractor_with_state};
/// # fn layered(router: Router<Sessions<Claims>>, app: Sessions<Claims>) -> Router<Sessions<Claims>> {
/// // every route of a router
/// router.route_layer(from_extractor_with_state::<Admin, _>(app))
/// # }
/// ```
#[cfg(feature = "server")]
pub use session_macros::require_session;

#[cfg(all(doc, not(doctest)))]
pub mod guide;

#[doc(hidden)]
pub use session_runtime::__private;
#[cfg(feature = "postgres")]
pub use session_runtime::PostgresRegistry;
#[cfg(feature = "redis")]
pub use session_runtime::RedisRegistry;
#[cfg(feature = "testing")]
pub use session_runtime::testing;
#[cfg(feature = "server")]
pub use session_runtime::{
    AccessToken, BeginLogin, EndCause, EventKind, Guard, InvalidCookie, IssueError, Keys,
    KeysError, LocalPath, LocalPathError, Login, LoginBegun, LoginCallback, OriginError, Purpose,
    RedeemError, Redeemed, Redirect, Renew, Renewal, Require, SameOrigin, Session, SessionCookies,
    SessionEvent, SessionRejection, SessionRoutes, Sessions, SubjectError, TellTime, TokenResponse,
    Unchanged, Weakness,
};
#[cfg(feature = "registry")]
pub use session_runtime::{
    Ending, MemoryRegistry, RegistryError, Rotation, Seen, SessionKeys, SessionRecord,
    SessionRegistry,
};
#[cfg(feature = "remote-jwks")]
pub use session_runtime::{FetchError, JwksUrl, RemoteKeys};
#[cfg(feature = "asymmetric")]
pub use session_runtime::{KeyError, PrivateKey, PublicKeys};
pub use session_runtime::{Policy, Revocation, SessionClaims};
