//! The refresh: cookies in, new claims, a new access token. Any number of times, with the same result.

#[cfg(feature = "binding")]
mod bound;
mod due;
#[cfg(feature = "registry")]
pub(super) mod registered;

use std::fmt;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use tracing::Level;

use crate::caught::caught;
use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::SessionCookies;
use crate::cookies::marker::Sid;
use crate::cookies::request::RequestCookies;
use crate::event::{Chain, EndCause, Events};
use crate::issue_error::IssueError;
use crate::keys::key::TokenKind;
use crate::rejection::SessionRejection;
use crate::renew::{Renew, Renewal};
#[cfg(not(feature = "registry"))]
use crate::routes::refresh::due::Cookie;
use crate::routes::refresh::due::{Due, due};
#[cfg(feature = "registry")]
use crate::routes::refresh::registered::note;
use crate::sessions::Sessions;
use crate::snapshot::{OfSession, Snapshot};
use crate::token::error::TokenError;
use crate::token::refresh_token::RefreshToken;
use crate::token::registered::Registered;
use crate::token_response::{NativeToken, TokenResponse};

/// A token from further ahead is no clock error any more.
const LARGEST_CLOCK_ERROR: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a refresh token came.
enum Presented<'a> {
    /// In one of these, beside the session marker.
    Cookies(RequestCookies<'a>),
    /// In the form of a program that is no browser, and its successor goes there.
    Body(&'a [u8]),
}

pub(crate) async fn refresh<C, S>(
    sessions: &Sessions<C>,
    state: &S,
    headers: &HeaderMap,
    body_token: Option<&[u8]>,
) -> Result<TokenResponse, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    // Read before the user's row is, so that claims are never newer than their `iat` says.
    let snapshot = sessions.snapshot();
    if snapshot.keys.refresh.signing().is_none() {
        let cause = "these sessions only verify tokens: the session routes belong to the service that has the private key";
        return Err(mistake(sessions.events(), None, &cause));
    }
    let refreshed = caught(refresh_with(&snapshot, state, headers, body_token)).await;
    refreshed.unwrap_or_else(|| {
        let cause = "`Renew` or the claims' own code panicked at a refresh; nothing was issued";
        Err(mistake(sessions.events(), None, &cause))
    })
}

async fn refresh_with<C, S>(
    snapshot: &Snapshot<'_, C>,
    state: &S,
    headers: &HeaderMap,
    body_token: Option<&[u8]>,
) -> Result<TokenResponse, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    let events = snapshot.events;
    let presented = match body_token {
        Some(token) => Presented::Body(token),
        None => Presented::Cookies(RequestCookies::read(headers, &C::POLICY)),
    };
    let token = match &presented {
        Presented::Cookies(cookies) => find_token(snapshot, cookies, &unknown::<C>())?,
        Presented::Body(token) => native_token(snapshot, token)?,
    };
    let sid = token.registered.sid;
    check_absolute_end(snapshot, &token)?;
    // Before the registry hears of it, whose rotation a copy must not move on.
    #[cfg(feature = "binding")]
    bound::check(snapshot, headers, &token)?;
    #[cfg(feature = "registry")]
    let cookie = note(snapshot, headers, &token).await?;
    #[cfg(not(feature = "registry"))]
    let cookie = Cookie::WhenDue;
    let renewal = Renewal { token };
    let asked_at = events.are_heard().then(Instant::now);
    let claims = renew(events, state, &renewal).await?;
    let renew_took = asked_at.map_or(Duration::ZERO, |asked_at| asked_at.elapsed());
    let token = &renewal.token;
    check_claims(events, &claims, token)?;
    let due = due(&cookie, token, snapshot.now);
    let answer = answer(snapshot, &presented, token, &claims, due.as_ref());
    let answer = answer.map_err(|cause| mistake(events, Some(&sid), &cause))?;
    let reissued = due.map(|due| due.reason);
    events.refreshed(&sid, &token.subject, reissued, renew_took);
    Ok(answer)
}

/// A mistake of the application.
pub(super) fn mistake<C: SessionClaims>(
    events: &Events<C>,
    sid: Option<&Sid>,
    cause: &dyn fmt::Display,
) -> SessionRejection {
    events.refused(Level::ERROR, sid, SessionRejection::InternalError, cause)
}

/// Behind the absolute end there is no leeway, because no access token could be issued that still counts.
pub(super) fn check_absolute_end<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    token: &RefreshToken<C>,
) -> Result<(), SessionRejection> {
    let now = snapshot.now;
    let Registered { sid, auth_time, .. } = token.registered;
    let next = Registered::issued(TokenKind::Access, &C::POLICY, sid, auth_time, now);
    if next.exp > now {
        return Ok(());
    }
    let (events, subject) = (snapshot.events, Some(&token.subject));
    Err(events.ended(&sid, subject, EndCause::Absolute))
}

