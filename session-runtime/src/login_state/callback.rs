//! The way back, which counts in the browser that went.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use axum::http::Method;
use axum::http::request::Parts;
use constant_time_eq::constant_time_eq;
use serde::de::DeserializeOwned;
use tracing::Level;

use crate::claims::SessionClaims;
use crate::cookies::names::short_state_of_name;
use crate::cookies::request::each_prefixed;
use crate::login::Login;
use crate::login_state::{State, short, tokens};
use crate::pages::answers;
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;
use crate::token::error::TokenError;
use crate::token::purpose_token::PurposeToken;

/// The callback of a login that this browser began with [`BeginLogin`](crate::BeginLogin), whose documentation has the whole.
///
/// It reads `state` from the query and finds the one cookie that belongs to it. A login that another browser began, or none, or
/// for another path, or more than ten minutes ago, is refused with 403 `login_unknown`, and nothing of the handler has run.
/// The session that `login` starts uses it up.
///
/// The cookie is `SameSite=Lax`, so it does not come with a POST of another site. A provider that answers by
/// `response_mode=form_post` is refused; ask it for `response_mode=query`.
#[non_exhaustive]
pub struct LoginCallback<C, K> {
    /// The way to the session.
    pub login: Login<C>,
    /// What [`BeginLogin::at`](crate::BeginLogin::at) was given.
    pub kept: K,
    /// The `code_verifier` for the provider's token endpoint (RFC 7636, section 4.5).
    pub pkce_verifier: String,
    /// What the ID token must hold as `nonce`.
    pub nonce: String,
}

impl<C, K> fmt::Debug for LoginCallback<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginCallback").finish_non_exhaustive()
    }
}

impl<C, K, S> FromRequestParts<S> for LoginCallback<C, K>
where
    C: SessionClaims,
    K: DeserializeOwned,
    S: Sync,
    Sessions<C>: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, app: &S) -> Result<Self, SessionRejection> {
        let sessions = Sessions::<C>::from_ref(app);
        let begun = Begun::<K>::of_request(parts, &sessions).map_err(|cause| {
            let (level, rejection) = (Level::WARN, SessionRejection::LoginUnknown);
            let refused = sessions.events().refused(level, None, rejection, &cause);
            answers::login_anew::<C>(parts).unwrap_or(refused)
        })?;
        Ok(Self {
            login: Login::begun_here(sessions, &parts.headers, short(&begun.digest)),
            kept: begun.kept,
            pkce_verifier: begun.pkce_verifier,
            nonce: begun.nonce,
        })
    }
}

/// What the login state says, once it was checked.
struct Begun<K> {
    digest: String,
    kept: K,
    pkce_verifier: String,
    nonce: String,
}

impl<K: DeserializeOwned> Begun<K> {
    fn of_request<C: SessionClaims>(
        parts: &Parts,
        sessions: &Sessions<C>,
    ) -> Result<Self, Unknown> {
        let path = path(parts);
        let state = State::of_query(parts.uri.query().unwrap_or_default());
        let state = state.ok_or(match parts.method {
            Method::POST => Unknown::FormPost,
            _ => Unknown::NoState,
        })?;
        let digest = state.digest();
        let snapshot = sessions.snapshot();
        let tokens = tokens(&snapshot, path);
        // Only our own origin writes a `__Host-` cookie, so there is one of the name.
        let mut opened = None;
        each_prefixed(&parts.headers, |name, value| {
            if short_state_of_name(name, &C::POLICY) == Some(short(&digest)) {
                opened = Some(tokens.open(value, PhantomData::<K>));
            }
        });
        let token: PurposeToken<K> = match opened {
            None => return Err(Unknown::NoCookie),
            Some(opened) => opened.map_err(Unknown::Token)?,
        };
        if !constant_time_eq(token.check.as_bytes(), digest.as_bytes()) {
            return Err(Unknown::Token(TokenError::Changed));
        }
        let key = &token.key;
        let secrets = (state.pkce_verifier(key), state.nonce(key));
        let (Some(pkce_verifier), Some(nonce)) = secrets else {
            return Err(Unknown::Token(TokenError::Header));
        };
        Ok(Self {
            digest,
            kept: token.value,
            pkce_verifier,
            nonce,
        })
    }
}

/// As the outermost router sees it.
fn path(parts: &Parts) -> &str {
    let original = parts.extensions.get::<OriginalUri>();
    original.map_or(&parts.uri, |OriginalUri(uri)| uri).path()
}

/// Why a callback is refused, for the log.
enum Unknown {
    NoState,
    NoCookie,
    FormPost,
    Token(TokenError),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoState => f.write_str("a callback without the one `state` of a login"),
            Self::NoCookie => f.write_str(
                "a callback in a browser that did not begin this login, or whose login is over: somebody may have been led \
                 to it",
            ),
            Self::FormPost => f.write_str(
                "a callback by POST brings no cookie from another site: ask the provider for `response_mode=query` instead \
                 of `form_post`",
            ),
            Self::Token(TokenError::Audience) => {
                f.write_str("the login was begun for the callback at another path, or for other claims")
            }
            Self::Token(cause) => cause.fmt(f),
        }
    }
}
