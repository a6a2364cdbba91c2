//! A login at the provider that came to nothing. Who was signed in before still is.

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

pub enum Failure {
    Canceled,
    /// The provider's `error`.
    Refused(String),
    /// An answer without an ID token, or one without `auth_time`.
    Incomplete,
    /// It does not answer, or what it answers does not verify.
    Other(Box<dyn Error + Send + Sync>),
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(Box::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Canceled => return Redirect::to("/login#canceled").into_response(),
            Self::Refused(error) => tracing::warn!(?error, "refused by the provider"),
            Self::Incomplete => tracing::warn!("the provider's answer is not complete"),
            Self::Other(error) => tracing::warn!(%error, "no answer of the provider that counts"),
        }
        // Not the provider's words: they come with the browser, out of a URL that anybody can write.
        let page = Html(include_str!("failure.html"));
        (
            StatusCode::BAD_GATEWAY,
            [("cache-control", "no-store")],
            page,
        )
            .into_response()
    }
}
