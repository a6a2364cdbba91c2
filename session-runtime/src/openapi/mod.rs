//! The session routes in an `OpenAPI` document, and what guarded operations ask for.

pub(crate) mod refusals;
pub(crate) mod schemas;

use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{ResponseBuilder, ResponsesBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, Content, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::openapi::refusals::{
    Responses, led_to_refresh, problem, responses, unauthorized, unavailable,
};
use crate::policy::Policy;
use crate::rejection::SessionRejection;
use crate::token_response::TokenResponse;

/// What `#[require_session]` writes into `security(..)`.
const SESSION: &str = "session";

/// Names of the policy's own, since several may share a document.
fn own_name(policy: &Policy, name: &str) -> String {
    let is_other = |character: char| !character.is_ascii_alphanumeric();
    let path = policy.path.trim_matches('/').replace(is_other, "_");
    format!("{path}_{name}")
}

fn refresh_cookie(policy: &Policy) -> String {
    own_name(policy, "refresh_cookie")
}

fn access_cookie(policy: &Policy) -> String {
    own_name(policy, "access_cookie")
}

/// A document with the session routes and the components that they and guarded operations name.
pub(crate) fn complete(mut api: OpenApi, policy: &Policy) -> OpenApi {
    let is_open_by_default = api.security.is_none();
    for operation in operations(&mut api) {
        require(operation, policy, is_open_by_default);
    }
    let mut components = ComponentsBuilder::new()
        .schema(schemas::PROBLEM, SessionRejection::schema())
        .schema(schemas::TOKEN_RESPONSE, TokenResponse::schema());
    for (name, scheme) in schemes(policy) {
        components = components.security_scheme(name, scheme);
    }
    let paths = PathsBuilder::new()
        .path(
            format!("{}/refresh", policy.path),
            PathItem::new(HttpMethod::Post, refresh(policy)),
        )
        .path(
            format!("{}/logout", policy.path),
            PathItem::new(HttpMethod::Post, logout(policy)),
        );
    let routes = OpenApiBuilder::new()
        .paths(paths)
        .components(Some(components.build()));
    api.merge_from(routes.build())
}

/// A document with the schema of the payload of access tokens, and those that it names.
pub(crate) fn with_payload<C: ToSchema>(api: OpenApi) -> OpenApi {
    let mut named = Vec::new();
    C::schemas(&mut named);
    let components = ComponentsBuilder::new()
        .schemas_from_iter(named)
        .schema(format!("{}AccessToken", C::name()), schemas::payload::<C>());
    let payload = OpenApiBuilder::new().components(Some(components.build()));
    api.merge_from(payload.build())
}

/// A document with the route that publishes the keys.
#[cfg(feature = "asymmetric")]
pub(crate) fn with_keys(api: OpenApi, path: &str) -> OpenApi {
    let set = ResponseBuilder::new()
        .description("The public keys that verify access tokens, as a JWK set (RFC 7517)")
        .content(
            "application/jwk-set+json",
            Content::new(Some(Schema::from(schemas::object(Type::Object)))),
        );
    let keys = OperationBuilder::new()
        .tag("session")
        .operation_id(Some("jwks"))
        .summary(Some("The keys that verify access tokens"))
        .security(SecurityRequirement::default())
        .responses(ResponsesBuilder::new().responses_from_iter(responses([("200", set)])));
    let paths = PathsBuilder::new().path(path, PathItem::new(HttpMethod::Get, keys));
    api.merge_from(OpenApiBuilder::new().paths(paths).build())
}

fn operations(api: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    api.paths.paths.values_mut().flat_map(|item| {
        let methods = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.options,
            &mut item.head,
            &mut item.patch,
            &mut item.trace,
        ];
        methods.into_iter().flatten()
    })
}

/// Whatever refuses strangers as sessions do requires one; and with pages, the cookie does as well.
fn require(operation: &mut Operation, policy: &Policy, is_open_by_default: bool) {
    if operation.security.is_none() && is_open_by_default && refuses_strangers(operation) {
        operation.security = Some(vec![requirement(SESSION)]);
    }
    let is_led = operation.responses.responses.get("307") == Some(&led_to_refresh(policy));
    if let Some(alternatives) = &mut operation.security
        && policy.pages.is_some()
        && is_led
        && *alternatives == [requirement(SESSION)]
    {
        alternatives.push(requirement(&access_cookie(policy)));
    }
}

