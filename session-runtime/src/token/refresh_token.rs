//! What the refresh token says beside its registered claims, and whether one counts.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

#[cfg(feature = "binding")]
use crate::binding::key::{Confirmation, ProofKey};
use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::attributes::Persistence;
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
    pub(crate) lasting: Lasting,
    pub(crate) signed_by_signing_key: bool,
}

impl<C: SessionClaims> RefreshToken<C> {
    /// Opens a token of whichever session, whenever it ended: one of a cookie, or of a program that is no browser.
    pub(crate) fn open(
        token: &[u8],
        kind: TokenKind,
        keys: &KeyRing,
        parties: &Parties,
    ) -> Result<Self, TokenError> {
        let opened: Opened<RefreshClaims<C::Subject>> = token::open(token, kind, keys, parties)?;
        #[cfg(not(feature = "binding"))]
        if opened.claims.is_bound {
            return Err(TokenError::Bound);
        }
        Ok(Self {
            registered: opened.registered,
            subject: opened.claims.subject,
            generation: opened.claims.generation,
            lasting: opened.claims.lasting,
            signed_by_signing_key: opened.signed_by_signing_key,
        })
    }

    /// Whether it counts only with a proof.
    #[cfg(feature = "binding")]
    pub(crate) fn is_bound(&self) -> bool {
        self.lasting.key.is_some()
    }

    /// Whether the token counts now.
    pub(crate) fn check_times(&self, now: Timestamp) -> Result<(), TokenError> {
        self.registered
            .check_times(TokenKind::Refresh, &C::POLICY, now)
    }

    /// Whether it ends because its session does, refreshed or not.
    pub(crate) fn ends_with_its_session(&self) -> bool {
        self.registered
            .ends_with_its_session(TokenKind::Refresh, &C::POLICY)
    }
}

/// What every token that is issued anew has of the one before.
#[derive(Clone, Copy)]
pub(crate) struct Lasting {
    pub(crate) persistence: Persistence,
    /// The token counts only with a proof by this key.
    #[cfg(feature = "binding")]
    pub(crate) key: Option<ProofKey>,
}

impl Lasting {
    pub(crate) fn unbound(persistence: Persistence) -> Self {
        Self {
            persistence,
            #[cfg(feature = "binding")]
            key: None,
        }
    }
}

/// What a refresh token says beside its registered claims.
pub(crate) struct RefreshClaims<S> {
    pub(crate) subject: S,
    pub(crate) generation: Option<u64>,
    pub(crate) lasting: Lasting,
    #[cfg(not(feature = "binding"))]
    is_bound: bool,
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
        let (mut subject, mut generation, mut persistence) = (None, None, None);
        #[cfg(feature = "binding")]
        let mut key = None;
        #[cfg(not(feature = "binding"))]
        let mut is_bound = false;
        while let Some(name) = entries.next_key::<Text<'de>>()? {
            match name.as_str() {
                "sub" => subject = Some(entries.next_value()?),
                "gen" if generation.is_some() => return Err(de::Error::duplicate_field("gen")),
                "gen" => generation = Some(entries.next_value()?),
                "persistent" if persistence.is_some() => {
                    return Err(de::Error::duplicate_field("persistent"));
                }
                "persistent" => persistence = Some(persistence_of(entries.next_value()?)),
                #[cfg(feature = "binding")]
                "cnf" if key.is_some() => return Err(de::Error::duplicate_field("cnf")),
                #[cfg(feature = "binding")]
                "cnf" => {
                    let Confirmation(confirmed) = entries.next_value()?;
                    key = Some(confirmed);
                }
                #[cfg(not(feature = "binding"))]
                "cnf" => {
                    entries.next_value::<de::IgnoredAny>()?;
                    is_bound = true;
                }
                // What this build does not know might be what limits the token, so it is not left out in silence.
                _ => return Err(de::Error::custom("a member that is not known here")),
            }
        }
        Ok(RefreshClaims {
            subject: subject.ok_or_else(|| de::Error::missing_field("sub"))?,
            generation,
            lasting: Lasting {
                persistence: persistence.unwrap_or(Persistence::Persistent),
                #[cfg(feature = "binding")]
                key,
            },
            #[cfg(not(feature = "binding"))]
            is_bound,
        })
    }
}

fn persistence_of(is_persistent: bool) -> Persistence {
    if is_persistent {
        Persistence::Persistent
    } else {
        Persistence::UntilTheBrowserEnds
    }
}
