//! Tokens that are for one purpose and belong to no session: what they say, and whether they count.

use std::fmt;
use std::mem::MaybeUninit;
use std::time::Duration;

use serde::Serialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::issue_error::IssueError;
use crate::keys::key::{KeyRing, TokenKey};
use crate::policy::Policy;
use crate::snapshot::Snapshot;
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::payload_reader::Unreadable;
use crate::token::text::Text;
use crate::token::{LONGEST_PAYLOAD, begin, finish, open_payload};

/// How one kind of them differs from every other.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Two letters and `+jwt`, as all have (`TokenKind::typ`). The key is derived by it.
    pub(crate) typ: &'static str,
    /// The member that holds the application's value.
    pub(crate) value: &'static str,
    /// The member that holds 128 bits, with which something else is compared.
    pub(crate) check: &'static str,
}

/// By what tokens of one purpose are signed and opened.
pub(crate) struct PurposeTokens<'a> {
    kind: Kind,
    keys: KeyRing,
    parties: &'a Parties,
    audience: String,
    lifetime: Duration,
    leeway: Duration,
    now: Timestamp,
}

/// A token that counts now, and the key that signed it.
pub(crate) struct PurposeToken<T> {
    pub(crate) value: T,
    pub(crate) check: String,
    pub(crate) key: TokenKey,
}

impl<'a> PurposeTokens<'a> {
    /// `purpose` stands in the `aud`, behind the audience of the sessions.
    pub(crate) fn new<C>(
        kind: Kind,
        purpose: &str,
        lifetime: Duration,
        snapshot: &Snapshot<'a, C>,
        policy: &Policy,
    ) -> Self {
        Self {
            kind,
            keys: snapshot.keys.refresh.derived(kind.typ),
            parties: snapshot.parties,
            audience: snapshot.parties.audience_for(purpose),
            lifetime,
            leeway: policy.leeway,
            now: snapshot.now,
        }
    }

    pub(crate) fn signing_key(&self) -> Result<&TokenKey, IssueError> {
        self.keys.signing().ok_or(IssueError::VerifyOnly)
    }

    /// Signs a token, once it has been read back; what the value then is.
    pub(crate) fn sign<'de, V, S>(
        &self,
        value: &V,
        check: &str,
        seed: S,
    ) -> Result<(String, S::Value), IssueError>
    where
        V: Serialize + ?Sized,
        S: DeserializeSeed<'de>,
    {
        let key = self.signing_key()?;
        let (iat, exp) = (self.now.as_secs(), self.now.plus(self.lifetime).as_secs());
        let (iss, aud) = (self.parties.issuer(), &*self.audience);
        let (iss, aud, check) = (Value::from(iss), Value::from(aud), Value::from(check));
        let mut payload = format!(
            r#"{{"iss":{iss},"aud":{aud},"iat":{iat},"exp":{exp},"{}":"#,
            self.kind.value
        )
        .into_bytes();
        serde_json::to_writer(&mut payload, value)?;
        payload.extend(format!(r#","{}":{check}}}"#, self.kind.check).bytes());
        let read_back = self.read(&payload, seed)?;
        Ok((finish(key, begin(key, &payload))?, read_back.value))
    }

    /// Opens a token that counts now.
    pub(crate) fn open<'de, S: DeserializeSeed<'de>>(
        &self,
        token: &[u8],
        seed: S,
    ) -> Result<PurposeToken<S::Value>, TokenError> {
        let mut payload = [const { MaybeUninit::uninit() }; LONGEST_PAYLOAD];
        let (key, payload, _) = open_payload(token, &self.keys, &mut payload)?;
        let read = self.read(payload, seed).map_err(Unreadable::cause)?;
        let ahead = read.iat.since(self.now);
        if ahead > self.leeway {
            return Err(TokenError::Ahead(ahead));
        }
        // A longer `exp` than today's lifetime allows is cut.
        let end = read.exp.min(read.iat.plus(self.lifetime));
        let end = end.plus(self.leeway);
        if self.now >= end {
            return Err(TokenError::Expired(self.now.since(end)));
        }
        Ok(PurposeToken {
            value: read.value,
            check: read.check,
            key: key.clone(),
        })
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> Result<Read<S::Value>, Unreadable> {
        let payload =
            str::from_utf8(payload).map_err(|_| Unreadable::Other(TokenError::Payload))?;
        let mut deserializer = serde_json::Deserializer::from_str(payload);
        let entries = EntriesVisitor(self.kind);
        let found = deserializer
            .deserialize_map(entries)
            .map_err(Unreadable::Json)?;
        deserializer.end().map_err(Unreadable::Json)?;
        if !self.parties.is_issuer(&found.iss) {
            return Err(Unreadable::Other(TokenError::Issuer));
        }
        if found.aud != self.audience {
            return Err(Unreadable::Other(TokenError::Audience));
        }
        Ok(Read {
            value: seed.deserialize(found.value).map_err(Unreadable::Json)?,
            check: found.check,
            iat: found.iat,
            exp: found.exp,
        })
    }
}

struct Read<T> {
    value: T,
    check: String,
    iat: Timestamp,
    exp: Timestamp,
}

struct Entries {
    iss: String,
    aud: String,
    iat: Timestamp,
    exp: Timestamp,
    value: Value,
    check: String,
}

/// Every member once, and no other: what this build does not know might be what limits the token.
struct EntriesVisitor(Kind);

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of a token for one purpose")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Entries, A::Error> {
        let Kind { value, check, .. } = self.0;
        let (mut iss, mut aud, mut iat, mut exp) = (None, None, None, None);
        let (mut found_value, mut found_check) = (None, None);
        while let Some(name) = entries.next_key::<Text<'de>>()? {
            let is_first = match name.as_str() {
                "iss" => iss.replace(entries.next_value()?).is_none(),
                "aud" => aud.replace(entries.next_value()?).is_none(),
                "iat" => iat.replace(entries.next_value()?).is_none(),
                "exp" => exp.replace(entries.next_value()?).is_none(),
                name if name == value => found_value.replace(entries.next_value()?).is_none(),
                name if name == check => found_check.replace(entries.next_value()?).is_none(),
                _ => return Err(de::Error::custom("a member that is not known here")),
            };
            if !is_first {
                return Err(de::Error::custom("a member that stands twice"));
            }
        }
        let missing = de::Error::missing_field;
        Ok(Entries {
            iss: iss.ok_or_else(|| missing("iss"))?,
            aud: aud.ok_or_else(|| missing("aud"))?,
            iat: iat.ok_or_else(|| missing("iat"))?,
            exp: exp.ok_or_else(|| missing("exp"))?,
            value: found_value.ok_or_else(|| missing(value))?,
            check: found_check.ok_or_else(|| missing(check))?,
        })
    }
}
