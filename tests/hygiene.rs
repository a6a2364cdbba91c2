//! Generated code says what it means whatever is in scope, and no lint of the user's speaks of it.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic
)]
#![allow(clippy::unused_async)] // axum wants handlers async

extern crate stateless_session as renamed;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use stateless_session::{Keys, Sessions};
use tower::ServiceExt;

/// A crate that offers the session under a path of its own.
pub mod facade {
    pub use stateless_session::*;
}

/// No prelude, other things under its names, and the crate under another name.
#[no_implicit_prelude]
pub mod scope {
    macro_rules! decoys {
        ($($name:ident)*) => {$(
            /// Not the one of the standard library.
            #[::core::prelude::v1::derive(::core::fmt::Debug)]
            pub struct $name;
        )*};
    }

    decoys! { Option Result String Vec Box Some None Ok Err Send Sync Future Into Duration Session Policy }

    /// Claims with the name that extractors use for the state.
    #[::renamed::stateless_session(access = "15m", refresh = "7d", crate = ::renamed)]
    #[::core::prelude::v1::derive(
        ::core::clone::Clone,
        ::core::fmt::Debug,
        ::serde::Serialize,
        ::serde::Deserialize
    )]
    pub struct S {
        /// The subject.
        pub sub: ::std::string::String,
        /// A raw identifier.
        pub r#type: Kind,
        /// What may be absent.
        pub plan: ::core::option::Option<::core::primitive::u8>,
        /// The counter.
        pub generation: ::core::primitive::u32,
    }

    /// A kind of user.
    #[::core::prelude::v1::derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::cmp::PartialEq,
        ::serde::Serialize,
        ::serde::Deserialize
    )]
    pub enum Kind {
        /// Somebody.
        User,
        /// Somebody else.
        Admin,
    }

    /// Any session.
    #[::renamed::require_session(crate = ::renamed)]
    pub async fn any(_: S) {}

    /// A variable called `None` would let everybody in.
    #[::renamed::require_session(plan = None, crate = ::renamed)]
    pub async fn no_plan(_: S) {}

    /// Every argument.
    #[::renamed::require_session(
        r#type = Kind::Admin,
        plan = ::core::option::Option::Some(1..=9) | None,
        if session.generation > 0 || session.sub == "root",
        fresh = "30s",
        max_age = "5m",
        crate = ::renamed
    )]
    pub async fn everything(session: ::renamed::Session<S>) {
        ::core::mem::drop(session);
    }

    /// Every argument, under a name.
    #[::renamed::require_session(
        r#type = Kind::Admin,
        plan = ::core::option::Option::Some(1..=9) | None,
        sub = "user" | "root",
        if session.generation > 0,
        fresh = "30s",
        max_age = "5m",
        crate = ::renamed
    )]
    #[::core::prelude::v1::derive(::core::fmt::Debug)]
    pub struct Named(S);

    /// Takes the guard as it is.
    pub async fn named(guard: Named) {
        ::core::mem::drop(guard.into_inner().sub);
    }
}

/// Claims that the crate keeps to itself, in handlers that anybody may name.
pub mod visibility {
    use serde::{Deserialize, Serialize};
    use stateless_session::{require_session, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d", audience = "visibility")]
    #[derive(Clone, Serialize, Deserialize)]
    pub(crate) struct Claims {
        sub: u64,
        admin: bool,
    }

    /// Guarded.
    #[allow(private_interfaces)]
    #[require_session(admin = true, max_age = "5m")]
    pub async fn guarded(claims: Claims) -> String {
        claims.sub.to_string()
    }

    pub(crate) fn claims(admin: bool) -> Claims {
        Claims { sub: 1, admin }
    }

    // Nobody calls `check` or `into_inner`.
    #[require_session(admin = true)]
    struct Admin(Claims);

    async fn by_name(Admin(claims): Admin) -> String {
        claims.sub.to_string()
    }

    pub(crate) fn router() -> axum::Router<crate::App> {
        axum::Router::new()
            .route("/pages/guarded", axum::routing::get(guarded))
            .route("/pages/by-name", axum::routing::get(by_name))
    }
}

/// Guards with a name, wherever a session is needed.
pub mod named {
    use serde::{Deserialize, Serialize};
    use stateless_session::{Session, SessionRejection, require_session, stateless_session};
    use std::borrow::Cow;
    use std::sync::Arc;

