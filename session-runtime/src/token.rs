//! Tokens: JWS compact serialization (RFC 7515, section 7.1) with a pinned first segment.

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

use crate::issue_error::IssueError;
use crate::key::{KeyRing, LONGEST_SIGNATURE, TokenKind};
use crate::parties::Parties;
use crate::payload_reader;
use crate::registered::Registered;
use crate::token_error::TokenError;

/// The longest token that is issued or looked at, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// The payload of the longest token fits.
const LONGEST_PAYLOAD: usize = LONGEST / 4 * 3;

/// A token whose signature, structure, issuer and audience are right; its times are not checked yet.
pub(crate) struct Opened<T> {
    pub(crate) registered: Registered,
    pub(crate) claims: T,
    pub(crate) signed_by_signing_key: bool,
}

pub(crate) fn open<T: DeserializeOwned>(
    token: &[u8],
    kind: TokenKind,
    keys: &KeyRing,
    parties: &Parties,
) -> Result<Opened<T>, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::TooLong);
    }
    let segments = Segments::split(token)?;
    let key = keys.find(segments.header).ok_or(TokenError::Header)?;
    let mut signature = [0; LONGEST_SIGNATURE];
    let signature = decode(segments.signature, &mut signature).ok_or(TokenError::Encoding)?;
    if !key.verifies(segments.signed, signature) {
        return Err(TokenError::Signature);
    }
    let mut payload = [0; LONGEST_PAYLOAD];
    let payload = decode(segments.payload, &mut payload).ok_or(TokenError::Encoding)?;
    let payload = str::from_utf8(payload).map_err(|_| TokenError::Payload)?;
    let (registered, claims) = payload_reader::read(payload, kind, parties)?;
    Ok(Opened {
        registered,
        claims,
        signed_by_signing_key: keys
            .signing()
            .is_some_and(|signing| std::ptr::eq(key, signing)),
    })
}

/// Decodes canonical base64url; `None` where it is not, or does not fit.
fn decode<'out>(encoded: &[u8], out: &'out mut [u8]) -> Option<&'out [u8]> {
    let length = URL_SAFE_NO_PAD.decoded_length(encoded).ok()?;
    let out = out.get_mut(..length)?;
    let decoded = URL_SAFE_NO_PAD.decode(encoded, out.as_out()).ok()?;
    Some(decoded)
}

struct Segments<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    /// Header and payload with the dot between them.
    signed: &'a [u8],
}

impl<'a> Segments<'a> {
    fn split(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        let (Some((first, _)), Some((second, _)), None) = (dots.next(), dots.next(), dots.next())
        else {
            return Err(TokenError::Segments);
        };
        let segment = |range: std::ops::Range<usize>| token.get(range).ok_or(TokenError::Segments);
        Ok(Self {
            header: segment(0..first)?,
            payload: segment(first + 1..second)?,
            signature: segment(second + 1..token.len())?,
            signed: segment(0..second)?,
        })
    }
}

/// Signs a payload.
pub(crate) fn sign(payload: &[u8], keys: &KeyRing) -> Result<String, IssueError> {
    let key = keys.signing().ok_or(IssueError::VerifyOnly)?;
    let mut token = String::with_capacity(
        key.header().len() + payload.len() * 4 / 3 + LONGEST_SIGNATURE * 4 / 3 + 6,
    );
    token.push_str(key.header());
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(payload, &mut token);
    let mut signature = [0; LONGEST_SIGNATURE];
    let signature = key
        .sign(token.as_bytes(), &mut signature)
        .ok_or(IssueError::Random)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut token);
    if token.len() > LONGEST {
        return Err(IssueError::TooLong { bytes: token.len() });
    }
    Ok(token)
}
