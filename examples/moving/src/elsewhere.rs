//! The old session where another program has it: Auth.js, Better Auth, or whatever else says whose a cookie is.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Uri, header::COOKIE};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use stateless_session::SessionRejection;

use crate::users::{self, User};

/// Where the old server tells: `/api/auth/session` of Auth.js, `/api/auth/get-session` of Better Auth.
#[derive(Clone)]
pub struct OldServer {
    url: Uri,
    client: Client<HttpConnector, Body>,
}

impl OldServer {
    pub fn new(url: Uri) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client }
    }

    /// The user whose cookies the request has, by what both programs know of them; here the name, elsewhere the e-mail
    /// address or the id. An outage is no answer, so the page asks again.
    pub async fn user(&self, headers: &HeaderMap) -> Result<Option<User>, SessionRejection> {
        let mut request = Request::get(self.url.clone());
        for cookies in headers.get_all(COOKIE) {
            request = request.header(COOKIE, cookies);
        }
        let outage = || SessionRejection::TemporarilyUnavailable;
        let request = request.body(Body::empty()).map_err(|_| outage())?;
        let answer = self.client.request(request).await.map_err(|_| outage())?;
        if !answer.status().is_success() {
            return Err(outage());
        }
        let body = to_bytes(Body::new(answer.into_body()), 64 * 1024).await;
        let session: Value =
            serde_json::from_slice(&body.map_err(|_| outage())?).map_err(|_| outage())?;
        let name = session.pointer("/user/name").and_then(Value::as_str);
        Ok(name.and_then(users::by_name))
    }
}
