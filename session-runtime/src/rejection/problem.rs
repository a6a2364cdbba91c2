//! Problem details (RFC 9457): what all refusals of one kind have in common.

use axum::http::StatusCode;

use crate::pages::redirect::Way;
use crate::rejection::SessionRejection;

pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: &'static str,
    /// Its problem details (RFC 9457), written out when this is compiled.
    pub(crate) body: &'static str,
}

macro_rules! problem {
    ($status:ident $number:literal $title:literal, $code:literal, $detail:literal) => {
        const {
            &Problem {
                status: StatusCode::$status,
                code: $code,
                detail: $detail,
                body: concat!(
                    r#"{"title":""#,
                    $title,
                    r#"","status":"#,
                    $number,
                    r#","code":""#,
                    $code,
                    r#"","detail":""#,
                    $detail,
                    r#""}"#
                ),
            }
        }
    };
}

impl SessionRejection {
    pub(crate) fn problem(&self) -> &'static Problem {
        match self {
            Self::MissingToken { .. } => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "missing_token",
                "send the access token as `Authorization: Bearer`"
            ),
            Self::InvalidRequest => problem!(
                BAD_REQUEST 400 "Bad Request",
                "invalid_request",
                "send one `Authorization` header with one Bearer token"
            ),
            Self::InvalidToken => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "invalid_token",
                "the access token does not count; refresh and repeat"
            ),
            Self::StaleToken => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "stale_token",
                "this needs newer claims; refresh and repeat"
            ),
            Self::LoginRequired { .. } => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "login_required",
                "this needs a more recent login"
            ),
            Self::Forbidden => problem!(
                FORBIDDEN 403 "Forbidden",
                "forbidden",
                "this session may not do that"
            ),
            Self::SessionEnded { .. } => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "session_ended",
                "the session is over; log in"
            ),
            Self::SessionUnknown { .. } => problem!(
                UNAUTHORIZED 401 "Unauthorized",
                "session_unknown",
                "this session is not known here; log in"
            ),
            Self::CrossOrigin => problem!(
                FORBIDDEN 403 "Forbidden",
                "cross_origin",
                "the request came from a page of another origin"
            ),
            Self::LoginUnknown => problem!(
                FORBIDDEN 403 "Forbidden",
                "login_unknown",
                "this browser did not begin this login, or too long ago; log in anew"
            ),
            Self::InvalidLink => problem!(
                BAD_REQUEST 400 "Bad Request",
                "invalid_link",
                "this link does not count any more; ask for a new one"
            ),
            Self::MethodNotAllowed => problem!(
                METHOD_NOT_ALLOWED 405 "Method Not Allowed",
                "method_not_allowed",
                "this takes POST"
            ),
            Self::TemporarilyUnavailable => problem!(
                SERVICE_UNAVAILABLE 503 "Service Unavailable",
                "temporarily_unavailable",
                "the session lives on; repeat in a few seconds"
            ),
            Self::InternalError => problem!(
                INTERNAL_SERVER_ERROR 500 "Internal Server Error",
                "internal_error",
                "the server made a mistake; its log says which"
            ),
            Self::Redirect(redirect) => match redirect.way() {
                Way::Refresh => problem!(
                    TEMPORARY_REDIRECT 307 "Temporary Redirect",
                    "invalid_token",
                    "go where a header of this answer leads"
                ),
                Way::RefreshDocument => problem!(
                    OK 200 "OK",
                    "invalid_token",
                    "go where a header of this answer leads"
                ),
                Way::Login => problem!(
                    SEE_OTHER 303 "See Other",
                    "login_required",
                    "go where a header of this answer leads"
                ),
                Way::LoginHtmx => problem!(
                    UNAUTHORIZED 401 "Unauthorized",
                    "login_required",
                    "go where a header of this answer leads"
                ),
                #[cfg(feature = "binding")]
                Way::Proof => problem!(
                    TEMPORARY_REDIRECT 307 "Temporary Redirect",
                    "session_unknown",
                    "go where a header of this answer leads"
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pages::redirect::Redirect;

    #[test]
    fn every_body_says_what_its_refusal_says() {
        let redirect = |way| SessionRejection::Redirect(Redirect::new(way, "/".to_owned(), "r"));
        let all = [
            SessionRejection::MissingToken { realm: "r" },
            SessionRejection::InvalidRequest,
            SessionRejection::InvalidToken,
            SessionRejection::StaleToken,
            SessionRejection::LoginRequired {
                max_age: Duration::ZERO,
            },
            SessionRejection::Forbidden,
            SessionRejection::SessionEnded { realm: "r" },
            SessionRejection::SessionUnknown { realm: "r" },
            SessionRejection::CrossOrigin,
            SessionRejection::LoginUnknown,
            SessionRejection::InvalidLink,
            SessionRejection::MethodNotAllowed,
            SessionRejection::TemporarilyUnavailable,
            SessionRejection::InternalError,
            redirect(Way::Refresh),
            redirect(Way::RefreshDocument),
            redirect(Way::Login),
            redirect(Way::LoginHtmx),
            #[cfg(feature = "binding")]
            redirect(Way::Proof),
        ];
        for rejection in all {
            let Problem {
                status,
                code,
                detail,
                body,
            } = rejection.problem();
            let (title, number) = (status.canonical_reason().unwrap(), status.as_u16());
            assert_eq!(
                *body,
                format!(
                    r#"{{"title":"{title}","status":{number},"code":"{code}","detail":"{detail}"}}"#
                )
            );
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(body).unwrap()["status"],
                number
            );
        }
    }
}
