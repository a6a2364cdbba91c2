//! What a stranger sent, for the log.

use std::fmt;

const LONGEST: usize = 200;

/// The first 200 bytes, escaped, so that nobody fills a log by one request.
pub(crate) struct Excerpt<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_at_checked(LONGEST) {
            Some((start, rest)) if !rest.is_empty() => {
                write!(f, "{} and {} bytes more", start.escape_ascii(), rest.len())
            }
            _ => self.0.escape_ascii().fmt(f),
        }
    }
}

impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
