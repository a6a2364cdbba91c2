//! The refresh: cookies in, new claims, a new access token. Any number of times, with the same result.

use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::cookies::{RequestCookies, SessionCookies};
use crate::issue_error::IssueError;
use crate::keys::key::TokenKind;
use crate::rejection::SessionRejection;
use crate::renew::{Renew, Renewal};
use crate::sessions::Sessions;
use crate::snapshot::Snapshot;
use crate::token::error::TokenError;
use crate::token::refresh_token::RefreshToken;
use crate::token::registered::Registered;
use crate::token_response::TokenResponse;

/// A token from further ahead is no clock error any more.
const LARGEST_CLOCK_ERROR: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) async fn refresh<C, S>(
    sessions: &Sessions<C>,
    state: &S,
    headers: &HeaderMap,
) -> Result<TokenResponse, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    // Read before the user's row is, so that claims are never newer than their `iat` says.
    let snapshot = sessions.snapshot();
    if snapshot.keys.refresh.signing().is_none() {
        tracing::error!(
            "these sessions only verify tokens: the session routes belong to the service that has the private key",
        );
        return Err(SessionRejection::InternalError);
    }
    let refreshed = caught(refresh_with(&snapshot, state, headers)).await;
    refreshed.unwrap_or_else(|| {
        tracing::error!(
            "`Renew` or the claims' own code panicked at a refresh; nothing was issued"
        );
        Err(SessionRejection::InternalError)
    })
}

async fn refresh_with<C, S>(
    snapshot: &Snapshot<'_, C>,
    state: &S,
    headers: &HeaderMap,
) -> Result<TokenResponse, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    let now = snapshot.now;
    let cookies = RequestCookies::read(headers, &C::POLICY);
    let token = find_token(snapshot, &cookies)?;
    let sid = token.registered.sid;
    check_absolute_end(&token, now)?;
    let renewal = Renewal {
        subject: token.subject.clone(),
        sid,
        auth_time: token.registered.auth_time,
    };
    let claims = renew(state, &renewal).await?;
    check_claims(&claims, &token)?;
    answer(snapshot, &cookies, &token, &claims).map_err(|cause| {
        tracing::error!(sid = sid.short(), %cause, "the renewed claims make no token");
        SessionRejection::InternalError
    })
}

/// What a future gives, or `None` where the application's code panics in it.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}

/// Behind the absolute end there is no leeway, because no access token could be issued that still counts.
fn check_absolute_end<C: SessionClaims>(
    token: &RefreshToken<C>,
    now: Timestamp,
) -> Result<(), SessionRejection> {
    let Registered { sid, auth_time, .. } = token.registered;
    let next = Registered::issued(TokenKind::Access, &C::POLICY, sid, auth_time, now);
    if next.exp > now {
        return Ok(());
    }
    tracing::info!(
        sid = sid.short(),
        "the session is over: it reached its absolute end"
    );
    Err(ended::<C>())
}

/// The one refresh token that belongs to the session marker and counts now.
fn find_token<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    cookies: &RequestCookies<'_>,
) -> Result<RefreshToken<C>, SessionRejection> {
    let policy = &C::POLICY;
    let marker = match cookies.markers() {
        [marker] => marker,
        [] => {
            if cookies.has_refresh_token() {
                tracing::warn!(
                    "a refresh without the session marker `__Host-{}`: browsers keep it over https and on localhost \
                     only, and no other program on this host may use the name",
                    policy.cookie,
                );
            }
            // Nothing was read, so nothing is final: a proxy or a browser that just started may have kept the cookies back.
            tracing::debug!("a refresh without a session");
            return Err(unknown::<C>());
        }
        _ => {
            tracing::warn!("a refresh with two session markers, of which somebody else set one");
            return Err(unknown::<C>());
        }
    };
    let sid = Sid::of_marker(marker);
    let tokens = cookies.tokens_of(sid);
    let candidates = tokens.map(|token| {
        let token = snapshot.open_refresh_token(token)?;
        token.check(sid, snapshot.now)?;
        Ok(token)
    });
    match candidates.max_by_key(precedence) {
        Some(Ok(token)) => Ok(token),
        Some(Err(TokenError::Ahead(by))) if by <= LARGEST_CLOCK_ERROR => {
            tracing::error!(
                sid = sid.short(),
                "the clocks of two servers are {} s apart",
                by.as_secs(),
            );
            Err(SessionRejection::TemporarilyUnavailable)
        }
        Some(Err(cause @ TokenError::Expired(_))) => {
            tracing::info!(sid = sid.short(), %cause, "the session is over");
            Err(ended::<C>())
        }
        Some(Err(cause)) => {
            tracing::warn!(
                sid = sid.short(),
                %cause,
                "refused a refresh token; another program on this host with the same cookie name needs one of its own",
            );
            Err(unknown::<C>())
        }
        None if cookies.has_refresh_token() => {
            tracing::warn!(
                sid = sid.short(),
                "the refresh tokens belong to other sessions"
            );
            Err(unknown::<C>())
        }
        None => {
            tracing::info!(
                sid = sid.short(),
                "a session marker without its refresh cookie: it expired, or its Path `{}` is not where the browser \
                 sees these routes",
                policy.path,
            );
            Err(ended::<C>())
        }
    }
}

