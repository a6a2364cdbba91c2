//! What the refresh token says beside its registered claims, and whether one counts.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::{KeyRing, TokenKind};
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::registered::Registered;
use crate::token::text::Text;
use crate::token::{self, Opened};

/// A refresh token whose signature, structure, issuer and audience are right.
pub(crate) struct RefreshToken<C: SessionClaims> {
    pub(crate) registered: Registered,
    pub(crate) subject: C::Subject,
    pub(crate) generation: Option<u64>,
    pub(crate) signed_by_signing_key: bool,
}

impl<C: SessionClaims> RefreshToken<C> {
    /// Opens a token of whichever session, whenever it ended.
    pub(crate) fn open(
        token: &[u8],
        keys: &KeyRing,
        parties: &Parties,
    ) -> Result<Self, TokenError> {
        let opened: Opened<RefreshClaims<C::Subject>> =
            token::open(token, TokenKind::Refresh, keys, parties)?;
        Ok(Self {
            registered: opened.registered,
            subject: opened.claims.subject,
            generation: opened.claims.generation,
            signed_by_signing_key: opened.signed_by_signing_key,
        })
    }

    /// Whether the token is of this session and counts now.
    pub(crate) fn check(&self, sid: Sid, now: Timestamp) -> Result<(), TokenError> {
        if self.registered.sid != sid {
            return Err(TokenError::Marker);
        }
        self.registered
            .check_times(TokenKind::Refresh, &C::POLICY, now)
    }
}

/// What a refresh token says beside its registered claims.
pub(crate) struct RefreshClaims<S> {
    pub(crate) subject: S,
    pub(crate) generation: Option<u64>,
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
                // What this build does not know might be what limits the token, so it is not left out in silence.
                _ => return Err(de::Error::custom("a member that is not known here")),
            }
        }
        Ok(RefreshClaims {
            subject: subject.ok_or_else(|| de::Error::missing_field("sub"))?,
            generation,
        })
    }
}
