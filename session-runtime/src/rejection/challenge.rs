//! `WWW-Authenticate`: what a refused caller is asked for (RFC 6750, section 3; RFC 9470, section 3).

use axum::http::HeaderValue;

use crate::rejection::SessionRejection;

impl SessionRejection {
    /// `None` where a token would not help. RFC 6750, section 3, wants a parameter behind the scheme in any case.
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        let error = |value| Some(HeaderValue::from_static(value));
        match self {
            Self::MissingToken { realm }
            | Self::SessionEnded { realm }
            | Self::SessionUnknown { realm } => of_realm(realm),
            Self::Redirect(redirect) => of_realm(redirect.realm()?),
            Self::InvalidRequest => error(r#"Bearer error="invalid_request""#),
            Self::InvalidToken | Self::StaleToken => error(r#"Bearer error="invalid_token""#),
            Self::LoginRequired { max_age } => {
                let error = "insufficient_user_authentication";
                let max_age = max_age.as_secs();
                let challenge = format!(r#"Bearer error="{error}", max_age="{max_age}""#);
                HeaderValue::try_from(challenge).ok()
            }
            Self::Forbidden => error(r#"Bearer error="insufficient_scope""#),
            _ => None,
        }
    }
}

/// A quoted string (RFC 9110, section 5.6.4). What no header may hold becomes a question mark.
fn of_realm(realm: &str) -> Option<HeaderValue> {
    const BEFORE: &str = "Bearer realm=\"";
    // As long as it mostly gets, so that it neither grows nor is copied into a shorter one.
    let mut challenge = String::with_capacity(BEFORE.len() + realm.len() + 1);
    challenge.push_str(BEFORE);
    let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if realm.bytes().all(is_plain) {
        challenge.push_str(realm);
    } else {
        for character in realm.chars() {
            match character {
                '"' | '\\' => challenge.extend(['\\', character]),
                _ if character.is_control() => challenge.push('?'),
                _ => challenge.push(character),
            }
        }
    }
    challenge.push('"');
    HeaderValue::try_from(challenge.into_bytes()).ok()
}