fn unknown<C: SessionClaims>() -> SessionRejection {
    let realm = C::POLICY.issuer;
    SessionRejection::SessionUnknown { realm }
}

/// The one refresh token that belongs to the session marker and counts now. `unknown` is the answer where there is none and
/// nothing is final.
pub(super) fn find_token<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    cookies: &RequestCookies<'_>,
    unknown: &SessionRejection,
) -> Result<RefreshToken<C>, SessionRejection> {
    let events = snapshot.events;
    let unknown =
        |level, sid, cause: &dyn fmt::Display| events.refused(level, sid, unknown.clone(), cause);
    let marker = match cookies.markers() {
        [marker] => marker,
        // Nothing was read, so nothing is final: a proxy or a browser that just started may have kept the cookies back.
        [] if cookies.has_refresh_token() => {
            let cause = format_args!(
                "a refresh without the session marker `__Host-{}`: browsers keep it over https and on localhost only, \
                 and no other program on this host may use the name",
                C::POLICY.cookie,
            );
            return Err(unknown(Level::WARN, None, &cause));
        }
        [] => return Err(unknown(Level::DEBUG, None, &"a refresh without a session")),
        _ => {
            let cause = "two session markers, of which somebody else set one";
            return Err(unknown(Level::WARN, None, &cause));
        }
    };
    let sid = Sid::of_marker(marker);
    let tokens = cookies.tokens_of(sid);
    let candidates = tokens.map(|token| {
        let token = snapshot.open_refresh_token(token)?;
        if token.registered.sid != sid {
            return Err(TokenError::Marker.into());
        }
        fit(token, snapshot.now)
    });
    match candidates.max_by_key(precedence) {
        Some(Ok(token)) => Ok(token),
        Some(Err(Unfit::Token(TokenError::Ahead(by)))) if by <= LARGEST_CLOCK_ERROR => {
            Err(clocks(events, &sid, by))
        }
        Some(Err(Unfit::Over(why))) => Err(events.ended(&sid, None, why)),
        Some(Err(Unfit::Token(cause))) => {
            let cause_and_fix = format_args!(
                "{cause}; another program on this host with the same cookie name needs one of its own",
            );
            Err(unknown(level(cause), Some(&sid), &cause_and_fix))
        }
        None if cookies.has_refresh_token() => {
            let cause = "the refresh tokens belong to other sessions";
            Err(unknown(Level::WARN, Some(&sid), &cause))
        }
        None => Err(events.ended(&sid, None, EndCause::CookieGone)),
    }
}

/// The refresh token of a program that is no browser, where it counts now.
fn native_token<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    token: &[u8],
) -> Result<RefreshToken<C>, SessionRejection> {
    let events = snapshot.events;
    let unknown =
        |sid, cause: TokenError| events.refused(level(cause), sid, unknown::<C>(), &cause);
    let token = snapshot.open_native_token(token);
    let token = token.map_err(|cause| unknown(None, cause))?;
    let sid = token.registered.sid;
    match fit(token, snapshot.now) {
        Ok(token) => Ok(token),
        Err(Unfit::Token(TokenError::Ahead(by))) if by <= LARGEST_CLOCK_ERROR => {
            Err(clocks(events, &sid, by))
        }
        Err(Unfit::Over(why)) => Err(events.ended(&sid, None, why)),
        Err(Unfit::Token(cause)) => Err(unknown(Some(&sid), cause)),
    }
}

/// Why a refresh token does not count.
enum Unfit {
    /// It did, and its session is over.
    Over(EndCause),
    Token(TokenError),
}

impl From<TokenError> for Unfit {
    fn from(cause: TokenError) -> Self {
        Self::Token(cause)
    }
}

/// The token, where it counts now.
fn fit<C: SessionClaims>(token: RefreshToken<C>, now: Timestamp) -> Result<RefreshToken<C>, Unfit> {
    match token.check_times(now) {
        Ok(()) => Ok(token),
        Err(TokenError::Expired(_)) if token.ends_with_its_session() => {
            Err(Unfit::Over(EndCause::Absolute))
        }
        Err(TokenError::Expired(_)) => Err(Unfit::Over(EndCause::Idle)),
        Err(cause) => Err(Unfit::Token(cause)),
    }
}

/// Of a refresh token that is not known here.
fn level(cause: TokenError) -> Level {
    match cause {
        // A deployment went back to a build that cannot serve its sessions.
        #[cfg(not(feature = "binding"))]
        TokenError::Bound => Level::ERROR,
        _ => Level::WARN,
    }
}

fn clocks<C: SessionClaims>(events: &Events<C>, sid: &Sid, apart: Duration) -> SessionRejection {
    let seconds = apart.as_secs();
    let cause = format_args!("the clocks of two servers are {seconds} s apart");
    events.unavailable(Some(sid), None, &cause)
}

