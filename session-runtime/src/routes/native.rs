//! The form of a client that is no browser: RFC 6749, section 6, and RFC 7009, section 2.1.

use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::cookies::request::RequestCookies;
use crate::native::is_of_no_browser;
use crate::policy::Policy;
use crate::rejection::SessionRejection;

/// The field that the token stands in, at refresh and at logout.
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
pub(crate) const TOKEN: &str = "token";

/// The largest form that is read, in bytes. A token has at most 4096.
const LARGEST: usize = 8 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

/// The form of a request, or `None` where it is one as browsers send it, whose body is not read.
pub(crate) async fn form(
    headers: &HeaderMap,
    body: Body,
    token_field: &str,
    policy: &Policy,
) -> Result<Option<Form>, FormRefusal> {
    if !policy.native || !headers.contains_key(CONTENT_TYPE) || !is_of_no_browser(headers) {
        return Ok(None);
    }
    let carries_cookies = RequestCookies::read(headers, policy).are_any();
    if !is_form(headers) {
        // Jars of programs send cookies beside whatever else they always send.
        return if carries_cookies {
            Ok(None)
        } else {
            Err(FormRefusal::Invalid(
                "the body has to be application/x-www-form-urlencoded",
            ))
        };
    }
    let too_large = |_| FormRefusal::Invalid("the form is larger than 8192 bytes, or was cut");
    let body = to_bytes(body, LARGEST).await.map_err(too_large)?;
    let form = Form(fields(&body));
    if carries_cookies {
        return if form.has(token_field) {
            Err(FormRefusal::Invalid(
                "a cookie of a session and a token in the form at once",
            ))
        } else {
            Ok(None)
        };
    }
    Ok(Some(form))
}

/// Whether the one content type is a form's, with or without parameters (RFC 9110, section 8.3.1).
fn is_form(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return false;
    };
    let essence = line.as_bytes().split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(FORM.as_bytes()))
}

/// Names and values, decoded.
pub(crate) struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// The token of a refresh (RFC 6749, section 6).
    pub(crate) fn refresh_token(&self) -> Result<&[u8], FormRefusal> {
        match self.field("grant_type")? {
            Some(b"refresh_token") => {}
            Some(_) => return Err(FormRefusal::UnsupportedGrantType),
            None => return Err(FormRefusal::Invalid("`grant_type` is missing")),
        }
        let token = self.field(REFRESH_TOKEN)?;
        token.ok_or(FormRefusal::Invalid("`refresh_token` is missing"))
    }

    /// The token of a logout (RFC 7009, section 2.1).
    pub(crate) fn token(&self) -> Result<&[u8], FormRefusal> {
        let token = self.field(TOKEN)?;
        token.ok_or(FormRefusal::Invalid("`token` is missing"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name.as_bytes())
    }

    /// The value of a field. One without a value counts as left out, and none may be there twice (RFC 6749, section 3.2).
    fn field(&self, name: &str) -> Result<Option<&[u8]>, FormRefusal> {
        let mut values = self.0.iter().filter(|(other, _)| other == name.as_bytes());
        let value = values.next().map(|(_, value)| value.as_slice());
        if values.next().is_some() {
            return Err(FormRefusal::Invalid("a field stands twice"));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

/// As the URL standard parses a form, section 5.1, but for UTF-8: all that is read here is ASCII.
fn fields(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    let split = |pair: &[u8]| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        let name = halves.next().unwrap_or_default();
        (name, halves.next().unwrap_or_default())
    };
    pairs.map(split).collect()
}

fn decoded(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let escaped = match text {
            [b'%', high, low, rest @ ..] => hexadecimal(*high, *low).map(|byte| (byte, rest)),
            [b'+', rest @ ..] => Some((b' ', rest)),
            _ => None,
        };
        let (byte, rest) = escaped.unwrap_or((*first, rest));
        bytes.push(byte);
        text = rest;
    }
    bytes
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Why a form is refused: problem details with RFC 6749's member `error`, section 5.2.
pub(crate) enum FormRefusal {
    /// What a browser would be told as well.
    Other(SessionRejection),
    Invalid(&'static str),
    UnsupportedGrantType,
    /// What a page would get as 401.
    Grant(SessionRejection),
}

impl FormRefusal {
    pub(crate) fn of_refresh(rejection: SessionRejection) -> Self {
        if rejection.status() == StatusCode::UNAUTHORIZED {
            Self::Grant(rejection)
        } else {
            Self::Other(rejection)
        }
    }
}

impl From<SessionRejection> for FormRefusal {
    fn from(rejection: SessionRejection) -> Self {
        Self::Other(rejection)
    }
}

impl IntoResponse for FormRefusal {
    fn into_response(self) -> Response {
        let (error, code, detail) = match &self {
            Self::Other(rejection) => return rejection.clone().into_response(),
            Self::Invalid(detail) => ("invalid_request", "invalid_request", *detail),
            Self::UnsupportedGrantType => {
                let detail = "`grant_type` has to be `refresh_token`";
                ("unsupported_grant_type", "unsupported_grant_type", detail)
            }
            Self::Grant(rejection) => ("invalid_grant", rejection.code(), rejection.detail()),
        };
        // Why a token does not count was said already.
        if !matches!(self, Self::Grant(_)) {
            tracing::debug!(target: "stateless_session", code, cause = detail, "refused");
        }
        let status = StatusCode::BAD_REQUEST;
        let body = format!(
            r#"{{"title":"Bad Request","status":400,"code":"{code}","detail":"{detail}","error":"{error}"}}"#
        );
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (status, headers, body).into_response()
    }
}
