//! Why a token does not count: for the log, never for the caller.

use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    TooLong,
    Segments,
    Header,
    Encoding,
    Signature,
    Payload,
    Issuer,
    Audience,
    Marker,
    /// What it was made over has changed since.
    Changed,
    /// A program that does not know of proofs must not take it for one that needs none.
    #[cfg(not(feature = "binding"))]
    Bound,
    Ahead(Duration),
    Expired(Duration),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than 4096 bytes",
            Self::Segments => "it does not have three segments",
            Self::Header => "its header is none that the keys here make for this kind of token",
            Self::Encoding => "it is not canonical base64url",
            Self::Signature => "its signature is wrong",
            Self::Payload => "its claims are incomplete, repeated or of other types",
            Self::Issuer => "its issuer is another",
            Self::Audience => "its audience is another",
            Self::Marker => "its session is not the one of the session marker",
            Self::Changed => "it was used, or what its use would change has changed otherwise",
            #[cfg(not(feature = "binding"))]
            Self::Bound => "a refresh token bound to a key, which needs the feature `binding`",
            Self::Ahead(by) => return write!(f, "it is from {} s in the future", by.as_secs()),
            Self::Expired(ago) => return write!(f, "it expired {} s ago", ago.as_secs()),
        })
    }
}
