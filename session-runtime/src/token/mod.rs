//! Tokens: JWS compact serialization (RFC 7515, section 7.1) with a pinned first segment.

pub(crate) mod base64url;
pub(crate) mod error;
pub(crate) mod parties;
pub(crate) mod payload_reader;
pub(crate) mod payload_writer;
pub(crate) mod purpose_token;
pub(crate) mod refresh_token;
pub(crate) mod registered;
pub(crate) mod subject;
pub(crate) mod text;
pub(crate) mod times;
#[cfg(test)]
mod vectors;
pub(crate) mod written_here;

use std::mem::MaybeUninit;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use memchr::{memchr, memchr_iter, memrchr};
use serde::de::DeserializeOwned;

use crate::issue_error::IssueError;
use crate::keys::key::{KeyRing, LONGEST_SIGNATURE, TokenKey, TokenKind, Unseen};
use crate::token::error::TokenError;
use crate::token::parties::Parties;
use crate::token::payload_reader::Unreadable;
use crate::token::registered::Registered;

/// The longest token that is issued or looked at, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// The payload of the longest token fits.
const LONGEST_PAYLOAD: usize = LONGEST / 4 * 3;

/// A token whose signature, structure, issuer and audience are right; its times are not checked yet.
pub(crate) struct Opened<T> {
    pub(crate) registered: Registered,
    pub(crate) claims: T,
    pub(crate) signed_by_signing_key: bool,
    /// For the ring to remember, once the token counts.
    pub(crate) unseen: Unseen,
}

#[inline]
pub(crate) fn open<T: DeserializeOwned>(
    token: &[u8],
    kind: TokenKind,
    keys: &KeyRing,
    parties: &Parties,
) -> Result<Opened<T>, TokenError> {
    let mut payload = [const { MaybeUninit::uninit() }; LONGEST_PAYLOAD];
    let (key, payload, unseen) = open_payload(token, keys, &mut payload)?;
    let (registered, claims) =
        payload_reader::read(payload, kind, parties).map_err(Unreadable::cause)?;
    Ok(Opened {
        registered,
        claims,
        signed_by_signing_key: keys
            .signing()
            .is_some_and(|signing| std::ptr::eq(key, signing)),
        unseen,
    })
}

/// The key that signed a token, and what it says, not read yet; and what to remember of it.
#[inline]
fn open_payload<'keys, 'out>(
    token: &[u8],
    keys: &'keys KeyRing,
    out: &'out mut [MaybeUninit<u8>; LONGEST_PAYLOAD],
) -> Result<(&'keys TokenKey, &'out mut [u8], Unseen), TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::TooLong);
    }
    let (key, rest) = keys.find(token).ok_or_else(|| without_key(token))?;
    let segments = Segments::split(token, rest).ok_or(TokenError::Segments)?;
    let unseen = keys.check(key, segments.signed, segments.signature)?;
    let payload = decode(segments.payload, out).ok_or(TokenError::Encoding)?;
    Ok((key, payload, unseen))
}

/// Decodes canonical base64url; `None` where it is not, or does not fit.
fn decode<'out>(encoded: &[u8], out: &'out mut [MaybeUninit<u8>]) -> Option<&'out mut [u8]> {
    let length = URL_SAFE_NO_PAD.decoded_length(encoded).ok()?;
    let out = out.get_mut(..length)?;
    let decoded = URL_SAFE_NO_PAD.decode(encoded, out.as_out()).ok()?;
    Some(decoded)
}

/// Why no key takes a token.
fn without_key(token: &[u8]) -> TokenError {
    match memchr_iter(b'.', token).count() {
        2 => TokenError::Header,
        _ => TokenError::Segments,
    }
}

/// What stands behind the pinned beginning.
struct Segments<'a> {
    payload: &'a [u8],
    signature: &'a [u8],
    /// The first segment and the payload with the dot between them.
    signed: &'a [u8],
}

impl<'a> Segments<'a> {
    /// `rest` is what stands behind the token's first dot.
    fn split(token: &'a [u8], rest: &'a [u8]) -> Option<Self> {
        let dot = memrchr(b'.', rest)?;
        let (payload, signature) = (rest.get(..dot)?, rest.get(dot + 1..)?);
        if memchr(b'.', payload).is_some() {
            return None;
        }
        Some(Self {
            payload,
            signature,
            signed: token.get(..token.len() - signature.len() - 1)?,
        })
    }
}

/// For whom an access token is that was opened, where there are several.
#[cfg(feature = "registry")]
pub(crate) fn audience(token: &[u8]) -> Option<String> {
    let rest = token.get(memchr(b'.', token)? + 1..)?;
    let segments = Segments::split(token, rest)?;
    let mut payload = [const { MaybeUninit::uninit() }; LONGEST_PAYLOAD];
    let payload = decode(segments.payload, &mut payload)?;
    let payload: serde_json::Value = serde_json::from_slice(payload).ok()?;
    payload.get("aud")?.as_str().map(str::to_owned)
}

/// Signs a payload, once it has been read back as it will be: what would not verify is never issued.
pub(crate) fn sign<T: DeserializeOwned>(
    mut payload: Vec<u8>,
    kind: TokenKind,
    keys: &KeyRing,
    parties: &Parties,
) -> Result<(String, T), IssueError> {
    let key = keys.signing().ok_or(IssueError::VerifyOnly)?;
    let token = begin(key, &payload);
    let (_, read_back) = payload_reader::read(&mut payload, kind, parties)?;
    Ok((finish(key, token)?, read_back))
}

/// A token's first two segments.
fn begin(key: &TokenKey, payload: &[u8]) -> String {
    let beginning = key.beginning();
    let mut token = String::with_capacity(
        beginning.len() + payload.len() * 4 / 3 + LONGEST_SIGNATURE * 4 / 3 + 5,
    );
    token.push_str(beginning);
    URL_SAFE_NO_PAD.encode_append(payload, &mut token);
    token
}

/// The token with its signature.
fn finish(key: &TokenKey, mut token: String) -> Result<String, IssueError> {
    key.sign(&mut token).ok_or(IssueError::Random)?;
    if token.len() > LONGEST {
        return Err(IssueError::TooLong { bytes: token.len() });
    }
    Ok(token)
}
