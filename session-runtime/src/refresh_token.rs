//! What the refresh token says beside its registered claims, and whether one counts.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor,
};

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::key::TokenKind;
use crate::marker::Sid;
use crate::registered::Registered;
use crate::sessions::Sessions;
use crate::text::Text;
use crate::token::{self, Opened};
use crate::token_error::TokenError;

/// A refresh token whose signature, structure, issuer and audience are right.
pub(crate) struct RefreshToken<C: SessionClaims> {
    pub(crate) registered: Registered,
    pub(crate) subject: C::Subject,
    pub(crate) generation: Option<u64>,
    pub(crate) signed_by_signing_key: bool,
}

impl<C: SessionClaims> RefreshToken<C> {
    /// Opens a token of whichever session, whenever it ended.
    pub(crate) fn open(sessions: &Sessions<C>, token: &[u8]) -> Result<Self, TokenError> {
        let keys = sessions.keys();
        let opened: Opened<RefreshClaims<C::Subject>> =
            token::open(token, TokenKind::Refresh, &keys.refresh, sessions.parties())?;
        Ok(Self {
            registered: opened.registered,
            subject: opened.claims.subject,
            generation: opened.claims.generation,
            signed_by_signing_key: opened.signed_by_signing_key,
        })
    }

    /// Opens a token of this session that counts now.
    pub(crate) fn verify(
        sessions: &Sessions<C>,
        token: &[u8],
        sid: Sid,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        let token = Self::open(sessions, token)?;
        if token.registered.sid != sid {
            return Err(TokenError::Marker);
        }
        token
            .registered
            .check_times(TokenKind::Refresh, &C::POLICY, now)?;
        Ok(token)
    }
}

struct RefreshClaims<S> {
    subject: S,
    generation: Option<u64>,
}

impl<'de, S: DeserializeOwned> Deserialize<'de> for RefreshClaims<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RefreshClaimsVisitor(PhantomData))
    }
}

struct RefreshClaimsVisitor<S>(PhantomData<S>);

impl<'de, S: DeserializeOwned> Visitor<'de> for RefreshClaimsVisitor<S> {
    type Value = RefreshClaims<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of a refresh token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let (mut subject, mut generation) = (None, None);
        while let Some(name) = entries.next_key::<Text<'de>>()? {
            match name.as_str() {
                "sub" => subject = Some(entries.next_value()?),
                "gen" if generation.is_some() => return Err(de::Error::duplicate_field("gen")),
                "gen" => generation = Some(entries.next_value()?),
                _ => {
                    let IgnoredAny = entries.next_value()?;
                }
            }
        }
        Ok(RefreshClaims {
            subject: subject.ok_or_else(|| de::Error::missing_field("sub"))?,
            generation,
        })
    }
}
