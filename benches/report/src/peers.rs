//! The peers, each as its documentation has it, all with the three strings of [`Claims`] and checks of `iss`, `aud` and
//! `exp` where it has them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use axum_jwt_sessions::{
    AuthState, JwtConfig, SessionData, SessionDataRefresher, SessionStorage, TokenGenerator,
};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use floor::samples::ACCESS_SECRET;
use floor::{Claims, Floor, samples};
use futures_util::FutureExt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use tower::Service;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

/// What a careful user of jsonwebtoken reads: the registered claims as types, and no map.
#[derive(Clone, Deserialize)]
#[allow(dead_code, reason = "read as they would be used")]
pub struct Payload {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub sid: String,
    pub auth_time: u64,
    pub iat: u64,
    pub exp: u64,
    pub name: String,
    pub role: String,
}

/// What jwt-simple reads beside the claims of RFC 7519.
#[derive(Clone, Deserialize, Serialize)]
pub struct OwnClaims {
    sid: String,
    auth_time: u64,
    name: String,
    role: String,
}

pub fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["bench"]);
    validation.set_issuer(&["bench"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

/// An extractor with the floor in it.
struct AtFloor(Claims);

impl FromRequestParts<Arc<Floor>> for AtFloor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, floor: &Arc<Floor>) -> Result<Self, StatusCode> {
        let verified = bearer(parts).and_then(|token| floor.verify(token));
        Ok(Self(verified.ok_or(StatusCode::UNAUTHORIZED)?.claims))
    }
}

pub fn floor(floor: Floor) -> Router {
    async fn handler(AtFloor(claims): AtFloor) -> StatusCode {
        std::hint::black_box(claims);
        StatusCode::OK
    }
    Router::new()
        .route("/", get(handler))
        .with_state(Arc::new(floor))
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

struct Careful(Payload);

impl FromRequestParts<Arc<(DecodingKey, Validation)>> for Careful {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<(DecodingKey, Validation)>,
    ) -> Result<Self, StatusCode> {
        let (key, validation) = &**state;
        let token = bearer(parts).ok_or(StatusCode::UNAUTHORIZED)?;
        match jsonwebtoken::decode(token, key, validation) {
            Ok(data) => Ok(Self(data.claims)),
            Err(_) => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

pub fn jsonwebtoken_extractor() -> Router {
    async fn handler(Careful(payload): Careful) -> StatusCode {
        std::hint::black_box(payload);
        StatusCode::OK
    }
    let key = DecodingKey::from_secret(ACCESS_SECRET.as_bytes());
    Router::new()
        .route("/", get(handler))
        .with_state(Arc::new((key, validation())))
}

pub fn axum_jwt_auth() -> Router {
    use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
    use jsonwebtoken10::{Algorithm, DecodingKey, Validation};

    async fn handler(claims: Claims<Payload>) -> StatusCode {
        std::hint::black_box(claims.claims);
        StatusCode::OK
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["bench"]);
    validation.set_issuer(&["bench"]);
    let decoder = LocalDecoder::builder()
        .keys(vec![DecodingKey::from_secret(ACCESS_SECRET.as_bytes())])
        .validation(validation)
        .build()
        .expect("a decoder");
    let decoder: Decoder<Payload> = Arc::new(decoder);
    Router::new().route("/", get(handler)).with_state(decoder)
}

/// A session in memory with the claims under one key: the session's id in a cookie, one get.
pub fn tower_sessions() -> (Router, String) {
    async fn handler(session: Session) -> StatusCode {
        match session.get::<Claims>("claims").await {
            Ok(Some(claims)) => {
                std::hint::black_box(claims);
                StatusCode::OK
            }
            _ => StatusCode::UNAUTHORIZED,
        }
    }
    let store = MemoryStore::default();
    let session = Session::new(None, Arc::new(store.clone()), None);
    let save = async {
        session.insert("claims", samples::claims()).await?;
        session.save().await
    };
    save.now_or_never().expect("no waiting").expect("a session");
    let id = session.id().expect("a saved session");
    let router = Router::new()
        .route("/", get(handler))
        .layer(SessionManagerLayer::new(store));
    (router, format!("id={id}"))
}

#[derive(Clone, Debug)]
struct User(Claims);

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.0.sub.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"the hash of a password, which is as long as this one is"
    }
}

#[derive(Clone)]
struct Users(Arc<HashMap<String, User>>);

impl AuthnBackend for Users {
    type User = User;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, id: String) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }

    async fn get_user(&self, id: &String) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(id).cloned())
    }
}

