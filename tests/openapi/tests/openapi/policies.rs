//! The session routes of each kind of policy, and several in one document.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateless_session::{
    MemoryRegistry, Renew, Renewal, Session, SessionRoutes, Sessions, require_session,
    stateless_session,
};
use utoipa::OpenApi;
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::reading::{document, said, schemes, serve, statuses};
use crate::support::{Request, Server, keys};

macro_rules! claims {
    ($($name:ident($($arguments:tt)*))*) => {$(
        #[stateless_session(access = "15m", refresh = "7d" $($arguments)*)]
        #[derive(Clone, Serialize, Deserialize)]
        pub struct $name {
            pub sub: u64,
        }

        impl Renew<$name> for Sessions<$name> {
            type Error = Infallible;
            async fn renew(&self, _: &Renewal<$name>) -> Result<Option<$name>, Infallible> {
                Ok(None)
            }
        }
    )*};
}

claims! {
    Plain()
    Paged(, pages = "/sign-in", path = "/paged/auth")
    Native(, native, path = "/native")
    Strict(, revocation = "10s", path = "/strict")
}

mod plain {
    use super::*;
    #[require_session]
    #[utoipa::path(get, path = "/plain", operation_id = "plain_handler")]
    pub(super) async fn handler(_claims: Plain) {}
}

mod paged {
    use super::*;
    #[require_session(if session.sub > 1)]
    #[utoipa::path(get, path = "/paged")]
    pub(super) async fn handler(session: Session<Paged>) {
        let _ = session;
    }
}

mod strict {
    use super::*;
    #[require_session]
    #[utoipa::path(get, path = "/strict")]
    pub(super) async fn handler(_claims: Strict) {}
}

#[derive(OpenApi)]
#[openapi(paths(paged::handler, plain::handler))]
struct Api;

async fn of<C>(
    sessions: Sessions<C>,
    routed: utoipa_axum::router::UtoipaMethodRouter<Sessions<C>>,
) -> (Server, Value)
where
    C: SessionRoutes,
    Sessions<C>: Renew<C>,
{
    let (app, api) = OpenApiRouter::with_openapi(utoipa::openapi::OpenApi::default())
        .routes(routed)
        .merge(C::routes().into())
        .split_for_parts();
    let server = Server::start(serve_with(app, C::openapi(api), sessions)).await;
    let document = document(&server).await;
    (server, document)
}

fn serve_with<C: SessionRoutes>(
    app: axum::Router<Sessions<C>>,
    api: utoipa::openapi::OpenApi,
    sessions: Sessions<C>,
) -> axum::Router {
    serve(app.with_state(sessions), api)
}