    /// Claims with strings of all types.
    #[stateless_session(access = "15m", refresh = "7d")]
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Claims {
        /// The subject.
        pub sub: String,
        #[serde(skip, default = "shared")]
        shared: Arc<str>,
        #[serde(skip, default = "borrowed")]
        borrowed: Cow<'static, str>,
        #[serde(skip, default = "boxed")]
        boxed: Box<str>,
        #[serde(skip, default = "literal")]
        literal: &'static str,
    }

    fn shared() -> Arc<str> {
        "shared".into()
    }

    fn borrowed() -> Cow<'static, str> {
        "borrowed".into()
    }

    fn boxed() -> Box<str> {
        "boxed".into()
    }

    fn literal() -> &'static str {
        "literal"
    }

    pub(crate) fn claims(sub: &str) -> Claims {
        Claims {
            sub: sub.to_owned(),
            shared: shared(),
            borrowed: borrowed(),
            boxed: boxed(),
            literal: literal(),
        }
    }

    /// Alice or Bob.
    #[require_session(
        sub = "alice" | "bob",
        shared = "shared",
        borrowed = "borrowed",
        boxed = "boxed",
        literal = "literal" | "another",
    )]
    #[derive(Debug)]
    pub struct Friend(Session<Claims>);

    /// No condition but a session.
    #[require_session]
    #[derive(Debug)]
    pub struct Anybody(Claims);

    /// A proof that deeper code demands.
    fn greeting(friend: &Friend) -> String {
        format!("{} {}", friend.sub, friend.sid().len())
    }

    pub(crate) async fn greet(friend: Friend) -> String {
        greeting(&friend)
    }

    pub(crate) fn checked(session: Session<Claims>) -> Result<String, SessionRejection> {
        let friend = Friend::check(session)?;
        Ok(friend.into_inner().into_claims().sub)
    }

    pub(crate) async fn layered() {}

    #[derive(Debug)]
    pub(crate) struct Handlers;

    impl Handlers {
        /// A method with a guard.
        pub(crate) async fn guarded(Friend(session): Friend) -> String {
            session.sub.clone()
        }

        /// A method with a session.
        #[require_session]
        pub(crate) async fn any(claims: Claims) -> String {
            #![allow(clippy::needless_pass_by_value)]
            Self::name(&claims)
        }

        fn name(claims: &Claims) -> String {
            claims.sub.clone()
        }
    }
}

/// Lints that a user switches off, on or around in a handler.
pub mod lints {
    use crate::scope::S;
    use stateless_session::require_session;

    /// The lint is about the guard alone.
    #[allow(
        clippy::len_zero,
        clippy::absurd_extreme_comparisons,
        unused_comparisons
    )]
    #[require_session(if claims.sub.len() >= 1, if claims.generation >= 0)]
    pub async fn allowed(claims: S) {
        drop(claims);
    }

    /// The lint is about the handler alone.
    #[expect(unused_variables, reason = "it is about the handler")]
    #[require_session(generation = 1..)]
    pub async fn expected(claims: S) {}

    /// Underscores in front.
    #[require_session(generation = 1..)]
    pub async fn _2fa(_: S) {}

    /// Nothing but an underscore and a digit.
    #[require_session(generation = 1..)]
    pub async fn _1(_: S) {}

    /// A field that is called like a keyword.
    #[require_session(type = crate::scope::Kind::Admin)]
    pub async fn keyword(_: S) {}

    /// A parameter in parentheses.
    #[allow(unused_parens)]
    #[require_session(if claims.generation > 0)]
    pub async fn parentheses((claims): S) {
        drop(claims);
    }
}

/// The attributes beside others.
pub mod beside {
    use crate::scope::{Kind, S};
    use axum::Json;
    use axum::extract::State;
    use stateless_session::{Session, require_session};

