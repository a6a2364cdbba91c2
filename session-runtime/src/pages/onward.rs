//! Where a login by a form leads.

use axum::http::header::REFRESH;
use axum::response::{IntoResponse, Redirect, Response};

use crate::cookies::SessionCookies;
use crate::pages::local_path::LocalPath;

/// Where a browser goes on that signed in by a form.
#[derive(Clone, Debug)]
pub(crate) struct Onward {
    pub(crate) to: LocalPath,
    /// After a logout, Chromium may show a page from its memory, `no-store` or not, where the redirect of the login itself
    /// led to it; one that a document leads to, it asks for again.
    pub(crate) by_document: bool,
}

impl Onward {
    pub(crate) fn with(self, cookies: SessionCookies) -> Response {
        if !self.by_document {
            return (cookies, Redirect::to(&self.to)).into_response();
        }
        let refresh = [(REFRESH, format!("0; url={}", self.to))];
        (cookies, refresh).into_response()
    }
}
