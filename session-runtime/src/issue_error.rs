//! Why no token was issued.

use std::error::Error;
use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::ser;

use crate::rejection::SessionRejection;
use crate::token::payload_reader::Unreadable;
use crate::token::subject::SubjectError;

/// Why a session was not started: its tokens would not verify, or could not be made.
///
/// The log has it already. As a response it is a 500 that says nothing of the cause.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{IssueError, Keys, Sessions, stateless_session};
/// #[stateless_session(access = "15m", refresh = "7d")]
/// #[derive(Serialize, Deserialize)]
/// struct Claims {
///     sub: String,
///     notes: String, // does not belong into a token
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = Sessions::new(Keys::generate()?);
/// let claims = Claims { sub: "ada".to_owned(), notes: "x".repeat(5000) };
/// assert!(matches!(sessions.login_checked_elsewhere(claims), Err(IssueError::TooLong { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum IssueError {
    /// The claims do not serialize; the source says why.
    Claims(Box<dyn Error + Send + Sync>),
    /// The claims do not serialize to a JSON object.
    NotAnObject,
    /// The claims do not read back from what they serialize to, so that no token of theirs would ever count: a field that
    /// serde leaves out and then misses, that has one name going and another coming, or a value such as `NaN` that JSON
    /// lacks. The source has serde's words, which may hold a user's data; the log has the name of a missing field only.
    ReadBack(Box<dyn Error + Send + Sync>),
    /// The claims hold a name that tokens set themselves, such as `exp`, out of a flattened map.
    Reserved(&'static str),
    /// The claims hold this name twice, out of a flattened map. The log does not have it, since it may be a user's datum.
    Duplicate(String),
    /// The subject can't be a `sub`.
    Subject(SubjectError),
    /// The token would be longer than 4096 bytes, or its cookie would.
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// What is kept until a login's callback would make a cookie of more than 1,024 bytes.
    KeptTooLong {
        /// The length of its name and value.
        bytes: usize,
    },
    /// The application's own code panicked while the claims were written or read: `Serialize`, `Deserialize`, `PartialEq`
    /// of the subject, or `generation()`.
    Panic,
    /// These sessions only verify the tokens of another service; log in there.
    VerifyOnly,
    /// The operating system has no random numbers.
    Random,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claims(_) => f.write_str("the claims do not serialize"),
            Self::ReadBack(source) => {
                f.write_str("the claims do not read back as they were written")?;
                match missing_field(&source.to_string()) {
                    Some(name) => write!(f, ": missing field `{name}`"),
                    None => Ok(()),
                }
            }
            Self::NotAnObject => f.write_str("the claims do not serialize to a JSON object"),
            Self::Reserved(name) => write!(f, "the claims hold the reserved name `{name}`"),
            Self::Duplicate(_) => f.write_str("the claims hold a name twice"),
            Self::Subject(error) => error.fmt(f),
            Self::TooLong { bytes } => {
                write!(f, "the token would take {bytes} bytes of 4096; keep less in the claims")
            }
            Self::KeptTooLong { bytes } => {
                write!(f, "the login's cookie would take {bytes} bytes of 1024; keep less until the callback")
            }
            Self::Panic => f.write_str("the application's code for its claims panicked"),
            Self::VerifyOnly => f.write_str(
                "these sessions only verify the tokens of another service; log in at the one that has the private key",
            ),
            Self::Random => f.write_str("the operating system has no random numbers"),
        }
    }
}

impl Error for IssueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Claims(source) | Self::ReadBack(source) => Some(&**source),
            Self::Subject(source) => Some(source),
            _ => None,
        }
    }
}

/// The field that serde misses. It is a name of the struct, never a user's datum.
fn missing_field(serde_says: &str) -> Option<&str> {
    let (name, _) = serde_says
        .strip_prefix("missing field `")?
        .split_once('`')?;
    Some(name)
}

/// What an application's own error answers: 500.
impl From<IssueError> for StatusCode {
    fn from(_: IssueError) -> Self {
        Self::INTERNAL_SERVER_ERROR
    }
}

impl From<SubjectError> for IssueError {
    fn from(error: SubjectError) -> Self {
        Self::Subject(error)
    }
}

impl From<serde_json::Error> for IssueError {
    fn from(error: serde_json::Error) -> Self {
        Self::Claims(error.into())
    }
}

impl From<Unreadable> for IssueError {
    fn from(unreadable: Unreadable) -> Self {
        Self::ReadBack(match unreadable {
            Unreadable::Json(error) => error.into(),
            Unreadable::Other(cause) => cause.to_string().into(),
        })
    }
}

impl ser::Error for IssueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Claims(message.to_string().into())
    }
}

impl IntoResponse for IssueError {
    fn into_response(self) -> Response {
        SessionRejection::InternalError.into_response()
    }
}
