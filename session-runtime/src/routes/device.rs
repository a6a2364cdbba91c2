//! Where a browser registers its key, and proves it when the bound cookie has ended.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Level;

use crate::binding::proof::{Proof, unquoted};
use crate::binding::stamp::{Purpose, Stamps};
use crate::caught::caught;
use crate::claims::SessionClaims;
use crate::cookies::SessionCookies;
use crate::cookies::attributes::bound_path;
use crate::cookies::names::bound_name;
use crate::cookies::request::RequestCookies;
use crate::issue_error::IssueError;
use crate::rejection::SessionRejection;
#[cfg(feature = "registry")]
use crate::routes::refresh::registered::check_ended;
use crate::routes::refresh::{check_absolute_end, find_token, mistake};
use crate::sessions::Sessions;
use crate::snapshot::Snapshot;
use crate::token::refresh_token::RefreshToken;

const SECURE_SESSION_RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
const SEC_SECURE_SESSION_ID: HeaderName = HeaderName::from_static("sec-secure-session-id");
const SECURE_SESSION_CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");

/// A registration that registers nothing. The browser reads none of it.
const INVALID: &str = r#"{"title":"Bad Request","status":400,"code":"invalid_request","detail":"this registers no key; the server's log says why"}"#;

/// Answers that are final make the browser forget its key, and 4xx are: what could be mended is 503.
pub(crate) async fn device<C: SessionClaims>(
    sessions: &Sessions<C>,
    headers: &HeaderMap,
) -> Result<Response, SessionRejection> {
    caught(async { answer(sessions, headers) })
        .await
        .unwrap_or_else(|| {
            let cause = "the application's code for its subject panicked; nothing was bound";
            Err(mistake(sessions.events(), None, &cause))
        })
}

fn answer<C: SessionClaims>(
    sessions: &Sessions<C>,
    headers: &HeaderMap,
) -> Result<Response, SessionRejection> {
    let snapshot = sessions.snapshot();
    let cookies = RequestCookies::read(headers, &C::POLICY);
    let token = find_token(
        &snapshot,
        &cookies,
        &SessionRejection::TemporarilyUnavailable,
    )?;
    check_absolute_end(&snapshot, &token)?;
    #[cfg(feature = "registry")]
    check_ended(&snapshot, &token)?;
    let of_device = Device {
        sessions,
        snapshot: &snapshot,
        token,
    };
    let proof = one(headers, &SECURE_SESSION_RESPONSE);
    match (one(headers, &SEC_SECURE_SESSION_ID), proof) {
        (Ok(None), Ok(proof)) => of_device.register(proof),
        (Ok(Some(session)), Ok(proof)) => of_device.prove(unquoted(session), proof),
        _ => Ok(of_device.invalid("two headers of a kind")),
    }
}

/// The one header of a name; `Err` where there are several.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes);
    values.next().map_or(Ok(value), |_| Err(()))
}

/// A request whose refresh token counts, but for its proof.
struct Device<'a, C: SessionClaims> {
    sessions: &'a Sessions<C>,
    snapshot: &'a Snapshot<'a, C>,
    token: RefreshToken<C>,
}

