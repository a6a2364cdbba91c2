//! The page, and its todos by way of another server: what a proxy in front would do as well.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use stateless_session::SessionRejection;
use tower_http::services::{ServeDir, ServeFile};

/// Where `npm run build` puts the page.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist");

/// Of every file.
const HEADERS: [(HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; font-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

pub(crate) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route_service(
            "/graphiql",
            ServeFile::new(format!("{FOLDER}/graphiql.html")),
        )
        .fallback_service(ServeDir::new(FOLDER))
        .layer(map_response(async |file: Response| (HEADERS, file)))
}

/// Another server on the same database, `PostGraphile` or Apollo Server, reached through this program, so that the page has one origin.
#[derive(Clone)]
pub struct TodoServer {
    url: Uri,
    client: Client<HttpConnector, Body>,
}

impl TodoServer {
    pub fn new(url: Uri) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client }
    }

    /// Only what stands here goes there and back, so no cookie does.
    pub(crate) async fn execute(self, headers: HeaderMap, body: Bytes) -> Response {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url;
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(cause = %error, "the server of todos can't be asked");
                return SessionRejection::TemporarilyUnavailable.into_response();
            }
        };
        let (parts, body) = answer.into_parts();
        let mut response = (parts.status, Body::new(body)).into_response();
        for name in [header::CONTENT_TYPE, header::WWW_AUTHENTICATE] {
            if let Some(value) = parts.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}
