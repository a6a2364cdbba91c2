//! Why a registry gave no answer.

use std::error::Error;
use std::fmt;

use axum::http::StatusCode;

use crate::event::Chain;
use crate::token::subject::SubjectError;

/// The session registry cannot be used now, or, at the start of a program, not at all; [`source`](Error::source) says why.
pub struct RegistryError(Cause);

enum Cause {
    Engine(Box<dyn Error + Send + Sync>),
    /// What somebody has to set right.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    Setup(String),
    NoAnswer,
    Panic,
    Subject(SubjectError),
}

impl RegistryError {
    pub(crate) fn engine(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Cause::Engine(source.into()))
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn setup(what: impl Into<String>) -> Self {
        Self(Cause::Setup(what.into()))
    }

    pub(crate) const NO_ANSWER: Self = Self(Cause::NoAnswer);

    pub(crate) const PANIC: Self = Self(Cause::Panic);
}

impl From<SubjectError> for RegistryError {
    fn from(cause: SubjectError) -> Self {
        Self(Cause::Subject(cause))
    }
}

/// 503, for handlers that list or end sessions: the same call may work in a moment. 500 for a subject that no token can have.
impl From<RegistryError> for StatusCode {
    fn from(error: RegistryError) -> Self {
        match error.0 {
            Cause::Subject(_) => Self::INTERNAL_SERVER_ERROR,
            _ => Self::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Engine(_) => f.write_str("the session registry failed"),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            Cause::Setup(what) => write!(f, "the session registry cannot be used: {what}"),
            Cause::NoAnswer => f.write_str("the session registry gave no answer in time"),
            Cause::Panic => f.write_str("the session registry panicked"),
            Cause::Subject(cause) => write!(f, "no session has this subject: {cause}"),
        }
    }
}

/// As it stands in the output of a `main` that returns it.
impl fmt::Debug for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Chain(self))
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Cause::Engine(source) => Some(&**source),
            Cause::Subject(source) => Some(source),
            _ => None,
        }
    }
}
