//! What one login or one refresh goes by, from its beginning to its end.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::claims::{FromWire, SessionClaims};
use crate::clock::{Clock, Timestamp};
use crate::cookies::SessionCookies;
use crate::cookies::marker::Sid;
use crate::issue_error::IssueError;
use crate::keys::Keys;
use crate::keys::key::TokenKind;
use crate::token;
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::payload_writer::PayloadWriter;
use crate::token::refresh_token::{RefreshClaims, RefreshToken};
use crate::token::registered::Registered;
use crate::token::subject::SubjectError;
use crate::token_response::AccessToken;

/// Keys and time, read once. What a login or a refresh hands out is signed by the keys that it began with, so it is worthless
/// when those are retired meanwhile, whoever keeps it waiting.
pub(crate) struct Snapshot<'a, C> {
    pub(crate) keys: Arc<Keys>,
    pub(crate) parties: &'a Parties,
    pub(crate) clock: &'a Clock,
    pub(crate) now: Timestamp,
    pub(crate) claims: PhantomData<fn() -> C>,
}

impl<C: SessionClaims> Snapshot<'_, C> {
    /// Opens a refresh token of whichever session, whenever it ended.
    pub(crate) fn open_refresh_token(&self, token: &[u8]) -> Result<RefreshToken<C>, TokenError> {
        RefreshToken::open(token, &self.keys.refresh, self.parties)
    }

    /// An access token with claims that were read after `now`.
    pub(crate) fn access_token(
        &self,
        claims: &C,
        sid: Sid,
        auth_time: Timestamp,
    ) -> Result<AccessToken, IssueError> {
        let kind = TokenKind::Access;
        let registered = self.registered(kind, sid, auth_time);
        let mut payload = PayloadWriter::new(kind, self.parties, &registered, claims.subject())?;
        payload.claims(claims)?;
        let (token, FromWire(read_back)) =
            token::sign::<FromWire<C>>(payload.finish(), kind, &self.keys.access, self.parties)?;
        check_same(read_back.subject(), claims.subject())?;
        Ok(AccessToken {
            token,
            // Of now and not of the beginning, because a look-up takes its time.
            expires_in: registered.exp.since(self.clock.now()),
        })
    }

    /// Adds the cookie with the refresh token.
    pub(crate) fn set_refresh_token(
        &self,
        cookies: &mut SessionCookies,
        claims: &C,
        sid: Sid,
        auth_time: Timestamp,
    ) -> Result<(), IssueError> {
        let kind = TokenKind::Refresh;
        let registered = self.registered(kind, sid, auth_time);
        let mut payload = PayloadWriter::new(kind, self.parties, &registered, claims.subject())?;
        if let Some(generation) = claims.generation() {
            payload.member("gen", &generation)?;
        }
        let (token, read_back) = token::sign::<RefreshClaims<C::Subject>>(
            payload.finish(),
            kind,
            &self.keys.refresh,
            self.parties,
        )?;
        check_same(&read_back.subject, claims.subject())?;
        cookies.set_refresh_token(&C::POLICY, sid, token, self.now, registered.exp)
    }

    fn registered(&self, kind: TokenKind, sid: Sid, auth_time: Timestamp) -> Registered {
        Registered::issued(kind, &C::POLICY, sid, auth_time, self.now)
    }
}

/// A refresh must know whom `sub` means.
fn check_same<S: PartialEq>(read_back: &S, subject: &S) -> Result<(), SubjectError> {
    if read_back == subject {
        Ok(())
    } else {
        Err(SubjectError::Ambiguous)
    }
}
