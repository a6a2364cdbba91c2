//! Why no token was issued.

use std::error::Error;
use std::fmt;

use axum::response::{IntoResponse, Response};
use serde::ser;

use crate::rejection::SessionRejection;
use crate::subject::SubjectError;

/// Why a session was not started: its tokens would not verify, or could not be made.
///
/// The log has it already. As a response it is a 500 that says nothing of the cause.
#[derive(Debug)]
#[non_exhaustive]
pub enum IssueError {
    /// The claims do not serialize; the source says why.
    Claims(Box<dyn Error + Send + Sync>),
    /// The claims do not serialize to a JSON object.
    NotAnObject,
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
    /// A login by GET, HEAD or OPTIONS, which no check for cross-origin requests covers. Let the form or the script
    /// send POST; where a link has to log in, bind it to the browser and call
    /// [`Sessions::login_checked_elsewhere`](crate::Sessions::login_checked_elsewhere).
    Unchecked,
    /// These sessions only verify the tokens of another service; log in there.
    VerifyOnly,
    /// The operating system has no random numbers.
    Random,
}

impl IssueError {
    /// Here and not in the response, because applications give it a response of their own.
    pub(crate) fn log(&self) {
        tracing::error!(cause = %self, "no session was started");
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claims(_) => f.write_str("the claims do not serialize"),
            Self::NotAnObject => f.write_str("the claims do not serialize to a JSON object"),
            Self::Reserved(name) => write!(f, "the claims hold the reserved name `{name}`"),
            Self::Duplicate(_) => f.write_str("the claims hold a name twice"),
            Self::Subject(error) => error.fmt(f),
            Self::TooLong { bytes } => {
                write!(f, "the token would take {bytes} bytes of 4096; keep less in the claims")
            }
            Self::Unchecked => f.write_str(
                "a login by GET, HEAD or OPTIONS is not checked for its origin; use POST, or bind the link to the browser \
                 and call `Sessions::login_checked_elsewhere`",
            ),
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
            Self::Claims(source) => Some(&**source),
            Self::Subject(source) => Some(source),
            _ => None,
        }
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