fn ended<C: SessionClaims>() -> SessionRejection {
    SessionRejection::SessionEnded {
        realm: C::POLICY.issuer,
    }
}

fn unknown<C: SessionClaims>() -> SessionRejection {
    SessionRejection::SessionUnknown {
        realm: C::POLICY.issuer,
    }
}

/// Of several cookies of one name, the one that verifies counts, and the latest of those; never the first or the last.
fn precedence<C: SessionClaims>(candidate: &Result<RefreshToken<C>, TokenError>) -> (u8, u64) {
    match candidate {
        Ok(token) => (3, token.registered.iat.as_secs()),
        Err(TokenError::Ahead(by)) => (2, u64::MAX - by.as_secs()),
        Err(TokenError::Expired(_)) => (1, 0),
        Err(_) => (0, 0),
    }
}

/// Asks the application. An outage is never a logout.
async fn renew<C, S>(state: &S, renewal: &Renewal<C>) -> Result<C, SessionRejection>
where
    C: SessionClaims,
    S: Renew<C>,
{
    let sid = renewal.sid.short();
    match state.renew(renewal).await {
        Ok(Some(claims)) => Ok(claims),
        Ok(None) => {
            tracing::info!(sid, "the session is over: the user is gone or disabled");
            Err(ended::<C>())
        }
        Err(outage) => {
            let outage = outage.into();
            let outage: &(dyn Error + 'static) = &*outage;
            tracing::error!(
                sid,
                outage,
                "the user could not be looked up; the session lives on",
            );
            Err(SessionRejection::TemporarilyUnavailable)
        }
    }
}

fn check_claims<C: SessionClaims>(
    claims: &C,
    token: &RefreshToken<C>,
) -> Result<(), SessionRejection> {
    let sid = token.registered.sid;
    if *claims.subject() != token.subject {
        tracing::error!(
            sid = sid.short(),
            "`Renew::renew` gave another subject's claims; nothing was issued",
        );
        return Err(SessionRejection::InternalError);
    }
    // A token from before the struct had the field stands at the counter's beginning.
    let moved = claims
        .generation()
        .is_some_and(|generation| generation != token.generation.unwrap_or(0));
    if moved {
        tracing::info!(
            sid = sid.short(),
            "the session is over: the user's generation moved"
        );
        return Err(ended::<C>());
    }
    Ok(())
}

fn answer<C: SessionClaims>(
    snapshot: &Snapshot<'_, C>,
    cookies: &RequestCookies<'_>,
    token: &RefreshToken<C>,
    claims: &C,
) -> Result<TokenResponse, IssueError> {
    let Registered { sid, auth_time, .. } = token.registered;
    let access_token = snapshot.access_token(claims, sid, auth_time)?;
    let mut set_cookies = SessionCookies::none();
    for (short_sid, other) in cookies.tokens_of_others(sid) {
        // Never a newer one, by whichever server's clock: a login in another tab may be under way.
        let is_older =
            |other: RefreshToken<C>| other.registered.auth_time.plus(C::POLICY.leeway) < auth_time;
        if snapshot.open_refresh_token(other).is_ok_and(is_older) {
            set_cookies.delete_refresh_token(&C::POLICY, short_sid);
        }
    }
    let reissued = reason_to_reissue(token, snapshot.now);
    if reissued.is_some() {
        snapshot.set_refresh_token(&mut set_cookies, claims, sid, auth_time)?;
    }
    tracing::debug!(
        sid = sid.short(),
        reissued = reissued.unwrap_or("no"),
        "refresh"
    );
    Ok(TokenResponse {
        access_token,
        cookies: set_cookies,
    })
}

/// Why the refresh cookie is written anew: a seventh of its life is gone, and the new one would live longer; or another
/// key signed it, so that the key can be retired.
fn reason_to_reissue<C: SessionClaims>(
    token: &RefreshToken<C>,
    now: Timestamp,
) -> Option<&'static str> {
    let (kind, policy) = (TokenKind::Refresh, &C::POLICY);
    let Registered {
        sid,
        auth_time,
        iat,
        ..
    } = token.registered;
    if !token.signed_by_signing_key {
        return Some("other key");
    }
    let end = token.registered.end(kind, policy);
    let later_end = Registered::issued(kind, policy, sid, auth_time, now).exp;
    let a_seventh_is_gone = now.since(iat) >= end.since(iat) / 7;
    (a_seventh_is_gone && later_end > end).then_some("due")
}
