//! The shapes of what is answered.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{AllOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::rejection::SessionRejection;
use crate::token_response::TokenResponse;

/// Named after their types, as schemas of `utoipa` are.
pub(crate) const PROBLEM: &str = "SessionRejection";
pub(crate) const TOKEN_RESPONSE: &str = "TokenResponse";

pub(crate) fn object(of: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(of))
}

pub(crate) fn text() -> Schema {
    object(Type::String).into()
}

fn described(of: Type, description: &str) -> Schema {
    object(of).description(Some(description)).into()
}

/// Whole seconds.
fn seconds(description: &str) -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    let seconds = object(Type::Integer).format(Some(format)).minimum(Some(0));
    seconds.description(Some(description)).into()
}

/// Problem details (RFC 9457).
impl PartialSchema for SessionRejection {
    fn schema() -> RefOr<Schema> {
        let code = "What programs rely on, such as `invalid_token`";
        let error =
            "The same in the words of RFC 6749, section 5.2, for a client that is no browser";
        ObjectBuilder::new()
            .description(Some("A refusal: problem details (RFC 9457)"))
            .property("title", text())
            .required("title")
            .property("status", object(Type::Integer))
            .required("status")
            .property("code", described(Type::String, code))
            .required("code")
            .property("detail", text())
            .required("detail")
            .property("error", described(Type::String, error))
            .into()
    }
}

impl ToSchema for SessionRejection {
    fn name() -> Cow<'static, str> {
        PROBLEM.into()
    }
}

/// RFC 6749, section 5.1.
impl PartialSchema for TokenResponse {
    fn schema() -> RefOr<Schema> {
        let token = object(Type::String)
            .description(Some("A JWT, for `Authorization: Bearer`"))
            .content_media_type("application/jwt");
        let bearer = object(Type::String).enum_values(Some(["Bearer"]));
        let native = "For a program that is no browser, which asked for it";
        ObjectBuilder::new()
            .description(Some("A token response (RFC 6749, section 5.1)"))
            .property("access_token", token)
            .required("access_token")
            .property("token_type", bearer)
            .required("token_type")
            .property(
                "expires_in",
                seconds("How long the access token counts, in seconds"),
            )
            .required("expires_in")
            .property(
                "session_expires_in",
                seconds("How long the session lasts if nobody refreshes it, in seconds"),
            )
            .required("session_expires_in")
            .property("refresh_token", described(Type::String, native))
            .property("refresh_token_expires_in", seconds(native))
            .into()
    }
}

impl ToSchema for TokenResponse {
    fn name() -> Cow<'static, str> {
        TOKEN_RESPONSE.into()
    }
}

/// The payload of an access token: the claims, with `sub` as the string that it is there, and the tokens' own names.
pub(crate) fn payload<C: PartialSchema>() -> Schema {
    let mut claims = C::schema();
    subject_is_a_string(&mut claims);
    let mut tokens = ObjectBuilder::new();
    for (name, description) in [
        ("iss", "Who issued the token"),
        ("aud", "Whom it is for"),
        ("sid", "Which session it is of"),
    ] {
        let named = described(Type::String, description);
        tokens = tokens.property(name, named).required(name);
    }
    for (name, description) in [
        ("iat", "When the claims were read, in seconds since 1970"),
        ("exp", "When the token ends, in seconds since 1970"),
        (
            "auth_time",
            "When the user logged in, in seconds since 1970",
        ),
    ] {
        tokens = tokens.property(name, seconds(description)).required(name);
    }
    AllOfBuilder::new()
        .description(Some("The payload of an access token"))
        .item(claims)
        .item(tokens)
        .into()
}

fn subject_is_a_string(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else {
        return;
    };
    match schema {
        Schema::Object(object) => in_object(object),
        // A struct with flattened fields.
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(subject_is_a_string),
        _ => {}
    }
}

fn in_object(object: &mut Object) {
    if let Some(subject) = object.properties.get_mut("sub") {
        *subject = described(Type::String, "Whose session it is").into();
    }
}
