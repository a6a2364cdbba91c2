//! The session marker, and the `sid` that follows from it.

use std::fmt;
#[cfg(feature = "registry")]
use std::hash::{Hash, Hasher};

use base64_simd::URL_SAFE_NO_PAD;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use crate::token::text::TextSeed;

/// 128 random bits are 22 characters of base64url.
const ENCODED: usize = 22;

/// The value of the readable companion cookie: 128 random bits, new at every login. It is not a credential, but the
/// refresh token counts only beside it, so it is not printed either.
pub(crate) struct Marker(String);

impl Marker {
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self(URL_SAFE_NO_PAD.encode_to_string(random)))
    }

    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a value could be a marker at all.
    pub(crate) fn has_form(value: &[u8]) -> bool {
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        value.len() == ENCODED && value.iter().all(is_base64url)
    }

    pub(crate) fn sid(&self) -> Sid {
        Sid::of_marker(self.0.as_bytes())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// The name of one session: the first 16 bytes of SHA-256 over the marker's value as sent, in base64url.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sid([u8; ENCODED]);

impl Sid {
    /// Of its text, in bytes.
    pub(crate) const LENGTH: usize = ENCODED;

    pub(crate) fn of_marker(value: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(value).into();
        let (first_half, _) = digest.split_at(16);
        let mut encoded = [0; ENCODED];
        let _ = URL_SAFE_NO_PAD.encode(first_half, base64_simd::AsOut::as_out(&mut encoded[..]));
        Self(encoded)
    }

    /// A name as it stands in a token; `None` for anything else.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let encoded: [u8; ENCODED] = text.try_into().ok()?;
        URL_SAFE_NO_PAD
            .check(&encoded)
            .is_ok()
            .then_some(Self(encoded))
    }

    /// A number that differs between names: each letter has six bits, not all of which are in one place.
    #[cfg(feature = "registry")]
    #[inline]
    pub(crate) fn spread(&self) -> usize {
        let [first, second, third, ..] = self.0;
        usize::from(first ^ (second << 2) ^ (third << 4))
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The eight characters that stand in the refresh cookie's name and in logs.
    pub(crate) fn short(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

/// Without the length that an array has before it, since all have one.
#[cfg(feature = "registry")]
impl Hash for Sid {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl<'de> Deserialize<'de> for Sid {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| {
            Self::read(text.as_bytes()).ok_or("`sid` is not 22 characters of base64url")
        };
        TextSeed(read).deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sid_follows_from_the_marker_as_the_browser_computes_it() {
        // printf %s AAAAAAAAAAAAAAAAAAAAAA | openssl dgst -sha256 -binary | head -c 16 | base64
        assert_eq!(
            Sid::of_marker(b"AAAAAAAAAAAAAAAAAAAAAA").as_str(),
            "ilvbTMFRZBJsbvJmjendJA"
        );
    }

    /// 32 random bits, or a counter, would leave some of the 128 as they are from one to the next.
    #[test]
    fn every_bit_of_a_marker_is_random() {
        let markers: Vec<u128> = (0..200)
            .map(|_| Marker::generate().unwrap().0)
            .map(|text| URL_SAFE_NO_PAD.decode_to_vec(text).unwrap())
            .map(|bytes| u128::from_be_bytes(bytes.try_into().unwrap()))
            .collect();
        // Each of these fails by chance less often than once in 2^70 runs.
        let changes = markers.windows(2).map(|pair| pair[0] ^ pair[1]);
        assert_eq!(
            changes.clone().fold(0, |all, change| all | change),
            u128::MAX
        );
        assert!(changes.map(u128::count_ones).all(|bits| bits > 16));
        assert_eq!(
            markers.iter().fold(0, |all, marker| all | marker),
            u128::MAX
        );
        assert_eq!(
            markers.iter().fold(u128::MAX, |all, marker| all & marker),
            0
        );
    }

    #[test]
    fn markers_are_22_characters_and_never_the_same() {
        let first = Marker::generate().unwrap();
        let second = Marker::generate().unwrap();
        assert_eq!(first.0.len(), 22);
        assert_ne!(first.0, second.0);
        assert!(Marker::has_form(first.0.as_bytes()));
        assert_eq!(format!("{:?}", first.sid()), first.sid().as_str()[..8]);
    }
}
