//! What a user does with the sessions of the account, and an administrator with those of others.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Result;
use serde::Serialize;
use stateless_session::{RegistryError, Session, SessionRejection, Sessions, require_session};

use crate::users::{Role, USERS, UserId};
use crate::{Admin, Claims};

/// A session, as its user sees it. Times are seconds since 1970.
#[derive(Serialize)]
pub struct Device {
    sid: String,
    first_seen: u64,
    last_seen: u64,
    /// `User-Agent`, which says what it likes.
    browser: Option<String>,
}

#[derive(Serialize)]
pub struct Devices {
    /// The one that asks.
    this: String,
    devices: Vec<Device>,
}

#[derive(Serialize)]
pub struct Ended {
    ended: usize,
}

#[derive(Serialize)]
pub struct Member {
    id: UserId,
    name: &'static str,
    role: Role,
}

async fn devices_of(sessions: &Sessions<Claims>, user: UserId) -> Result<Vec<Device>> {
    let records = sessions.list(&user).await.map_err(unavailable)?;
    let devices = records.into_iter().map(|record| Device {
        sid: record.sid,
        first_seen: record.auth_time,
        last_seen: record.seen_at,
        browser: record.user_agent,
    });
    Ok(devices.collect())
}

#[require_session]
pub async fn list(
    session: Session<Claims>,
    State(sessions): State<Sessions<Claims>>,
) -> Result<Json<Devices>> {
    let devices = devices_of(&sessions, session.sub).await?;
    let this = session.sid().to_owned();
    Ok(Json(Devices { this, devices }))
}

#[require_session]
pub async fn end(
    claims: Claims,
    State(sessions): State<Sessions<Claims>>,
    Path(sid): Path<String>,
) -> Result<StatusCode> {
    Ok(found(
        sessions.end(&claims.sub, &sid).await.map_err(unavailable)?,
    ))
}

#[require_session]
pub async fn end_others(
    session: Session<Claims>,
    State(sessions): State<Sessions<Claims>>,
) -> Result<Json<Ended>> {
    let mut ended = 0;
    for record in sessions.list(&session.sub).await.map_err(unavailable)? {
        if record.sid != session.sid() {
            let was_there = sessions.end(&session.sub, &record.sid).await;
            ended += usize::from(was_there.map_err(unavailable)?);
        }
    }
    Ok(Json(Ended { ended }))
}

pub async fn users(admin: Admin) -> Json<Vec<Member>> {
    let others = USERS.iter().filter(|user| user.id != admin.sub);
    let members = others.map(|user| Member {
        id: user.id,
        name: user.name,
        role: user.role,
    });
    Json(members.collect())
}

pub async fn list_of(
    _: Admin,
    State(sessions): State<Sessions<Claims>>,
    Path(user): Path<UserId>,
) -> Result<Json<Vec<Device>>> {
    Ok(Json(devices_of(&sessions, user).await?))
}

pub async fn end_of(
    _: Admin,
    State(sessions): State<Sessions<Claims>>,
    Path((user, sid)): Path<(UserId, String)>,
) -> Result<StatusCode> {
    Ok(found(sessions.end(&user, &sid).await.map_err(unavailable)?))
}

/// Whoever disables a user does so in the user's row as well, or the next login counts.
pub async fn end_all_of(
    _: Admin,
    State(sessions): State<Sessions<Claims>>,
    Path(user): Path<UserId>,
) -> Result<StatusCode> {
    sessions.end_all(&user).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

fn found(is_there: bool) -> StatusCode {
    if is_there {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

/// 503, with `Retry-After`. This node refuses the session already, and tells the registry when that answers.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unavailable(error: RegistryError) -> SessionRejection {
    tracing::error!(?error, "the session registry did not answer");
    SessionRejection::TemporarilyUnavailable
}