fn refuses_strangers(operation: &Operation) -> bool {
    let Some(RefOr::T(refusal)) = operation.responses.responses.get("401") else {
        return false;
    };
    let Some(RefOr::T(problem)) = refusal.content.get(refusals::PROBLEM) else {
        return false;
    };
    problem.schema == Some(RefOr::Ref(Ref::from_schema_name(schemas::PROBLEM)))
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], _>(scheme, [])
}

fn schemes(policy: &Policy) -> Vec<(String, SecurityScheme)> {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "The access token that a login or a refresh answers with",
        ))
        .build();
    let cookie = |name: String, description: &str| {
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            name,
            description.to_owned(),
        )))
    };
    let mut schemes = vec![
        (SESSION.to_owned(), SecurityScheme::Http(bearer)),
        (
            refresh_cookie(policy),
            cookie(
                format!("__Secure-{}-refresh-*", policy.cookie),
                "What the browser keeps of a login and sends to the session routes alone, beside the session marker; the \
                 last eight characters of its name are the session's",
            ),
        ),
    ];
    if policy.pages.is_some() {
        schemes.push((
            access_cookie(policy),
            cookie(
                format!("__Host-{}-access-*", policy.cookie),
                "The access token once more, for what a browser asks for by itself; the last eight characters of its name \
                 are the session's",
            ),
        ));
    }
    schemes
}

fn operation(policy: &Policy, name: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag("session")
        .operation_id(Some(own_name(policy, name)))
        .summary(Some(summary))
}

fn refresh(policy: &Policy) -> Operation {
    let mut answers = TokenResponse::responses();
    answers.append(&mut responses([
        (
            "401",
            unauthorized(
                "The session is over (`session_ended`) or not known here (`session_unknown`)",
            ),
        ),
        ("403", foreign()),
        (
            "503",
            unavailable(
                "The user could not be looked up; the session lives on (`temporarily_unavailable`)",
            ),
        ),
    ]));
    let mut refresh = operation(
        policy,
        "refresh",
        "A new access token, by the refresh cookie",
    )
    .security(requirement(&refresh_cookie(policy)));
    if policy.native {
        let form = form(&[
            ("grant_type", Some("refresh_token")),
            ("refresh_token", None),
        ]);
        answers.append(&mut refused_form());
        refresh = refresh
            .request_body(Some(form))
            .security(SecurityRequirement::default());
    }
    refresh
        .responses(ResponsesBuilder::new().responses_from_iter(answers))
        .build()
}

fn logout(policy: &Policy) -> Operation {
    let over = "The session is over, whether there was one or not";
    let mut answers = responses([
        ("204", ResponseBuilder::new().description(over)),
        ("403", foreign()),
    ]);
    if let Some(login_page) = policy.pages {
        let led = format!("The same, for a browser that reads pages: on to `{login_page}`");
        answers.append(&mut responses([(
            "303",
            ResponseBuilder::new().description(led),
        )]));
    }
    let mut logout = operation(policy, "logout", "Ends the session in this browser")
        .security(requirement(&refresh_cookie(policy)))
        .security(SecurityRequirement::default());
    if policy.native {
        let over =
            ResponseBuilder::new().description("The same, for a program that sent its token");
        answers.append(&mut responses([("200", over)]));
        answers.append(&mut refused_form());
        logout = logout.request_body(Some(form(&[("token", None)])));
    }
    logout
        .responses(ResponsesBuilder::new().responses_from_iter(answers))
        .build()
}

fn foreign() -> ResponseBuilder {
    problem("From a page of another origin (`cross_origin`)")
}

fn refused_form() -> Responses {
    let description = "A form that does not count, or holds a token that does not";
    responses([("400", problem(description))])
}

/// The form of a program that is no browser, with these fields, of which some have one value.
fn form(fields: &[(&str, Option<&'static str>)]) -> RequestBody {
    let mut form = ObjectBuilder::new();
    for (name, value) in fields {
        let field = schemas::object(Type::String).enum_values(value.map(|value| [value]));
        form = form.property(*name, field).required(*name);
    }
    RequestBodyBuilder::new()
        .description(Some("From a program that is no browser; a page sends none"))
        .content(
            "application/x-www-form-urlencoded",
            Content::new(Some(Schema::from(form))),
        )
        .build()
}
