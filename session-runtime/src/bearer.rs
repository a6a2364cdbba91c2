//! The `Authorization` header (RFC 6750, section 2.1).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use memchr::memchr3;

use crate::rejection::SessionRejection;

const SCHEME: &[u8] = b"Bearer";

/// The access token as sent, whatever it holds; `None` where there are no credentials, or of another scheme.
pub(crate) fn access_token(headers: &HeaderMap) -> Result<Option<&[u8]>, SessionRejection> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(SessionRejection::InvalidRequest);
    }
    let credentials = line.as_bytes();
    let Some((scheme, rest)) = credentials.split_at_checked(SCHEME.len()) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(None);
    }
    let token = match rest {
        [b' ', token @ ..] => skip_spaces(token),
        [] | [b'\t' | b',', ..] => return Err(SessionRejection::InvalidRequest),
        // A longer word is another scheme.
        _ => return Ok(None),
    };
    let is_one_token = !token.is_empty() && memchr3(b' ', b'\t', b',', token).is_none();
    if is_one_token {
        Ok(Some(token))
    } else {
        Err(SessionRejection::InvalidRequest)
    }
}

fn skip_spaces(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}
