//! What extractors answer, for `responses(..)` of `#[utoipa::path]`.

use std::collections::BTreeMap;
use std::time::Duration;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Content, Ref, RefOr, Schema};

use crate::claims::SessionClaims;
use crate::guard::{Guard, Require};
use crate::login::Login;
use crate::openapi::schemas::{self, text};
use crate::policy::{Policy, Revocation};
use crate::session::{FromSession, Session};
use crate::token_response::TokenResponse;

/// By status.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

pub(crate) const PROBLEM: &str = "application/problem+json";

/// A refusal: problem details with one of these codes.
pub(crate) fn problem(description: impl Into<String>) -> ResponseBuilder {
    let schema = Ref::from_schema_name(schemas::PROBLEM);
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, Content::new(Some(schema)))
}

/// A 401, which asks for credentials.
pub(crate) fn unauthorized(description: impl Into<String>) -> ResponseBuilder {
    let challenge = HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("What is asked for (RFC 6750, section 3)"));
    problem(description).header("WWW-Authenticate", challenge.build())
}

/// The answer that says when to repeat.
pub(crate) fn unavailable(description: &str) -> ResponseBuilder {
    let seconds = Schema::from(schemas::object(Type::Integer));
    let retry = HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("In seconds"));
    problem(description).header("Retry-After", retry.build())
}

pub(crate) fn responses<const N: usize>(by_status: [(&str, ResponseBuilder); N]) -> Responses {
    by_status
        .into_iter()
        .map(|(status, response)| (status.to_owned(), RefOr::T(response.build())))
        .collect()
}

/// With pages, what a browser gets whose access token has expired.
pub(crate) fn led_to_refresh(policy: &Policy) -> RefOr<Response> {
    let path = policy.path;
    let led =
        format!("For a browser whose access token has expired: on to `{path}/refresh`, and back");
    ResponseBuilder::new().description(led).into()
}

/// What everybody without a session gets, and whoever has one of these `others`.
fn refusals(policy: &Policy, others: &[String]) -> Responses {
    let mut unauthorized_by = String::from(
        "No access token (`missing_token`), or one that does not count, after which a refresh helps (`invalid_token`)",
    );
    for other in others {
        unauthorized_by.push_str("; ");
        unauthorized_by.push_str(other);
    }
    let mut refusals = responses([
        (
            "400",
            problem("An `Authorization` header that is none of RFC 6750 (`invalid_request`)"),
        ),
        ("401", unauthorized(unauthorized_by)),
    ]);
    if let Some(Revocation::Within(_)) = policy.revocation {
        let silent = "The session registry does not answer (`temporarily_unavailable`)";
        refusals.append(&mut responses([("503", unavailable(silent))]));
    }
    if let Some(login_page) = policy.pages {
        let anew =
            format!("For a browser without a session that reads pages: on to `{login_page}`");
        refusals.append(&mut responses([(
            "303",
            ResponseBuilder::new().description(anew),
        )]));
        refusals.insert("307".to_owned(), led_to_refresh(policy));
    }
    refusals
}

/// What a handler answers that takes a session: with the feature `utoipa`, for `responses(..)` of handlers without
/// `#[require_session]`, which adds it by itself.
impl<C: SessionClaims> IntoResponses for Session<C> {
    fn responses() -> Responses {
        refusals(&C::POLICY, &[])
    }
}

/// What a guarded handler answers: with the feature `utoipa`, for `responses(..)` of handlers that take a guard with a
/// name, as in `responses(Require<Claims, Admin>)`.
impl<S: FromSession, G: Guard<S>> IntoResponses for Require<S, G> {
    fn responses() -> Responses {
        let mut others = Vec::new();
        if G::FRESH < Duration::MAX {
            let seconds = G::FRESH.as_secs();
            others.push(format!(
                "claims read more than {seconds} s ago, after which a refresh helps (`stale_token`)"
            ));
        }
        if G::MAX_AGE < Duration::MAX {
            let seconds = G::MAX_AGE.as_secs();
            others.push(format!(
                "a login more than {seconds} s ago, after which a new one helps (`login_required`)"
            ));
        }
        let mut refusals = refusals(&S::Claims::POLICY, &others);
        if !G::CONDITION.is_empty() {
            let forbidden = format!("The session does not meet `{}` (`forbidden`)", G::CONDITION);
            refusals.append(&mut responses([("403", problem(forbidden))]));
        }
        refusals
    }
}

/// What a login answers before its handler runs.
impl<C: SessionClaims> IntoResponses for Login<C> {
    fn responses() -> Responses {
        let foreign = "From a page of another origin (`cross_origin`)";
        responses([("403", problem(foreign))])
    }
}

/// A new access token, and the cookies of a session.
impl IntoResponses for TokenResponse {
    fn responses() -> Responses {
        let schema = Ref::from_schema_name(schemas::TOKEN_RESPONSE);
        let cookies = HeaderBuilder::new().schema(Some(text())).description(Some(
            "The refresh token and the session marker, for the browser alone",
        ));
        let response = ResponseBuilder::new()
            .description("An access token, for the page's memory alone")
            .content("application/json", Content::new(Some(schema)))
            .header("Set-Cookie", cookies.build());
        responses([("200", response)])
    }
}
