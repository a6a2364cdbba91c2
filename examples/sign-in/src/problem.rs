//! What else is refused, as problem details like the crate's own.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use webauthn_rs::prelude::WebauthnError;

pub struct Problem(StatusCode, &'static str);

impl Problem {
    pub const WRONG_CREDENTIALS: Self = Self(StatusCode::UNAUTHORIZED, "wrong_credentials");
    pub const BUSY: Self = Self(StatusCode::SERVICE_UNAVAILABLE, "busy");
    /// The identity at the provider belongs to another account.
    pub const TAKEN: Self = Self(StatusCode::CONFLICT, "identity_taken");
    /// Nobody's, or its answer was used.
    pub const UNKNOWN_PASSKEY: Self = Self(StatusCode::UNAUTHORIZED, "passkey_unknown");
    /// Another request was quicker.
    pub const CHANGED: Self = Self(StatusCode::CONFLICT, "changed_meanwhile");

    pub fn passkey(error: WebauthnError) -> Self {
        tracing::warn!(%error, "a passkey's answer does not count");
        Self(StatusCode::UNAUTHORIZED, "passkey_refused")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, code) = self;
        let body = json!({ "status": status.as_u16(), "code": code }).to_string();
        (status, [("content-type", "application/problem+json")], body).into_response()
    }
}
