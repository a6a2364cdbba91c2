//! Who may log in. A database keeps them.

use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use axum::Json;
use axum::http::StatusCode;
use axum::response::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{Login, SessionRejection, TokenResponse};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Claims;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserId(u32);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    User,
}

#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
}

pub struct User {
    pub id: UserId,
    pub name: &'static str,
    pub role: Role,
    password: &'static str,
}

impl User {
    pub fn find(id: UserId) -> Option<&'static Self> {
        USERS.iter().find(|user| user.id == id)
    }

    pub fn claims(&self) -> Claims {
        Claims {
            sub: self.id,
            name: self.name.to_owned(),
            role: self.role,
        }
    }
}

// The passwords are `wonderland` and `builder`, hashed by OWASP's first choice for argon2id: 46 MB, which glibc's allocator
// gives back to the system after each, as it does not with 19.
pub static USERS: [User; 2] = [
    User {
        id: UserId(1),
        name: "alice",
        role: Role::Admin,
        password: "$argon2id$v=19$m=47104,t=1,p=1$63oih5trXyXZyL73/4D3Eg$wNX6X8oJVrBgnfD78lvzMLPr2m6sHclIaWELXECgKig",
    },
    User {
        id: UserId(2),
        name: "bob",
        role: Role::User,
        password: "$argon2id$v=19$m=47104,t=1,p=1$KrsSmVmusruC5SPoqugqlw$FjPTQamDQRe791+3pX52ZqT6bswrHXwEbj6Y9b+9Xcw",
    },
];

/// So many passwords are checked at once, because each takes 46 MB.
static TURNS: Semaphore = Semaphore::const_new(4);
/// For so long somebody waits to be the next one.
const PATIENCE: Duration = Duration::from_secs(3);

pub async fn login(login: Login<Claims>, Json(form): Json<Credentials>) -> Result<TokenResponse> {
    let problem = Json(json!({ "status": 401, "code": "wrong_credentials" }));
    let refused = (StatusCode::UNAUTHORIZED, problem);
    let Ok(Ok(turn)) = timeout(PATIENCE, TURNS.acquire()).await else {
        return Err(SessionRejection::TemporarilyUnavailable.into()); // 503, with `Retry-After`
    };
    let check = tokio::task::spawn_blocking(move || {
        let _turn = turn; // ends with the work, and not with a caller who hangs up
        check_password(&form)
    });
    let user = check.await.ok().flatten().ok_or(refused)?;
    Ok(login.start(user.claims())?) // and writes the session down, behind the answer
}

fn check_password(form: &Credentials) -> Option<&'static User> {
    let user = USERS.iter().find(|user| user.name == form.name);
    // The same work for an unknown name, so that the time does not tell which names exist.
    let hash = PasswordHash::new(user.unwrap_or(&USERS[0]).password).ok()?;
    let check = Argon2::default().verify_password(form.password.as_bytes(), &hash);
    check.ok().and(user)
}
