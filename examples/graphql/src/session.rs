//! What a token says, and what a resolver may require of it.

use serde::{Deserialize, Serialize};
use stateless_session::{Renew, Renewal, Session, require_session, stateless_session};

use crate::App;

/// `PostGraphile` reads the same tokens: it insists on this audience, and makes each claim a setting `jwt.claims.*`.
// So short that the page can be watched refreshing it; "15m" is a usual access lifetime.
#[stateless_session(access = "1m", refresh = "7d", audience = "postgraphile")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub sub: PersonId,
    pub role: Role,
    pub generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
pub struct PersonId(pub i32);

/// A role of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    AppUser,
    AppAdmin,
}

impl Renew<Claims> for App {
    type Error = sqlx::Error;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, sqlx::Error> {
        self.accounts.claims(*session.subject()).await
    }
}

/// An administrator.
#[require_session(role = Role::AppAdmin)]
pub struct Admin(Session<Claims>);

/// An administrator who typed the password just now, and is still one.
#[require_session(role = Role::AppAdmin, max_age = "5m", fresh = "30s")]
pub struct RecentAdmin(Session<Claims>);
