//! What `#[require_session]` says in `#[utoipa::path]`.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{
    Guard, IssueError, Login, Renew, Renewal, Require, Session, SessionRoutes, Sessions,
    TokenResponse, require_session, stateless_session,
};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::reading::{document, guarded_in_silence, said, schemes, serve, statuses};
use crate::support::{Browser, HeldClock, Request, Server, keys};

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub enum Role {
    Admin,
    Owner,
    User,
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Claims {
    pub sub: u64,
    pub role: Role,
    pub teams: Vec<u32>,
}

impl Renew<Claims> for Sessions<Claims> {
    type Error = Infallible;
    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(Some(user(*session.subject())))
    }
}

fn user(sub: u64) -> Claims {
    let role = if sub == 1 { Role::Admin } else { Role::User };
    let teams = vec![7];
    Claims { sub, role, teams }
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Who {
    user: u64,
}

#[utoipa::path(post, path = "/login", params(Who), security(()), responses(Login<Claims>, TokenResponse))]
async fn login(login: Login<Claims>, Query(who): Query<Who>) -> Result<TokenResponse, IssueError> {
    login.start(user(who.user))
}

#[require_session]
#[utoipa::path(get, path = "/me", responses((status = OK, body = Claims)))]
async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

#[require_session]
#[utoipa::path(get, path = "/since")]
async fn since(session: Session<Claims>) -> String {
    format!("{:?}", session.authenticated_at())
}

#[require_session(role = Role::Admin | Role::Owner, fresh = "30s")]
#[utoipa::path(delete, path = "/todos/{id}", params(("id" = String, Path)), responses((status = NO_CONTENT),),)]
async fn delete_todo(claims: Claims, Path(id): Path<String>) {
    let _ = (claims, id);
}

#[require_session(max_age = "5m")]
#[cfg_attr(
    true,
    doc = "Only after a login of late.",
    utoipa::path(post, path = "/password")
)]
async fn password(_claims: Claims) {}

#[require_session(if session.teams.contains(&8))]
#[utoipa::path(get, path = "/eight", responses((status = 401, description = "In our words")))]
async fn eight(session: Session<Claims>) {
    let _ = session;
}

#[require_session]
#[utoipa::path(get, path = "/either", security(("session" = []), ("key" = [])))]
async fn either(_claims: Claims) {}

/// An administrator.
#[require_session(role = Role::Admin)]
pub struct Admin(Claims);

#[utoipa::path(post, path = "/purge", responses((status = OK), Require<Claims, Admin>))]
async fn purge(_admin: Admin) {}

enum TeamEight {}

impl Guard<Claims> for TeamEight {
    fn allows(claims: &Claims) -> bool {
        claims.teams.contains(&8)
    }
}

#[utoipa::path(get, path = "/by_hand", responses(Require<Claims, TeamEight>))]
async fn by_hand(_passed: Require<Claims, TeamEight>) {}

#[utoipa::path(get, path = "/extracted", responses(Session<Claims>))]
async fn extracted(_claims: Claims) {}

#[utoipa::path(get, path = "/hello")]
async fn hello(_claims: Option<Claims>) {}

/// Documented nowhere.
#[require_session]
async fn undocumented(_claims: Claims) {}

#[derive(OpenApi)]
#[openapi(components(schemas(Role)), modifiers(&Key))]
struct Api;

struct Key;

impl utoipa::Modify for Key {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Key")));
        let components = api.components.as_mut().unwrap();
        components
            .security_schemes
            .insert("key".to_owned(), key.into());
    }
}

async fn started() -> (Server, Value) {
    let nested: OpenApiRouter<Sessions<Claims>> = OpenApiRouter::new().routes(routes!(by_hand));
    let (app, api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(login))
        .routes(routes!(me))
        .routes(routes!(since))
        .routes(routes!(delete_todo))
        .routes(routes!(password))
        .routes(routes!(eight))
        .routes(routes!(either))
        .routes(routes!(purge))
        .nest("/nested", nested)
        .routes(routes!(extracted))
        .routes(routes!(hello))
        .route("/undocumented", axum::routing::get(undocumented))
        .merge(Claims::routes().into())
        .split_for_parts();
    let sessions = HeldClock::new().hold(Sessions::new(keys()));
    let api = Claims::token_openapi(Claims::openapi(api));
    let server = Server::start(serve(app.with_state(sessions), api)).await;
    let document = document(&server).await;
    (server, document)
}

#[tokio::test]
async fn an_attribute_says_its_refusals_and_its_scheme() {
    let (_server, document) = started().await;
    let paths = &document["paths"];
    for (operation, expected) in [
        (&paths["/me"]["get"], &[200, 400, 401][..]),
        (&paths["/since"]["get"], &[400, 401]),
        (&paths["/todos/{id}"]["delete"], &[204, 400, 401, 403]),
        (&paths["/password"]["post"], &[400, 401]),
        (&paths["/eight"]["get"], &[400, 401, 403]),
        (&paths["/purge"]["post"], &[200, 400, 401, 403]),
        (&paths["/nested/by_hand"]["get"], &[400, 401, 403]),
        (&paths["/extracted"]["get"], &[400, 401]),
    ] {
        assert_eq!(statuses(operation), expected, "{operation}");
        assert_eq!(schemes(operation), ["session"], "{operation}");
        let asked = &operation["responses"]["401"]["headers"];
        let is_ours = said(operation, "401") != "In our words";
        assert_eq!(
            asked["WWW-Authenticate"].is_object(),
            is_ours,
            "{operation}"
        );
    }
    assert_eq!(schemes(&paths["/either"]["get"]), ["session", "key"]);
    assert_eq!(schemes(&paths["/login"]["post"]), [""]);
    assert!(schemes(&paths["/hello"]["get"]).is_empty());
    assert_eq!(paths["/undocumented"], Value::Null);
}

