//! The published keys, for services that verify access tokens without asking anybody.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::claims::SessionClaims;
use crate::keys::public_keys::PublicKeys;
use crate::sessions::{HoldsSessions, Sessions};

/// RFC 8615 has the folder; the name in it is what everybody uses.
pub(crate) const PATH: &str = "/.well-known/jwks.json";

/// A verifier that keeps a set for so long knows a key in time that is published this long before it signs.
const CACHE: &str = "public, max-age=300";

const NO_KEYS: &str = r#"{"keys":[]}"#;

pub(crate) fn routes<C, S>() -> Router<S>
where
    C: SessionClaims,
    S: HoldsSessions<C> + Clone + Send + Sync + 'static,
{
    Router::new().route(
        PATH,
        get(async |State(state): State<S>| serve(&state.sessions())),
    )
}

fn serve<C: SessionClaims>(sessions: &Sessions<C>) -> impl IntoResponse + use<C> {
    let keys = sessions.keys().public_keys();
    if keys.is_none() {
        tracing::warn!(target: "stateless_session", "asked for public keys, but the access tokens are signed with a secret");
    }
    let set = keys.as_ref().map_or(NO_KEYS.into(), PublicKeys::to_jwks);
    let headers = [
        (CONTENT_TYPE, "application/jwk-set+json"),
        (CACHE_CONTROL, CACHE),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, set)
}
