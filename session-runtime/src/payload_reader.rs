//! Reads a payload: registered claims here, every other entry on to the user's struct, in one typed pass.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use crate::clock::Timestamp;
use crate::key::TokenKind;
use crate::marker::Sid;
use crate::parties::Parties;
use crate::registered::Registered;
use crate::subject::SubjectSeed;
use crate::text::Text;
use crate::token_error::TokenError;

/// Reads the registered claims and a `T`, and refuses what is missing, repeated, of another type or of other parties.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    json: &'de str,
    kind: TokenKind,
    parties: &Parties,
) -> Result<(Registered, T), TokenError> {
    let mut found = Found::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let claims = deserializer
        .deserialize_map(PayloadVisitor {
            found: &mut found,
            kind,
            parties,
            claims: PhantomData,
        })
        .map_err(|_| TokenError::Payload)?;
    deserializer.end().map_err(|_| TokenError::Payload)?;
    Ok((found.into_registered()?, claims))
}

/// The registered claims as they come in.
#[derive(Default)]
struct Found {
    issuer_matches: Option<bool>,
    audience_matches: Option<bool>,
    sub: Option<()>,
    sid: Option<Sid>,
    auth_time: Option<Timestamp>,
    iat: Option<Timestamp>,
    exp: Option<Timestamp>,
    nbf: Option<Timestamp>,
    jti: Option<()>,
}

impl Found {
    fn into_registered(self) -> Result<Registered, TokenError> {
        match (self.issuer_matches, self.audience_matches, self.sub) {
            (Some(true), Some(true), Some(())) => {}
            (Some(false), _, _) => return Err(TokenError::Issuer),
            (_, Some(false), _) => return Err(TokenError::Audience),
            _ => return Err(TokenError::Payload),
        }
        let (Some(sid), Some(auth_time), Some(iat), Some(exp)) =
            (self.sid, self.auth_time, self.iat, self.exp)
        else {
            return Err(TokenError::Payload);
        };
        Ok(Registered {
            sid,
            auth_time,
            iat,
            exp,
            nbf: self.nbf,
        })
    }
}

struct PayloadVisitor<'a, T> {
    found: &'a mut Found,
    kind: TokenKind,
    parties: &'a Parties,
    claims: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PayloadVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of a token")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(OtherClaims {
            entries,
            found: self.found,
            kind: self.kind,
            parties: self.parties,
            at_subject: false,
        }))
    }
}

/// What the user's struct sees: the payload without registered claims, but with `sub`.
struct OtherClaims<'a, A> {
    entries: A,
    found: &'a mut Found,
    kind: TokenKind,
    parties: &'a Parties,
    at_subject: bool,
}

impl<'de, A: MapAccess<'de>> OtherClaims<'_, A> {
    fn once<T: Deserialize<'de>>(
        entries: &mut A,
        slot: &mut Option<T>,
        name: &'static str,
    ) -> Result<(), A::Error> {
        let value = entries.next_value()?;
        Self::set(slot, value, name)
    }

    fn set<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), A::Error> {
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(de::Error::duplicate_field(name)),
        }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherClaims<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Self {
            entries,
            found,
            kind,
            parties,
            at_subject,
        } = self;
        while let Some(name) = entries.next_key::<Text<'de>>()? {
            match name.as_str() {
                "iss" => {
                    let issuer: Text<'de> = entries.next_value()?;
                    let matches = parties.is_issuer(issuer.as_str());
                    Self::set(&mut found.issuer_matches, matches, "iss")?;
                }
                "aud" => {
                    let audience: Text<'de> = entries.next_value()?;
                    let matches = parties.is_audience(audience.as_str(), *kind);
                    Self::set(&mut found.audience_matches, matches, "aud")?;
                }
                "jti" => {
                    let Text(_) = entries.next_value()?;
                    Self::set(&mut found.jti, (), "jti")?;
                }
                "sid" => Self::once(entries, &mut found.sid, "sid")?,
                "auth_time" => Self::once(entries, &mut found.auth_time, "auth_time")?,
                "iat" => Self::once(entries, &mut found.iat, "iat")?,
                "exp" => Self::once(entries, &mut found.exp, "exp")?,
                "nbf" => Self::once(entries, &mut found.nbf, "nbf")?,
                other => {
                    *at_subject = other == "sub";
                    if *at_subject {
                        Self::set(&mut found.sub, (), "sub")?;
                    }
                    return match name.0 {
                        Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
                        Cow::Owned(name) => seed.deserialize(name.into_deserializer()),
                    }
                    .map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        if self.at_subject {
            self.entries.next_value_seed(SubjectSeed(seed))
        } else {
            self.entries.next_value_seed(seed)
        }
    }
}
