//! Reads a payload: registered claims here, every other entry on to the user's struct, in one typed pass.
//!
//! What runs for every entry is marked `#[inline]`, here and in what it calls, because a user's crate is compiled in
//! several units and a call costs as much as most entries do.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::TokenKind;
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::registered::Registered;
use crate::token::subject::SubjectSeed;
use crate::token::text::TextSeed;
use crate::token::written_here::WrittenHere;

/// Reads the registered claims and a `T`, and refuses what is missing, repeated, of another type or of other parties.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    json: &'de mut [u8],
    kind: TokenKind,
    parties: &Parties,
) -> Result<(Registered, T), Unreadable> {
    let skipped = skip_parties(json, parties.beginning(kind));
    let json = json.get_mut(skipped..).unwrap_or_default();
    let parties_match = (skipped > 0).then_some(true);
    let (found, at, rest) = match parties_match.and_then(|_| WrittenHere::find(json)) {
        None => {
            let found = Found {
                issuer_matches: parties_match,
                audience_matches: parties_match,
                ..Found::default()
            };
            (found, At::Other, &*json)
        }
        Some(written) => {
            let found = Found::of_written(&written);
            let (subject, rest) = written
                .split(json)
                .ok_or(Unreadable::Other(TokenError::Payload))?;
            (found, At::Beginning(subject), rest)
        }
    };
    read_members(found, at, rest, kind, parties)
}

/// Reads the members that are left, `sub` before them where it is known.
fn read_members<'de, T: Deserialize<'de>>(
    mut found: Found,
    at: At<'de>,
    json: &'de [u8],
    kind: TokenKind,
    parties: &Parties,
) -> Result<(Registered, T), Unreadable> {
    let json = str::from_utf8(json).map_err(|_| Unreadable::Other(TokenError::Payload))?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let claims = deserializer
        .deserialize_map(PayloadVisitor {
            found: &mut found,
            at,
            kind,
            parties,
            claims: PhantomData,
        })
        .map_err(Unreadable::Json)?;
    deserializer.end().map_err(Unreadable::Json)?;
    let registered = found.into_registered().map_err(Unreadable::Other)?;
    Ok((registered, claims))
}

/// Why a payload does not read.
pub(crate) enum Unreadable {
    /// Its text or its types are wrong, in serde's words. They may hold a user's data.
    Json(serde_json::Error),
    Other(TokenError),
}

impl Unreadable {
    /// The same without the words.
    pub(crate) fn cause(self) -> TokenError {
        match self {
            Self::Json(_) => TokenError::Payload,
            Self::Other(cause) => cause,
        }
    }
}

/// Skips the first two members where they are those that are written here, because equal bytes need no reading. The
/// comma behind them becomes the brace before the rest: an object exactly if the whole is one, or else an empty one,
/// which is refused.
fn skip_parties(json: &mut [u8], beginning: &str) -> usize {
    match json.split_at_mut_checked(beginning.len()) {
        Some((start, [comma @ b',', ..])) if start == beginning.as_bytes() => {
            *comma = b'{';
            beginning.len()
        }
        _ => 0,
    }
}

/// The names that are read here; `sub` is the user's.
#[derive(Clone, Copy)]
enum Name {
    Iss,
    Aud,
    Exp,
    Nbf,
    Iat,
    Jti,
    Sid,
    AuthTime,
    AuthAge,
}

/// A name of the payload: one that is read here, and the seed back, or what the user's seed makes of it.
enum Key<K, V> {
    Registered(Name, K),
    Subject(V),
    Other(V),
}

/// Tells the names apart, before the user's seed sees one.
struct KeySeed<K>(K);

impl<'de, K: DeserializeSeed<'de>> KeySeed<K> {
    #[inline]
    fn tell<D>(self, name: &str, deserializer: D) -> Result<Key<K, K::Value>, D::Error>
    where
        D: Deserializer<'de>,
    {
        // As bytes, which are told apart by length first.
        let registered = match name.as_bytes() {
            b"iss" => Name::Iss,
            b"aud" => Name::Aud,
            b"exp" => Name::Exp,
            b"nbf" => Name::Nbf,
            b"iat" => Name::Iat,
            b"jti" => Name::Jti,
            b"sid" => Name::Sid,
            b"auth_time" => Name::AuthTime,
            b"auth_age" => Name::AuthAge,
            b"sub" => return self.0.deserialize(deserializer).map(Key::Subject),
            _ => return self.0.deserialize(deserializer).map(Key::Other),
        };
        Ok(Key::Registered(registered, self.0))
    }
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeySeed<K> {
    type Value = Key<K, K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim")
    }

    #[inline]
    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        self.tell(name, BorrowedStrDeserializer::new(name))
    }

    #[inline]
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        self.tell(name, StrDeserializer::new(name))
    }
}

