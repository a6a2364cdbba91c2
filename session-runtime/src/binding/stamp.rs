//! Stamps: a moment with a MAC, given out and soon returned, so that nothing has to be kept of it.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq;

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;
use crate::keys::key::{KeyRing, TokenKey};
use crate::policy::Policy;

/// Chromium makes at most six proofs in nine minutes for a site.
const SHORTEST: Duration = Duration::from_secs(5 * 60);

/// What a stamp is for: those of one purpose are refused for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The browser signs it.
    Challenge,
    /// The value of the bound cookie: a proof was given then.
    Bound,
}

impl Purpose {
    /// The label of the MAC. No other MAC of a key has one of these, and no token begins as what is hashed does.
    const fn label(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Bound => "bound",
        }
    }
}

/// How long a stamp counts, and the bound cookie lives.
pub(crate) fn lifetime(policy: &Policy) -> Duration {
    policy.access.max(SHORTEST)
}

/// The stamps of one session.
#[derive(Clone, Copy)]
pub(crate) struct Stamps<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) policy: &'a Policy,
    pub(crate) sid: Sid,
    pub(crate) now: Timestamp,
}

impl Stamps<'_> {
    /// A stamp of now: the seconds, a dot, and the MAC. `None` where these keys only verify.
    pub(crate) fn issue(&self, purpose: Purpose) -> Option<String> {
        self.stamp(self.keys.signing()?, purpose, self.now)
    }

    /// Whether any key of the ring made this stamp, not too long ago.
    pub(crate) fn count(&self, purpose: Purpose, stamp: &[u8]) -> bool {
        let mut parts = stamp.split(|byte| *byte == b'.');
        let seconds = parts.next().and_then(|text| str::from_utf8(text).ok());
        let Some(at) = seconds
            .and_then(|text| text.parse().ok())
            .map(Timestamp::from_secs)
        else {
            return false;
        };
        let leeway = self.policy.leeway;
        let end = at.plus(lifetime(self.policy)).plus(leeway);
        if at.since(self.now) > leeway || self.now >= end {
            return false;
        }
        let ours = |key| self.stamp(key, purpose, at);
        self.keys
            .iter()
            .filter_map(ours)
            .any(|ours| constant_time_eq(ours.as_bytes(), stamp))
    }

    fn stamp(&self, key: &TokenKey, purpose: Purpose, at: Timestamp) -> Option<String> {
        let seconds = at.as_secs().to_string();
        let parts = [self.sid.as_str().as_bytes(), seconds.as_bytes()];
        let mac = key.mac(purpose.label(), &parts)?;
        Some(seconds + "." + &URL_SAFE_NO_PAD.encode_to_string(mac))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;

    const NOW: u64 = 1_800_000_000;

    fn keys(refresh: &str) -> Keys {
        Keys::from_secrets("pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4", refresh).unwrap()
    }

    const ONE: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";
    const OTHER: &str = "H2mVb9TqXr4LcZs7WnKp1YjFe6GdUa3RoIi8NvBt5MyQ";

    const fn policy(access: u64) -> Policy {
        let (access, refresh) = (Duration::from_secs(access), Duration::from_secs(604_800));
        Policy::new("app", "app", access, refresh)
    }

    fn stamps<'a>(keys: &'a Keys, policy: &'a Policy, marker: &[u8], now: u64) -> Stamps<'a> {
        Stamps {
            keys: &keys.refresh,
            policy,
            sid: Sid::of_marker(marker),
            now: Timestamp::from_secs(now),
        }
    }

    #[test]
    fn a_stamp_of_one_purpose_or_session_is_refused_for_every_other() {
        let (keys, policy) = (keys(ONE), policy(900));
        let all = [Purpose::Challenge, Purpose::Bound]
            .into_iter()
            .flat_map(|purpose| [b"one", b"two"].map(|marker| (purpose, marker)));
        for (purpose, marker) in all.clone() {
            let stamp = stamps(&keys, &policy, marker, NOW).issue(purpose).unwrap();
            assert_eq!(stamp.len(), 54);
            for (other, other_marker) in all.clone() {
                let counts =
                    stamps(&keys, &policy, other_marker, NOW).count(other, stamp.as_bytes());
                assert_eq!(counts, (other, other_marker) == (purpose, marker));
            }
        }
    }

    #[test]
    fn a_stamp_counts_for_the_access_lifetime_or_five_minutes_and_the_leeway() {
        let keys = keys(ONE);
        for (access, lifetime) in [(60, 300), (299, 300), (300, 300), (301, 301), (900, 900)] {
            let policy = policy(access);
            let stamp = stamps(&keys, &policy, b"m", NOW)
                .issue(Purpose::Bound)
                .unwrap();
            for (now, counts) in [
                (NOW - 6, false),
                (NOW - 5, true),
                (NOW, true),
                (NOW + lifetime + 4, true),
                (NOW + lifetime + 5, false),
                (NOW + 10 * lifetime, false),
            ] {
                let stamps = stamps(&keys, &policy, b"m", now);
                assert_eq!(
                    stamps.count(Purpose::Bound, stamp.as_bytes()),
                    counts,
                    "{access} {now}"
                );
            }
        }
    }

    #[test]
    fn any_key_of_the_ring_vouches_and_a_retired_one_does_not() {
        let policy = policy(900);
        let old = keys(ONE);
        let stamp = stamps(&old, &policy, b"m", NOW)
            .issue(Purpose::Bound)
            .unwrap();
        let ring = keys(OTHER).with_previous(None, Some(ONE)).unwrap();
        assert!(stamps(&ring, &policy, b"m", NOW).count(Purpose::Bound, stamp.as_bytes()));
        assert_ne!(
            stamps(&ring, &policy, b"m", NOW)
                .issue(Purpose::Bound)
                .unwrap(),
            stamp
        );
        let retired = keys(OTHER);
        assert!(!stamps(&retired, &policy, b"m", NOW).count(Purpose::Bound, stamp.as_bytes()));
    }

    #[test]
    fn no_other_text_is_a_stamp() {
        let (keys, policy) = (keys(ONE), policy(900));
        let stamps = stamps(&keys, &policy, b"m", NOW);
        let stamp = stamps.issue(Purpose::Bound).unwrap();
        let count = |text: &[u8]| stamps.count(Purpose::Bound, text);
        let bytes = stamp.as_bytes();
        for at in 0..bytes.len() {
            assert!(!count(&bytes[..at]));
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                assert!(!count(&changed), "{at} {bit}");
            }
        }
        for text in [
            format!("0{stamp}"),
            format!("+{stamp}"),
            format!(" {stamp}"),
            format!("{stamp} "),
            format!("{stamp}="),
            format!("{stamp}.{stamp}"),
            format!("18446744073709551616{}", &stamp[10..]),
            format!("18446744073709551615{}", &stamp[10..]),
            format!("-1{}", &stamp[10..]),
            stamp[10..].to_owned(),
            ".".to_owned(),
            String::new(),
        ] {
            assert!(!count(text.as_bytes()), "{text}");
        }
        assert!(!count(&[0xFF; 54]));
        assert!(count(bytes));
    }
}