    /// Below `debug_handler`.
    #[axum::debug_handler(state = crate::App)]
    #[require_session(r#type = Kind::Admin, fresh = "30s")]
    pub(crate) async fn below(claims: S) -> Json<S> {
        Json(claims)
    }

    /// Above `debug_handler`.
    #[require_session(r#type = Kind::Admin, fresh = "30s")]
    #[axum::debug_handler(state = crate::App)]
    pub(crate) async fn above(claims: S) -> Json<S> {
        Json(claims)
    }

    /// Without arguments, below.
    #[axum::debug_handler(state = crate::App)]
    #[require_session]
    pub(crate) async fn plain_below(session: Session<S>) -> Json<u32> {
        Json(session.generation)
    }

    /// Without arguments, above.
    #[require_session]
    #[axum::debug_handler(state = crate::App)]
    pub(crate) async fn plain_above(session: Session<S>) -> Json<u32> {
        Json(session.generation)
    }

    /// Below `instrument`.
    #[tracing::instrument(skip_all)]
    #[require_session(r#type = Kind::Admin, fresh = "30s")]
    pub(crate) async fn instrumented(claims: S) -> Json<S> {
        Json(claims)
    }

    /// Above `instrument`, which reads the session.
    #[require_session(r#type = Kind::Admin, fresh = "30s")]
    #[tracing::instrument(skip(claims), fields(sub = %claims.sub))]
    pub(crate) async fn instruments(claims: S) -> Json<S> {
        Json(claims)
    }

    /// Exists twice, once nowhere.
    #[cfg(any())]
    #[require_session(r#type = Kind::Nobody)]
    pub async fn cfg_above(_: Nothing) {}

    /// Exists twice, once nowhere.
    #[cfg(not(any()))]
    #[require_session(r#type = Kind::User)]
    pub async fn cfg_above(_: S) {}

    /// Exists twice, once nowhere.
    #[require_session(r#type = Kind::Nobody, fresh = "1s")]
    #[cfg(any())]
    pub async fn cfg_below(_: Nothing) {}

    /// Exists twice, once nowhere.
    #[require_session(r#type = Kind::User, fresh = "1s")]
    #[cfg(not(any()))]
    #[doc(hidden)]
    pub async fn cfg_below(_: S) {}

    /// Exists twice, once nowhere.
    #[require_session]
    #[cfg(any())]
    pub async fn cfg_plain(_: Nothing) {}

    /// Exists twice, once nowhere.
    #[require_session]
    #[cfg(not(any()))]
    pub async fn cfg_plain(_: S) {}

    /// Generic over the state, with a body that only rustc understands.
    #[require_session(if claims.r#type == Kind::Admin)]
    pub async fn generic<T>(mut claims: S, State(state): State<T>) -> Json<S>
    where
        T: Clone + Send + 'static,
    {
        let _: T = state;
        claims.generation += 1;
        Json(claims)
    }

    #[require_session(r#type = Kind::Admin)]
    async fn private(S { sub, .. }: S) -> String {
        sub
    }

    #[require_session(max_age = "5m")]
    async fn r#match(_: S) {}

