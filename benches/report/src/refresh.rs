//! POST refresh by hand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use floor::samples;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

pub fn bare() -> Router {
    Router::new().route("/auth/refresh", post(async || StatusCode::OK))
}

/// The keys of a refresh by hand.
struct ByHand {
    encoding: EncodingKey,
    decoding: DecodingKey,
    refresh_encoding: EncodingKey,
    header: Header,
    validation: Validation,
    writes_cookie: bool,
}

#[derive(Serialize, Deserialize)]
struct RefreshPayload {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    auth_time: u64,
    iat: u64,
    exp: u64,
}

#[derive(Serialize)]
struct AccessPayload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    sid: &'a str,
    auth_time: u64,
    iat: u64,
    exp: u64,
    name: &'a str,
    role: &'a str,
}

#[derive(Serialize)]
struct Answer {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// A refresh as an application writes it that has read the manuals: the cookie by `CookieJar`, both tokens by
/// jsonwebtoken, an answer by serde, with or without the cookie written anew.
pub fn by_hand(writes_cookie: bool) -> Router {
    async fn refresh(
        State(keys): State<Arc<ByHand>>,
        headers: HeaderMap,
        jar: CookieJar,
    ) -> Result<(CookieJar, [(&'static str, &'static str); 1], Json<Answer>), StatusCode> {
        if headers
            .get("origin")
            .is_some_and(|origin| origin != "https://localhost")
        {
            return Err(StatusCode::FORBIDDEN);
        }
        let cookie = jar.get("refresh").ok_or(StatusCode::UNAUTHORIZED)?;
        let data = jsonwebtoken::decode::<RefreshPayload>(
            cookie.value(),
            &keys.decoding,
            &keys.validation,
        );
        let old = data.map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
        let claims = samples::claims();
        let now = jsonwebtoken::get_current_timestamp();
        let access = AccessPayload {
            iss: "bench",
            aud: "bench",
            sub: &claims.sub,
            sid: &old.sid,
            auth_time: old.auth_time,
            iat: now,
            exp: now + 900,
            name: &claims.name,
            role: &claims.role,
        };
        let internal = |_| StatusCode::INTERNAL_SERVER_ERROR;
        let access_token =
            jsonwebtoken::encode(&keys.header, &access, &keys.encoding).map_err(internal)?;
        let jar = if keys.writes_cookie {
            let refresh = RefreshPayload {
                iat: now,
                exp: now + 604_800,
                ..old
            };
            let refresh = jsonwebtoken::encode(&keys.header, &refresh, &keys.refresh_encoding)
                .map_err(internal)?;
            let cookie = Cookie::build(("refresh", refresh))
                .http_only(true)
                .secure(true)
                .same_site(SameSite::Strict)
                .path("/auth")
                .max_age(time::Duration::seconds(604_800));
            jar.add(cookie)
        } else {
            jar
        };
        let answer = Answer {
            access_token,
            token_type: "Bearer",
            expires_in: 900,
        };
        Ok((jar, [("cache-control", "no-store")], Json(answer)))
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["bench#refresh"]);
    validation.set_issuer(&["bench"]);
    let keys = ByHand {
        encoding: EncodingKey::from_secret(samples::ACCESS_SECRET.as_bytes()),
        decoding: DecodingKey::from_secret(samples::REFRESH_SECRET.as_bytes()),
        refresh_encoding: EncodingKey::from_secret(samples::REFRESH_SECRET.as_bytes()),
        header: Header::new(Algorithm::HS256),
        validation,
        writes_cookie,
    };
    Router::new()
        .route("/auth/refresh", post(refresh))
        .with_state(Arc::new(keys))
}

/// The cookie that the refresh by hand reads: ours under its name, since its token is read by the same keys.
pub fn cookie_by_hand(cookies: &str) -> String {
    let (_, refresh) = cookies.split_once("-refresh-").expect("a refresh cookie");
    let (_, token) = refresh.split_once('=').expect("a value");
    let (token, _) = token.split_once(';').unwrap_or((token, ""));
    format!("refresh={token}")
}