/// The same, and the user looked up in a map.
pub fn axum_login() -> (Router, String) {
    async fn login(mut session: AuthSession<Users>, State(user): State<User>) -> StatusCode {
        match session.login(&user).await {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    async fn handler(session: AuthSession<Users>) -> StatusCode {
        match session.user {
            Some(user) => {
                std::hint::black_box(user);
                StatusCode::OK
            }
            None => StatusCode::UNAUTHORIZED,
        }
    }
    let user = User(samples::claims());
    let users = Users(Arc::new(HashMap::from([(user.id(), user.clone())])));
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    let mut router: Router = Router::new()
        .route("/", get(handler))
        .route("/login", post(login))
        .layer(AuthManagerLayerBuilder::new(users, sessions).build())
        .with_state(user);
    let request = Request::post("/login")
        .body(Body::empty())
        .expect("a request");
    let Ok(response) = router.call(request).now_or_never().expect("no waiting");
    let cookie = response.headers()[SET_COOKIE].to_str().expect("ASCII");
    let (cookie, _) = cookie.split_once(';').expect("attributes");
    let cookie = cookie.to_owned();
    (router, cookie)
}

#[derive(Clone)]
struct NoStorage;

impl SessionStorage for NoStorage {
    async fn create_user_session(
        &self,
        _: String,
        _: uuid::Uuid,
        _: time::OffsetDateTime,
    ) -> axum_jwt_sessions::Result<()> {
        Ok(())
    }

    async fn get_user_sessions(&self, _: &str) -> axum_jwt_sessions::Result<Vec<SessionData>> {
        Ok(Vec::new())
    }

    async fn revoke_user_session(&self, _: &str, _: &uuid::Uuid) -> axum_jwt_sessions::Result<()> {
        Ok(())
    }

    async fn revoke_all_user_sessions(&self, _: &str) -> axum_jwt_sessions::Result<()> {
        Ok(())
    }
}

impl SessionDataRefresher for NoStorage {
    type SessionData = Claims;

    async fn refresh_session_data(&self, _: &str) -> axum_jwt_sessions::Result<Option<Claims>> {
        Ok(None)
    }
}

/// Its own token, because it reads no other; its store is asked at refresh only.
pub fn axum_jwt_sessions() -> (Router, String) {
    async fn handler(session: axum_jwt_sessions::Session<Claims>) -> StatusCode {
        std::hint::black_box(session.data);
        StatusCode::OK
    }
    let config = JwtConfig {
        access_token_secret: samples::ACCESS_SECRET.to_owned(),
        refresh_token_secret: samples::REFRESH_SECRET.to_owned(),
        issuer: Some("bench".to_owned()),
        audience: Some("bench".to_owned()),
        access_token_duration: time::Duration::minutes(15),
        refresh_token_duration: time::Duration::days(7),
        refresh_token_renewal_threshold: time::Duration::days(1),
    };
    let state = AuthState {
        token_generator: Arc::new(TokenGenerator::new(config)),
        storage: Arc::new(NoStorage),
        refresher: Arc::new(NoStorage),
    };
    let claims = samples::claims();
    let pair = state
        .token_generator
        .generate_token_pair(uuid::Uuid::from_u128(1), claims.sub.clone(), Some(claims))
        .expect("a token");
    let router = Router::new().route("/", get(handler)).with_state(state);
    (router, format!("Bearer {}", pair.access_token))
}