#[tokio::test]
async fn what_a_guard_requires_is_said_in_its_own_words() {
    let (_server, document) = started().await;
    let paths = &document["paths"];
    let delete = &paths["/todos/{id}"]["delete"];
    let forbidden = said(delete, "403");
    let words = r#"`role = Role::Admin | Role::Owner, fresh = "30s"`"#;
    assert!(forbidden.contains(words), "{forbidden}");
    assert!(said(delete, "401").contains("more than 30 s ago"));
    assert!(said(delete, "401").contains("`stale_token`"));
    let password = &paths["/password"]["post"];
    assert!(said(password, "401").contains("more than 300 s ago"));
    assert!(said(password, "401").contains("`login_required`"));
    assert!(!said(password, "401").contains("`stale_token`"));
    let eight = &paths["/eight"]["get"];
    assert!(said(eight, "403").contains("`if session.teams.contains(&8)`"));
    assert_eq!(said(eight, "401"), "In our words");
    assert!(said(&paths["/purge"]["post"], "403").contains("`role = Role::Admin`"));
}

#[tokio::test]
async fn the_server_answers_what_its_document_says() {
    let (server, document) = started().await;
    let mut browser = Browser::default();
    let signed_in = browser.send(&server, Request::post("/login?user=2")).await;
    assert_eq!(signed_in.status, 200);
    let token = browser.access_token.clone().unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let target = path
                .replace(['{', '}'], "")
                .replace("/login", "/login?user=2");
            let request = || Request::new(&method.to_uppercase(), &target);
            for request in [
                request(),
                request().bearer("forged"),
                request().bearer(&token),
                request().header("authorization", "Bearer"),
                request().header("sec-fetch-site", "cross-site"),
            ] {
                let answer = server.send(&request).await;
                if answer.status < 300 && !statuses(operation).contains(&answer.status) {
                    continue; // what the handler itself answers, where nobody said it
                }
                let said = &operation["responses"][answer.status.to_string()];
                if path == "/hello" {
                    continue; // says nothing of itself
                }
                assert!(said.is_object(), "{method} {path} answers {answer:?}");
                if answer.status >= 400
                    && said["description"] != "In our words"
                    && path != "/either"
                {
                    let content = &said["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(content, "#/components/schemas/SessionRejection");
                    conforms(
                        &document["components"]["schemas"]["SessionRejection"],
                        &answer.json(),
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
    let schemas = &document["components"]["schemas"];
    conforms(&schemas["TokenResponse"], &signed_in.json());
}

/// Whether all that is required is there, and all that is there is of the type that is said.
fn conforms(schema: &Value, value: &Value) {
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            value.get(name.as_str().unwrap()).is_some(),
            "{name} is missing: {value}"
        );
    }
    for (name, value) in value.as_object().unwrap() {
        let is_so = match schema["properties"][name]["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64(),
            Some("array") => value.is_array(),
            _ => schema["properties"][name]["$ref"].is_string(),
        };
        assert!(is_so, "{name} is not as the schema says: {value}, {schema}");
    }
}

#[tokio::test]
async fn the_payload_of_a_token_has_its_subject_as_a_string() {
    let (server, document) = started().await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login?user=2")).await;
    let token = browser.access_token.clone().unwrap();
    let payload = crate::support::payload(&token);
    assert_eq!(payload["sub"], "2");
    let schemas = &document["components"]["schemas"];
    let parts = schemas["ClaimsAccessToken"]["allOf"].as_array().unwrap();
    let mut whole = json!({ "required": [], "properties": {} });
    for part in parts {
        let required = part["required"].as_array().unwrap().clone();
        whole["required"].as_array_mut().unwrap().extend(required);
        let properties = part["properties"].as_object().unwrap().clone();
        whole["properties"]
            .as_object_mut()
            .unwrap()
            .extend(properties);
    }
    conforms(&whole, &payload);
    assert_eq!(whole["properties"]["sub"]["type"], "string");
    // In an answer of the application, it is what serde makes of it.
    let me = server
        .send(&Request::get("/me").bearer(&token))
        .await
        .json();
    assert_eq!(me["sub"], 2);
    assert_eq!(schemas["Claims"]["properties"]["sub"]["type"], "integer");
    conforms(&schemas["Claims"], &me);
}

#[tokio::test]
async fn a_handler_that_takes_a_session_in_silence_is_found() {
    let (server, mut document) = started().await;
    assert!(guarded_in_silence(&server, &document).await.is_empty());
    let purge = document.pointer_mut("/paths/~1purge/post").unwrap();
    purge.as_object_mut().unwrap().remove("security");
    assert_eq!(
        guarded_in_silence(&server, &document).await,
        ["post /purge"]
    );
}
