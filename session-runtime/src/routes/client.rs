//! The browser module, served beside the routes that it calls.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::cookies::names::marker_name;
use crate::policy::Policy;

/// For pages of this origin, which read the session marker.
const MODULE: &str = include_str!("../../client/client.js");
/// For pages of another origin of the site, which cannot.
const SIBLING: &str = include_str!("../../client/sibling.js");
const TYPES: &str = include_str!("../../client/client.d.ts");

/// Stands in the module for the marker's name, so that it cannot disagree with the policy.
const MARKER_NAME: &str = "__SESSION_COOKIE__";

/// GET `{mount}/client.js`, `{mount}/sibling.js` and their types.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(mount: &str, policy: &Policy) -> Router<S> {
    let module = |text: &str| {
        let named = text.replace(MARKER_NAME, &marker_name(policy).to_string());
        file(named, "text/javascript; charset=utf-8")
    };
    Router::new()
        .route(&format!("{mount}/client.js"), module(MODULE))
        .route(&format!("{mount}/sibling.js"), module(SIBLING))
        .route(
            &format!("{mount}/client.d.ts"),
            file(TYPES.to_owned(), "application/typescript; charset=utf-8"),
        )
}

fn file<S: Clone + Send + Sync + 'static>(
    text: String,
    content_type: &'static str,
) -> MethodRouter<S> {
    let etag = format!(
        r#""{}""#,
        URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(&text))
    );
    let text = Bytes::from(text);
    get(async move |request: HeaderMap| {
        let headers = [
            (ETAG, etag.clone()),
            // Asked for anew at every load, and sent anew after a deployment that changed it.
            (CACHE_CONTROL, "no-cache".to_owned()),
            (CONTENT_TYPE, content_type.to_owned()),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        if is_known(&request, &etag) {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else {
            (headers, text.clone()).into_response()
        }
    })
}

/// Whether the browser has this version (RFC 9110, section 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let lines = request.get_all(IF_NONE_MATCH).iter();
    let tags = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let mut tags = tags.map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == etag || tag == "*")
}
