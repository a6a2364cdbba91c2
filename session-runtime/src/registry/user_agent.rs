//! What a browser calls itself, as far as a registry keeps it.

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

/// Redis keeps a hash compact up to here.
const LONGEST: usize = 64;

/// The beginning of `User-Agent`, where it is UTF-8.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    let name = str::from_utf8(headers.get(USER_AGENT)?.as_bytes()).ok()?;
    let end = (0..=LONGEST).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end?.min(name.len()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn kept(name: &[u8]) -> Option<String> {
        let name = HeaderValue::from_bytes(name).unwrap();
        let headers = HeaderMap::from_iter([(USER_AGENT, name)]);
        user_agent(&headers).map(str::to_owned)
    }

    #[test]
    fn at_most_64_bytes_and_no_half_letter() {
        assert_eq!(user_agent(&HeaderMap::new()), None);
        assert_eq!(kept(b"").unwrap(), "");
        assert_eq!(kept(b"curl/8").unwrap(), "curl/8");
        assert_eq!(kept(&[b'a'; 64]).unwrap().len(), 64);
        assert_eq!(kept(&[b'a'; 65]).unwrap().len(), 64);
        let umlauts = "a".to_owned() + &"ä".repeat(40);
        assert_eq!(kept(umlauts.as_bytes()).unwrap().len(), 63);
        assert_eq!(kept(b"\xff\xfe"), None);
    }
}