fn precedence<C: SessionClaims>(candidate: &Result<RefreshToken<C>, Unfit>) -> (u8, u64) {
    match candidate {
        // A copy from before the session was bound does not undo it.
        #[cfg(feature = "binding")]
        Ok(token) if token.is_bound() => (4, token.registered.iat.as_secs()),
        Ok(token) => (3, token.registered.iat.as_secs()),
        Err(Unfit::Token(TokenError::Ahead(by))) => (2, u64::MAX - by.as_secs()),
        Err(Unfit::Over(_)) => (1, 0),
        Err(Unfit::Token(_)) => (0, 0),
    }
}

/// Asks the application. An outage is never a logout.
async fn renew<C, S>(
    events: &Events<C>,
    state: &S,
    renewal: &Renewal<C>,
) -> Result<C, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    let token = &renewal.token;
    let (sid, subject) = (&token.registered.sid, Some(&token.subject));
    match state.renew(renewal).await {
        Ok(Some(claims)) => Ok(claims),
        Ok(None) => Err(events.ended(sid, subject, EndCause::UserGone)),
        Err(outage) => {
            let outage = outage.into();
            let cause = format_args!("the user could not be looked up: {}", Chain(&*outage));
            Err(events.unavailable(Some(sid), subject, &cause))
        }
    }
}

fn check_claims<C: SessionClaims>(
    events: &Events<C>,
    claims: &C,
    token: &RefreshToken<C>,
) -> Result<(), SessionRejection> {
    let sid = token.registered.sid;
    if *claims.subject() != token.subject {
        let cause = "`Renew::renew` gave another subject's claims; nothing was issued";
        return Err(mistake(events, Some(&sid), &cause));
    }
    // A token from before the struct had the field stands at the counter's beginning.
    let moved = claims
        .generation()
        .is_some_and(|generation| generation != token.generation.unwrap_or(0));
    if moved {
        return Err(events.ended(&sid, Some(&token.subject), EndCause::Generation));
    }
    Ok(())
}

fn answer<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    presented: &Presented<'_>,
    token: &RefreshToken<C>,
    claims: &C,
    due: Option<&Due>,
) -> Result<TokenResponse, IssueError> {
    let Registered {
        sid,
        auth_time,
        auth_age,
        ..
    } = token.registered;
    let of = OfSession {
        sid,
        auth_time,
        auth_age,
    };
    let access_token = snapshot.access_token(claims, of)?;
    let mut end = token.registered.end(TokenKind::Refresh, &C::POLICY);
    let mut set_cookies = SessionCookies::none();
    let mut refresh_token = None;
    let of_session = due.map(|due| (of, due.iat));
    match presented {
        Presented::Cookies(cookies) => {
            delete_older(snapshot, cookies, &token.registered, &mut set_cookies);
            if let Some(of_session) = of_session {
                let cookies = &mut set_cookies;
                end = snapshot.set_refresh_token(cookies, claims, of_session, token.lasting)?;
            }
            if const { C::POLICY.pages.is_some() } {
                let (text, policy) = (access_token.as_str(), &C::POLICY);
                let persistence = token.lasting.persistence;
                set_cookies.set_access_token(policy, sid, text, snapshot.now, persistence)?;
                set_cookies.delete_access_tokens(cookies, Some(sid), policy);
            }
        }
        Presented::Body(_) => {
            if let Some(of_session) = of_session {
                let (token, native_end) =
                    snapshot.native_token(claims, of_session, token.lasting)?;
                end = native_end;
                let expires_in = end.since(snapshot.clock.now());
                refresh_token = Some(NativeToken { token, expires_in });
            }
        }
    }
    Ok(TokenResponse {
        access_token,
        cookies: set_cookies,
        sid,
        session_expires_in: end.since(snapshot.clock.now()),
        refresh_token,
        form: None,
    })
}

/// Deletes refresh cookies of earlier sessions.
fn delete_older<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    cookies: &RequestCookies<'_>,
    registered: &Registered,
    set_cookies: &mut SessionCookies,
) {
    let Registered { sid, auth_time, .. } = *registered;
    for (short_sid, other) in cookies.tokens_of_others(sid) {
        // Never a newer one, by whichever server's clock: a login in another tab may be under way.
        let is_older =
            |other: RefreshToken<C>| other.registered.auth_time.plus(C::POLICY.leeway) < auth_time;
        let other = snapshot.open_refresh_token(other);
        #[cfg(feature = "binding")]
        let is_bound = other.as_ref().is_ok_and(RefreshToken::is_bound);
        if other.is_ok_and(is_older) {
            set_cookies.delete_refresh_token(&C::POLICY, short_sid);
            #[cfg(feature = "binding")]
            if is_bound {
                set_cookies.delete_bound(&C::POLICY, short_sid);
            }
        }
    }
}