    pub(crate) fn router() -> axum::Router<crate::App> {
        use axum::routing::get;

        #[require_session(generation = 1..)]
        async fn in_a_function(_: S) {}

        axum::Router::new()
            .route("/instrumented", get(instrumented))
            .route("/instruments", get(instruments))
            .route("/below", get(below))
            .route("/above", get(above))
            .route("/plain-below", get(plain_below))
            .route("/plain-above", get(plain_above))
            .route("/cfg-above", get(cfg_above))
            .route("/cfg-below", get(cfg_below))
            .route("/cfg-plain", get(cfg_plain))
            .route("/generic", get(generic::<crate::App>))
            .route("/private", get(private))
            .route("/raw", get(r#match))
            .route("/in-a-function", get(in_a_function))
    }
}

/// Both attributes out of one `macro_rules!`.
#[allow(missing_debug_implementations)] // rustc takes the guard for a type of this macro
pub mod by_example {
    macro_rules! session {
        ($claims:ident, $lifetime:literal, $fresh:literal, $type:ty, $handler:ident, $session:ident, $condition:expr, $level:pat, $body:block) => {
            /// The claims.
            #[$crate::facade::stateless_session(access = $lifetime, refresh = "7d", crate = $crate::facade)]
            #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
            pub struct $claims {
                sub: $type,
                level: u8,
                generation: u16,
            }

            /// The handler.
            #[$crate::facade::require_session(if $condition && $session.sub.is_empty(), crate = $crate::facade)]
            pub async fn $handler($session: $claims) -> String {
                $session.sub
            }

            /// Another handler.
            #[$crate::facade::require_session(level = $level, fresh = $fresh, crate = $crate::facade)]
            pub async fn by_pattern(_: $claims) {}

            /// A handler whose body is handed on.
            #[$crate::facade::require_session(crate = $crate::facade)]
            pub async fn with_body($session: $claims) -> String $body
        };
    }

    // All of the condition is one operand: nobody may pass.
    session!(
        Claims,
        "15m",
        "30s",
        String,
        nobody,
        claims,
        claims.level > 0 || claims.generation == 0,
        1 | 9..,
        { claims.sub }
    );

    pub(crate) fn claims(level: u8) -> Claims {
        Claims {
            sub: "user".to_owned(),
            level,
            generation: 0,
        }
    }
}

/// A state, as users have it.
#[derive(Clone)]
struct App {
    sessions: Sessions<scope::S>,
    others: Sessions<by_example::Claims>,
    named: Sessions<named::Claims>,
    pages: Sessions<visibility::Claims>,
}

impl FromRef<App> for Sessions<named::Claims> {
    fn from_ref(app: &App) -> Self {
        app.named.clone()
    }
}

impl FromRef<App> for Sessions<visibility::Claims> {
    fn from_ref(app: &App) -> Self {
        app.pages.clone()
    }
}

impl FromRef<App> for Sessions<scope::S> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl FromRef<App> for Sessions<by_example::Claims> {
    fn from_ref(app: &App) -> Self {
        app.others.clone()
    }
}

fn app() -> App {
    App {
        sessions: Sessions::new(Keys::generate().unwrap()),
        others: Sessions::new(Keys::generate().unwrap()),
        named: Sessions::new(Keys::generate().unwrap()),
        pages: Sessions::new(Keys::generate().unwrap()),
    }
}

fn router(app: &App) -> Router<App> {
    use axum::middleware::from_extractor_with_state;

    let layered = Router::new()
        .route("/friends/layered", get(named::layered))
        .route_layer(from_extractor_with_state::<named::Friend, App>(app.clone()));
    Router::new()
        .merge(layered)
        .route("/friends/greet", get(named::greet))
        .route("/friends/method", get(named::Handlers::guarded))
        .route("/anybody/method", get(named::Handlers::any))
        .route("/anybody/named", get(|_: named::Anybody| async {}))
        .merge(visibility::router())
        .route("/named", get(scope::named))
        .route("/lints/allowed", get(lints::allowed))
        .route("/lints/expected", get(lints::expected))
        .route("/lints/2fa", get(lints::_2fa))
        .route("/lints/1", get(lints::_1))
        .route("/lints/keyword", get(lints::keyword))
        .route("/lints/parentheses", get(lints::parentheses))
        .route("/any", get(scope::any))
        .route("/no-plan", get(scope::no_plan))
        .route("/everything", get(scope::everything))
        .route("/nobody", get(by_example::nobody))
        .route("/by-pattern", get(by_example::by_pattern))
        .merge(beside::router())
}

async fn status(app: &App, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    let router = router(app).with_state(app.clone());
    router.oneshot(request).await.into_response().status()
}

const SCOPED: [&str; 4] = ["/any", "/no-plan", "/everything", "/named"];
const FRIENDS: [&str; 3] = ["/friends/greet", "/friends/method", "/friends/layered"];
const ANYBODY: [&str; 2] = ["/anybody/method", "/anybody/named"];
const PAGES: [&str; 2] = ["/pages/guarded", "/pages/by-name"];
const LINTS: [&str; 6] = [
    "/lints/keyword",
    "/lints/allowed",
    "/lints/expected",
    "/lints/2fa",
    "/lints/1",
    "/lints/parentheses",
];
const BESIDE: [&str; 13] = [
    "/instrumented",
    "/instruments",
    "/below",
    "/above",
    "/plain-below",
    "/plain-above",
    "/cfg-above",
    "/cfg-below",
    "/cfg-plain",
    "/generic",
    "/private",
    "/raw",
    "/in-a-function",
];

#[tokio::test]
async fn nobody_enters_without_a_session() {
    let app = app();
    let others = &["/nobody", "/by-pattern"];
    for path in [
        &SCOPED[..],
        &BESIDE,
        &FRIENDS,
        &ANYBODY,
        &PAGES,
        &LINTS,
        others,
    ]
    .concat()
    {
        let status = status(&app, path, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn guards_decide_by_the_claims() {
    let app = app();
    let token = |kind, plan, generation| {
        let claims = scope::S {
            sub: "user".to_owned(),
            r#type: kind,
            plan,
            generation,
        };
        let token = app.sessions.login_checked_elsewhere(claims).unwrap();
        token.access_token().to_owned()
    };

    let admin = token(scope::Kind::Admin, None, 1);
    for path in [&SCOPED[..], &BESIDE, &LINTS].concat() {
        let expected = match path {
            "/cfg-above" | "/cfg-below" => StatusCode::FORBIDDEN,
            _ => StatusCode::OK,
        };
        assert_eq!(status(&app, path, Some(&admin)).await, expected, "{path}");
    }

    let user = token(scope::Kind::User, Some(10), 0);
    for path in [&SCOPED[..], &BESIDE, &LINTS].concat() {
        let expected = match path {
            "/lints/allowed" | "/any" | "/plain-below" | "/plain-above" | "/cfg-plain" | "/raw"
            | "/cfg-above" | "/cfg-below" => StatusCode::OK,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(status(&app, path, Some(&user)).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_guard_with_a_name_decides_wherever_it_stands() {
    let app = app();
    for (sub, expected) in [("bob", StatusCode::OK), ("eve", StatusCode::FORBIDDEN)] {
        let token = app
            .named
            .login_checked_elsewhere(named::claims(sub))
            .unwrap();
        let token = token.access_token();
        for path in FRIENDS {
            assert_eq!(status(&app, path, Some(token)).await, expected, "{path}");
        }
        for path in ANYBODY {
            assert_eq!(
                status(&app, path, Some(token)).await,
                StatusCode::OK,
                "{path}"
            );
        }
        let checked = named::checked(app.named.verify(token).unwrap());
        match expected {
            StatusCode::OK => assert_eq!(checked.unwrap(), sub),
            _ => assert_eq!(checked.unwrap_err().status(), expected),
        }
    }
}

#[tokio::test]
async fn a_handler_may_be_more_public_than_its_session() {
    let app = app();
    for (admin, expected) in [(true, StatusCode::OK), (false, StatusCode::FORBIDDEN)] {
        let claims = visibility::claims(admin);
        let token = app.pages.login_checked_elsewhere(claims).unwrap();
        for path in PAGES {
            let status = status(&app, path, Some(token.access_token())).await;
            assert_eq!(status, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_guard_out_of_a_macro_keeps_its_operands() {
    let app = app();
    let token = |level| {
        let claims = by_example::claims(level);
        let token = app.others.login_checked_elsewhere(claims).unwrap();
        token.access_token().to_owned()
    };
    let (nine, two) = (token(9), token(2));
    assert_eq!(
        status(&app, "/nobody", Some(&nine)).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, "/by-pattern", Some(&nine)).await,
        StatusCode::OK
    );
    assert_eq!(
        status(&app, "/by-pattern", Some(&two)).await,
        StatusCode::FORBIDDEN
    );
}
