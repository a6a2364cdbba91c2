//! Why a resolver gives nothing: what the client is told, and what the log is.

use argon2::password_hash;
use async_graphql::ErrorExtensions;
use sqlx::error::ErrorKind;
use stateless_session::{IssueError, SessionRejection};
use tokio::task::JoinError;

/// An error with a `code`. It does not implement `Display`, so async-graphql can't show a client what only the log is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Refused(SessionRejection),
    WrongCredentials,
    NameTaken,
    NotFound,
    InvalidInput(&'static str),
}

impl From<Problem> for async_graphql::Error {
    fn from(problem: Problem) -> Self {
        let (code, message) = match problem {
            Problem::Refused(rejection) => {
                // Kept beside its code, as an HTTP answer may be made of it.
                let code = rejection.code();
                return Self::new_with_source(rejection)
                    .extend_with(|_, extensions| extensions.set("code", code));
            }
            Problem::WrongCredentials => ("wrong_credentials", "wrong name or password".to_owned()),
            Problem::NameTaken => ("name_taken", "somebody has this name".to_owned()),
            Problem::NotFound => ("not_found", "there is no such row for you".to_owned()),
            Problem::InvalidInput(message) => ("invalid_input", message.to_owned()),
        };
        Self::new(message).extend_with(|_, extensions| extensions.set("code", code))
    }
}

impl From<SessionRejection> for Problem {
    fn from(rejection: SessionRejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<IssueError> for Problem {
    fn from(_: IssueError) -> Self {
        Self::Refused(SessionRejection::InternalError) // the log has it already
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let Some(refused) = error.as_database_error() else {
            tracing::error!(cause = %error, "the database can't be asked");
            return Self::Refused(SessionRejection::TemporarilyUnavailable);
        };
        match (refused.kind(), refused.code().as_deref()) {
            (ErrorKind::UniqueViolation, _) => Self::NameTaken,
            (ErrorKind::CheckViolation, _) => Self::InvalidInput("too long or too short"),
            // character_not_in_repertoire: NUL
            (_, Some("22021")) => Self::InvalidInput("a character that no text may hold"),
            // insufficient_privilege
            (_, Some("42501")) => Self::Refused(SessionRejection::Forbidden),
            // operator intervention: the database shuts down or starts up
            (_, Some(code)) if code.starts_with("57P") => {
                Self::Refused(SessionRejection::TemporarilyUnavailable)
            }
            _ => {
                tracing::error!(cause = %error, "a query failed");
                Self::Refused(SessionRejection::InternalError)
            }
        }
    }
}

impl From<password_hash::Error> for Problem {
    fn from(error: password_hash::Error) -> Self {
        tracing::error!(cause = %error, "a password could not be checked");
        Self::Refused(SessionRejection::InternalError)
    }
}

impl From<password_hash::phc::Error> for Problem {
    fn from(error: password_hash::phc::Error) -> Self {
        password_hash::Error::from(error).into()
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        tracing::error!(cause = %error, "a task failed");
        Self::Refused(SessionRejection::InternalError)
    }
}
