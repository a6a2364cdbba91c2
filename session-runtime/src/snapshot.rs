//! What one login or one refresh goes by, from its beginning to its end.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "binding")]
use crate::binding::key::{Confirmation, ProofKey};
#[cfg(feature = "binding")]
use crate::binding::stamp::Stamps;
use crate::claims::{FromWire, SessionClaims};
use crate::clock::{Clock, Timestamp};
use crate::cookies::SessionCookies;
use crate::cookies::attributes::Persistence;
use crate::cookies::marker::Sid;
use crate::event::Events;
use crate::issue_error::IssueError;
use crate::keys::Keys;
use crate::keys::key::TokenKind;
#[cfg(feature = "registry")]
use crate::registry::node::Node;
use crate::token;
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::payload_writer::PayloadWriter;
use crate::token::refresh_token::{Lasting, RefreshClaims, RefreshToken};
use crate::token::registered::Registered;
#[cfg(feature = "registry")]
use crate::token::subject;
use crate::token::subject::SubjectError;
use crate::token_response::AccessToken;

/// Keys and time, read once. What a login or a refresh hands out is signed by the keys that it began with, so it is worthless
/// when those are retired meanwhile, whoever keeps it waiting.
pub(crate) struct Snapshot<'a, C> {
    pub(crate) keys: Arc<Keys>,
    pub(crate) parties: &'a Parties,
    pub(crate) clock: &'a Clock,
    pub(crate) events: &'a Events<C>,
    pub(crate) now: Timestamp,
    #[cfg(feature = "registry")]
    pub(crate) registry: Option<&'a Arc<Node>>,
}

/// Which session a token is of, and when that began.
#[derive(Clone, Copy)]
pub(crate) struct OfSession {
    pub(crate) sid: Sid,
    pub(crate) auth_time: Timestamp,
    pub(crate) auth_age: Duration,
}

impl OfSession {
    fn registered<C: SessionClaims>(self, kind: TokenKind, iat: Timestamp) -> Registered {
        let Self {
            sid,
            auth_time,
            auth_age,
        } = self;
        Registered {
            auth_age,
            ..Registered::issued(kind, &C::POLICY, sid, auth_time, iat)
        }
    }
}

impl<C: SessionClaims> Snapshot<'_, C> {
    /// Opens a refresh token of whichever session, whenever it ended.
    pub(crate) fn open_refresh_token(&self, token: &[u8]) -> Result<RefreshToken<C>, TokenError> {
        RefreshToken::open(token, TokenKind::Refresh, &self.keys.refresh, self.parties)
    }

    /// The same of a token that stood in a body.
    pub(crate) fn open_native_token(&self, token: &[u8]) -> Result<RefreshToken<C>, TokenError> {
        RefreshToken::open(token, TokenKind::Native, &self.keys.refresh, self.parties)
    }

    /// When a login is said to have been: now; or a second later, where all sessions of the subject that began until now have
    /// ended, and this one has not.
    #[cfg(feature = "registry")]
    pub(crate) fn login_time(&self, subject: &C::Subject) -> Result<Timestamp, SubjectError> {
        let Some(node) = self.registry else {
            return Ok(self.now);
        };
        let owner = node
            .ended
            .owner(self.parties.audience(), &subject::to_wire(subject)?);
        let ended = node.ended.ended_with_all(owner).map(Timestamp::from_secs);
        let ended = ended.filter(|at| *at >= self.now);
        // No later than the leeway, or it would count nowhere yet.
        let latest = self.now.plus(C::POLICY.leeway);
        let second = Duration::from_secs(1);
        Ok(ended.map_or(self.now, |at| at.plus(second).min(latest)))
    }

    /// An access token with claims that were read after `now`.
    pub(crate) fn access_token(
        &self,
        claims: &C,
        of: OfSession,
    ) -> Result<AccessToken, IssueError> {
        let kind = TokenKind::Access;
        let registered = of.registered::<C>(kind, self.now);
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

    /// Adds the cookie with the refresh token; when that ends.
    pub(crate) fn set_refresh_token(
        &self,
        cookies: &mut SessionCookies,
        claims: &C,
        (of, iat): (OfSession, Timestamp),
        lasting: Lasting,
    ) -> Result<Timestamp, IssueError> {
        let kind = TokenKind::Refresh;
        let (token, end) = self.refresh_token(kind, claims, (of, iat), lasting)?;
        let until = lasting.persistence.end(self.now, end.since(self.now));
        cookies.set_refresh_token(&C::POLICY, of.sid, token, until)?;
        Ok(end)
    }

    /// A refresh token for a program that is no browser, and when it ends.
    pub(crate) fn native_token(
        &self,
        claims: &C,
        of_session: (OfSession, Timestamp),
        lasting: Lasting,
    ) -> Result<(String, Timestamp), IssueError> {
        self.refresh_token(TokenKind::Native, claims, of_session, lasting)
    }

    /// Adds the cookie with the same refresh token, bound to a key.
    #[cfg(feature = "binding")]
    pub(crate) fn bind(
        &self,
        cookies: &mut SessionCookies,
        token: &RefreshToken<C>,
        key: ProofKey,
    ) -> Result<(), IssueError> {
        let (kind, registered) = (TokenKind::Refresh, token.registered);
        let lasting = Lasting {
            key: Some(key),
            ..token.lasting
        };
        let text = self.signed(kind, &registered, &token.subject, token.generation, lasting)?;
        let end = registered.end(kind, &C::POLICY);
        let until = lasting.persistence.end(self.now, end.since(self.now));
        cookies.set_refresh_token(&C::POLICY, registered.sid, text, until)
    }

    /// The stamps of a session.
    #[cfg(feature = "binding")]
    pub(crate) fn stamps(&self, sid: Sid) -> Stamps<'_> {
        Stamps {
            keys: &self.keys.refresh,
            policy: &C::POLICY,
            sid,
            now: self.now,
        }
    }

    fn refresh_token(
        &self,
        kind: TokenKind,
        claims: &C,
        (of, iat): (OfSession, Timestamp),
        lasting: Lasting,
    ) -> Result<(String, Timestamp), IssueError> {
        let registered = of.registered::<C>(kind, iat);
        let (subject, generation) = (claims.subject(), claims.generation());
        let token = self.signed(kind, &registered, subject, generation, lasting)?;
        Ok((token, registered.exp))
    }

    /// The text of a refresh token.
    fn signed(
        &self,
        kind: TokenKind,
        registered: &Registered,
        subject: &C::Subject,
        generation: Option<u64>,
        lasting: Lasting,
    ) -> Result<String, IssueError> {
        let mut payload = PayloadWriter::new(kind, self.parties, registered, subject)?;
        if let Some(generation) = generation {
            payload.member("gen", &generation)?;
        }
        if lasting.persistence == Persistence::UntilTheBrowserEnds {
            payload.member("persistent", &false)?;
        }
        #[cfg(feature = "binding")]
        if let Some(key) = lasting.key {
            payload.member("cnf", &Confirmation(key))?;
        }
        let (token, read_back) = token::sign::<RefreshClaims<C::Subject>>(
            payload.finish(),
            kind,
            &self.keys.refresh,
            self.parties,
        )?;
        check_same(&read_back.subject, subject)?;
        Ok(token)
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