impl<C: SessionClaims> Device<'_, C> {
    /// The registration of a key: the refresh token once more, bound to it.
    fn register(&self, proof: Option<&[u8]>) -> Result<Response, SessionRejection> {
        if self.token.is_bound() {
            return Ok(self.invalid("the session is bound to a key already"));
        }
        let Some(proof) = proof else {
            return Ok(self.invalid("a registration without a proof"));
        };
        let proof = match Proof::read(proof) {
            Ok(proof) => proof,
            Err(cause) => return Ok(self.invalid(&format!("a proof that does not read: {cause}"))),
        };
        let Some(key) = proof.key else {
            return Ok(self.invalid("a registration without a key"));
        };
        if !self.is_current(&proof) {
            return Ok(self.invalid("a registration over a challenge that counts no more"));
        }
        if !proof.is_by(&key) {
            return Ok(self.invalid("a registration of a key that did not sign it"));
        }
        let mut cookies = SessionCookies::none();
        self.snapshot
            .bind(&mut cookies, &self.token, key)
            .map_err(|cause| self.mistake(&cause))?;
        self.set_bound(&mut cookies)?;
        let sid = self.token.registered.sid;
        tracing::info!(target: "stateless_session", sid = sid.short(), "the session is bound to the browser's key");
        Ok((cookies, JSON, self.instructions()).into_response())
    }

    /// What the browser is to do: ask here before each refresh that the bound cookie would not go with.
    fn instructions(&self) -> String {
        let (policy, sid) = (&C::POLICY, self.token.registered.sid);
        let path = bound_path(policy).concat();
        let mut instructions = json!({
            "session_identifier": sid.as_str(),
            "refresh_url": format!("{}/device", policy.path),
            "scope": { "include_site": false },
            "credentials": [{
                "type": "cookie",
                "name": bound_name(policy, sid.into()).to_string(),
                "attributes": format!("Path={path}; Secure; HttpOnly; SameSite=Strict"),
            }],
        });
        let initiators = self.sessions.allowed_hosts();
        if let (false, Some(instructions)) = (initiators.is_empty(), instructions.as_object_mut()) {
            let initiators = initiators.iter().map(String::as_str).collect();
            instructions.insert("allowed_refresh_initiators".to_owned(), initiators);
        }
        instructions.to_string()
    }

    /// A proof by the key that the session is bound to.
    fn prove(&self, session: &[u8], proof: Option<&[u8]>) -> Result<Response, SessionRejection> {
        let (events, sid) = (self.snapshot.events, self.token.registered.sid);
        let realm = C::POLICY.issuer;
        if session != sid.as_str().as_bytes() {
            let rejection = SessionRejection::SessionEnded { realm };
            let cause = "a proof for the session of an earlier login";
            return Err(events.refused(Level::DEBUG, Some(&sid), rejection, &cause));
        }
        let unknown = |cause: &str| {
            let rejection = SessionRejection::SessionUnknown { realm };
            Err(events.refused(Level::WARN, Some(&sid), rejection, &cause))
        };
        let Some(key) = self.token.lasting.key else {
            return unknown("a proof for a refresh token that is bound to no key");
        };
        let Some(proof) = proof else {
            return self.challenge();
        };
        let proof = Proof::read(proof);
        let proof = proof
            .ok()
            .filter(|proof| proof.key.is_none() && proof.is_by(&key));
        let Some(proof) = proof else {
            return unknown("a proof that is not by the refresh token's key");
        };
        if !self.is_current(&proof) {
            return self.challenge();
        }
        let mut cookies = SessionCookies::none();
        self.set_bound(&mut cookies)?;
        tracing::debug!(target: "stateless_session", sid = sid.short(), "the browser proved its key");
        Ok(cookies.into_response())
    }

    /// 403, upon which the browser signs and repeats.
    fn challenge(&self) -> Result<Response, SessionRejection> {
        let sid = self.token.registered.sid;
        let challenge = self.stamp(Purpose::Challenge)?;
        let value = format!(r#""{challenge}";id="{}""#, sid.as_str());
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| self.mistake(&"a challenge that no header may hold"))?;
        value.set_sensitive(true);
        let challenge = [(SECURE_SESSION_CHALLENGE, value)];
        let nothing = SessionCookies::none();
        Ok((StatusCode::FORBIDDEN, nothing, challenge).into_response())
    }

    fn set_bound(&self, cookies: &mut SessionCookies) -> Result<(), SessionRejection> {
        let stamp = self.stamp(Purpose::Bound)?;
        let sid = self.token.registered.sid;
        cookies.set_bound(&C::POLICY, sid, stamp, self.snapshot.now);
        Ok(())
    }

    fn stamp(&self, purpose: Purpose) -> Result<String, SessionRejection> {
        let stamp = self.stamps().issue(purpose);
        stamp.ok_or_else(|| self.mistake(&IssueError::VerifyOnly))
    }

    fn is_current(&self, proof: &Proof<'_>) -> bool {
        let challenge = proof.challenge.as_bytes();
        self.stamps().count(Purpose::Challenge, challenge)
    }

    fn stamps(&self) -> Stamps<'_> {
        self.snapshot.stamps(self.token.registered.sid)
    }

    fn mistake(&self, cause: &dyn std::fmt::Display) -> SessionRejection {
        let sid = self.token.registered.sid;
        mistake(self.snapshot.events, Some(&sid), cause)
    }

    fn invalid(&self, cause: &str) -> Response {
        let (events, sid) = (self.snapshot.events, self.token.registered.sid);
        let rejection = SessionRejection::InvalidRequest;
        events.refused(Level::WARN, Some(&sid), rejection, &cause);
        let problem = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (StatusCode::BAD_REQUEST, problem, INVALID).into_response()
    }
}

const JSON: [(HeaderName, HeaderValue); 1] =
    [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