/// The registered claims as they come in.
#[derive(Default)]
struct Found {
    issuer_matches: Option<bool>,
    audience_matches: Option<bool>,
    sub: Option<()>,
    sid: Option<Sid>,
    auth_time: Option<Timestamp>,
    auth_age: Option<u64>,
    iat: Option<Timestamp>,
    exp: Option<Timestamp>,
    nbf: Option<Timestamp>,
    jti: Option<()>,
}

impl Found {
    #[inline]
    fn of_written(written: &WrittenHere) -> Self {
        Self {
            issuer_matches: Some(true),
            audience_matches: Some(true),
            sub: Some(()),
            sid: Some(written.sid),
            auth_time: Some(written.auth_time),
            auth_age: written.auth_age,
            iat: Some(written.iat),
            exp: Some(written.exp),
            nbf: None,
            jti: None,
        }
    }

    #[inline]
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
            auth_age: Duration::from_secs(self.auth_age.unwrap_or_default()),
            iat,
            exp,
            nbf: self.nbf,
        })
    }
}

/// Where the user's struct stands.
#[derive(Clone, Copy)]
enum At<'de> {
    /// Before a `sub` that is known already.
    Beginning(&'de str),
    /// At its value.
    KnownSubject(&'de str),
    /// At the value of a `sub` that is to be read.
    Subject,
    Other,
}

struct PayloadVisitor<'a, 'de, T> {
    found: &'a mut Found,
    at: At<'de>,
    kind: TokenKind,
    parties: &'a Parties,
    claims: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PayloadVisitor<'_, 'de, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of a token")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(OtherClaims {
            entries,
            found: self.found,
            at: self.at,
            kind: self.kind,
            parties: self.parties,
        }))
    }
}

/// What the user's struct sees: the payload without registered claims, but with `sub`.
struct OtherClaims<'a, 'de, A> {
    entries: A,
    found: &'a mut Found,
    at: At<'de>,
    kind: TokenKind,
    parties: &'a Parties,
}

impl<'de, A: MapAccess<'de>> OtherClaims<'_, 'de, A> {
    #[inline]
    fn once<T: Deserialize<'de>>(
        entries: &mut A,
        slot: &mut Option<T>,
        name: &'static str,
    ) -> Result<(), A::Error> {
        let value = entries.next_value()?;
        Self::set(slot, value, name)
    }

    #[inline]
    fn set<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), A::Error> {
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(de::Error::duplicate_field(name)),
        }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherClaims<'_, 'de, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Self {
            entries,
            found,
            at,
            kind,
            parties,
        } = self;
        if let At::Beginning(subject) = *at {
            *at = At::KnownSubject(subject);
            return seed
                .deserialize(BorrowedStrDeserializer::new("sub"))
                .map(Some);
        }
        let mut seed = seed;
        while let Some(key) = entries.next_key_seed(KeySeed(seed))? {
            let (name, unused) = match key {
                Key::Registered(name, unused) => (name, unused),
                Key::Subject(name) => {
                    *at = At::Subject;
                    Self::set(&mut found.sub, (), "sub")?;
                    return Ok(Some(name));
                }
                Key::Other(name) => {
                    *at = At::Other;
                    return Ok(Some(name));
                }
            };
            seed = unused;
            match name {
                Name::Iss => {
                    let is_ours = |issuer: &str| Ok(parties.is_issuer(issuer));
                    let matches = entries.next_value_seed(TextSeed(is_ours))?;
                    Self::set(&mut found.issuer_matches, matches, "iss")?;
                }
                Name::Aud => {
                    let is_ours = |audience: &str| Ok(parties.is_audience(audience, *kind));
                    let matches = entries.next_value_seed(TextSeed(is_ours))?;
                    Self::set(&mut found.audience_matches, matches, "aud")?;
                }
                Name::Jti => {
                    entries.next_value_seed(TextSeed(|_: &str| Ok(())))?;
                    Self::set(&mut found.jti, (), "jti")?;
                }
                Name::Sid => Self::once(entries, &mut found.sid, "sid")?,
                Name::AuthTime => Self::once(entries, &mut found.auth_time, "auth_time")?,
                Name::AuthAge => Self::once(entries, &mut found.auth_age, "auth_age")?,
                Name::Iat => Self::once(entries, &mut found.iat, "iat")?,
                Name::Exp => Self::once(entries, &mut found.exp, "exp")?,
                Name::Nbf => Self::once(entries, &mut found.nbf, "nbf")?,
            }
        }
        Ok(None)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.at {
            At::KnownSubject(subject) => SubjectSeed(seed).read(Cow::Borrowed(subject)),
            At::Subject => self.entries.next_value_seed(SubjectSeed(seed)),
            At::Beginning(_) | At::Other => self.entries.next_value_seed(seed),
        }
    }
}