#[tokio::test]
async fn the_session_routes_are_there_with_their_answers() {
    let (server, document) = of(Sessions::<Plain>::new(keys()), routes!(plain::handler)).await;
    let refresh = &document["paths"]["/auth/refresh"]["post"];
    assert_eq!(statuses(refresh), [200, 401, 403, 503]);
    assert_eq!(schemes(refresh), ["auth_refresh_cookie"]);
    assert_eq!(refresh["requestBody"], Value::Null);
    let logout = &document["paths"]["/auth/logout"]["post"];
    assert_eq!(statuses(logout), [204, 403]);
    assert_eq!(schemes(logout), ["auth_refresh_cookie", ""]);
    let declared = &document["components"]["securitySchemes"];
    assert_eq!(declared["session"]["scheme"], "bearer");
    assert_eq!(declared["session"]["bearerFormat"], "JWT");
    assert_eq!(declared["paged_auth_access_cookie"], Value::Null);
    let name = &declared["auth_refresh_cookie"]["name"];
    assert_eq!(name, "__Secure-openapi-tests-refresh-*");
    for (path, status) in [("/auth/refresh", 401), ("/auth/logout", 204)] {
        let answer = server.send(&Request::post(path)).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn with_pages_the_cookie_of_the_access_token_is_an_alternative() {
    let sessions = Sessions::<Paged>::new(keys());
    let (_server, document) = of(sessions, routes!(paged::handler)).await;
    let handler = &document["paths"]["/paged"]["get"];
    assert_eq!(schemes(handler), ["session", "paged_auth_access_cookie"]);
    assert_eq!(statuses(handler), [303, 307, 400, 401, 403]);
    assert!(said(handler, "303").contains("`/sign-in`"));
    let declared = &document["components"]["securitySchemes"];
    let name = &declared["paged_auth_access_cookie"]["name"];
    assert_eq!(name, "__Host-openapi-tests-paged-auth-access-*");
    let logout = &document["paths"]["/paged/auth/logout"]["post"];
    assert_eq!(statuses(logout), [204, 303, 403]);
}

#[tokio::test]
async fn a_program_that_is_no_browser_finds_its_form() {
    let api = Native::openapi(utoipa::openapi::OpenApi::default());
    let app = Native::routes().with_state(Sessions::<Native>::new(keys()));
    let server = Server::start(serve(app, api)).await;
    let document = document(&server).await;
    let refresh = &document["paths"]["/native/refresh"]["post"];
    assert_eq!(schemes(refresh), ["native_refresh_cookie", ""]);
    assert!(statuses(refresh).contains(&400));
    let form = |operation: &Value| {
        let content = &operation["requestBody"]["content"];
        content["application/x-www-form-urlencoded"]["schema"]["required"].clone()
    };
    assert_eq!(
        form(refresh),
        serde_json::json!(["grant_type", "refresh_token"])
    );
    let logout = &document["paths"]["/native/logout"]["post"];
    assert_eq!(form(logout), serde_json::json!(["token"]));
    assert_eq!(statuses(logout), [200, 204, 400, 403]);
    let unknown = Request::post("/native/refresh").form("grant_type=refresh_token&refresh_token=x");
    assert_eq!(server.send(&unknown).await.status, 400);
    let over = Request::post("/native/logout").form("token=x");
    assert_eq!(server.send(&over).await.status, 200);
}

#[tokio::test]
async fn a_strict_registry_that_is_silent_is_said() {
    let sessions = Sessions::<Strict>::with_registry(keys(), MemoryRegistry::new())
        .await
        .unwrap();
    let (_server, document) = of(sessions, routes!(strict::handler)).await;
    let handler = &document["paths"]["/strict"]["get"];
    assert_eq!(statuses(handler), [400, 401, 503]);
    let retry = &handler["responses"]["503"]["headers"]["Retry-After"];
    assert!(retry.is_object());
}

#[test]
fn published_keys_are_there_where_they_are_served() {
    let api = Plain::openapi(utoipa::openapi::OpenApi::default());
    assert!(api.paths.get_path_item("/.well-known/jwks.json").is_none());
    let api = Plain::jwks_openapi(api);
    let item = api.paths.get_path_item("/.well-known/jwks.json").unwrap();
    let responses = &item.get.as_ref().unwrap().responses.responses;
    let utoipa::openapi::RefOr::T(found) = &responses["200"] else {
        panic!("a reference");
    };
    assert!(found.content.contains_key("application/jwk-set+json"));
}

#[test]
fn several_structs_share_a_document() {
    let api = Paged::openapi(Plain::openapi(Api::openapi()));
    let api = serde_json::to_value(api).unwrap();
    let mut ids = Vec::new();
    for item in api["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            ids.push(operation["operationId"].as_str().unwrap());
        }
    }
    ids.sort_unstable();
    let expected = [
        "auth_logout",
        "auth_refresh",
        "handler",
        "paged_auth_logout",
        "paged_auth_refresh",
        "plain_handler",
    ];
    assert_eq!(ids, expected);
    let declared = &api["components"]["securitySchemes"];
    for (name, cookie) in [
        ("auth_refresh_cookie", "__Secure-openapi-tests-refresh-*"),
        (
            "paged_auth_refresh_cookie",
            "__Secure-openapi-tests-paged-auth-refresh-*",
        ),
    ] {
        assert_eq!(declared[name]["name"], cookie);
    }
    let of_paged = schemes(&api["paths"]["/paged"]["get"]);
    assert_eq!(of_paged, ["session", "paged_auth_access_cookie"]);
    assert_eq!(schemes(&api["paths"]["/plain"]["get"]), ["session"]);
}

#[test]
fn what_the_application_says_itself_stays() {
    let mut own = Api::openapi();
    own.security = Some(vec![SecurityRequirement::new("own", [] as [&str; 0])]);
    own.info.title = "Ours".to_owned();
    let api = Paged::openapi(own);
    assert_eq!(api.info.title, "Ours");
    let own = [SecurityRequirement::new("own", [] as [&str; 0])];
    assert!(api.security.is_some_and(|security| security == own));
}
