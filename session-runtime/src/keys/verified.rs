//! Which tokens of public keys were verified before, since that costs a hundred times what a secret does.
//!
//! One of these belongs to one ring of keys, which never changes: keys that are replaced take it with them, and a verdict that
//! comes late is written where nobody looks any more. What is kept of a token is a SHA-256 behind a random block, and that its
//! signature was good; whom it is for, its times, the registry and the guard are asked anew each time.
//!
//! There is no lock, and none is needed: a word is only ever one of a token that counted, and a token is known by all four
//! of its words. Two that are written at once may leave an entry of words of both, which is no less 256 bits that a forged
//! token would have to meet, and more than anybody can look for who does not know the random block.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// A power of two, and no more than 2^16.
const SETS: usize = 4096;

/// Entries of a set: whatever collides in its place stays beside one another.
const WAYS: usize = 4;

/// 512 KiB, and 16,384 tokens.
pub(crate) struct Verified {
    /// The hash behind a block that is random.
    begun: Sha256,
    sets: Box<[Set]>,
}

/// Two lines of the processor's cache.
#[derive(Default)]
#[repr(align(64))]
struct Set([[AtomicU64; 4]; WAYS]);

/// A token as it is known here.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn words(&self) -> impl Iterator<Item = u64> {
        let (words, _) = self.0.as_chunks();
        words.iter().map(|word| u64::from_ne_bytes(*word))
    }
}

impl Verified {
    /// `None` where the operating system has no random numbers: then each token is verified.
    pub(crate) fn new() -> Option<Self> {
        let mut random = [0; 64];
        getrandom::fill(&mut random).ok()?;
        Some(Self {
            begun: Sha256::new_with_prefix(random),
            sets: (0..SETS).map(|_| Set::default()).collect(),
        })
    }

    /// Of a token's first two segments and its signature, between which a dot stands.
    pub(crate) fn fingerprint(&self, signed: &[u8], signature: &[u8]) -> Fingerprint {
        let signed = self.begun.clone().chain_update(signed).chain_update(b".");
        Fingerprint(signed.chain_update(signature).finalize().into())
    }

    pub(crate) fn contains(&self, token: &Fingerprint) -> bool {
        self.set(token).is_some_and(|Set(entries)| {
            entries.iter().any(|entry| {
                let words = entry.iter().map(|word| word.load(Ordering::Relaxed));
                words.eq(token.words())
            })
        })
    }

    /// In an empty entry, or in place of any one.
    pub(crate) fn remember(&self, token: &Fingerprint) {
        let Some(Set(entries)) = self.set(token) else {
            return;
        };
        let is_empty = |entry: &[AtomicU64; 4]| {
            let mut words = entry.iter();
            words.all(|word| word.load(Ordering::Relaxed) == 0)
        };
        let [.., last] = token.0;
        let any = usize::from(last) % WAYS;
        let way = entries.iter().position(is_empty).unwrap_or(any);
        for (place, word) in entries
            .iter()
            .skip(way)
            .take(1)
            .flatten()
            .zip(token.words())
        {
            place.store(word, Ordering::Relaxed);
        }
    }

    fn set(&self, Fingerprint([first, second, ..]): &Fingerprint) -> Option<&Set> {
        let index = u16::from_ne_bytes([*first, *second]);
        self.sets.get(usize::from(index) % SETS)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprints(verified: &Verified, numbers: std::ops::Range<u32>) -> Vec<Fingerprint> {
        let of = |number: u32| verified.fingerprint(&number.to_be_bytes(), b"");
        numbers.map(of).collect()
    }

    #[test]
    fn it_has_the_size_that_it_says() {
        let verified = Verified::new().unwrap();
        assert_eq!(size_of_val(&*verified.sets), 512 * 1024);
        assert_eq!(verified.sets.len() * WAYS, 16_384);
    }

    #[test]
    fn what_was_remembered_is_known_and_nothing_else() {
        let verified = Verified::new().unwrap();
        let known = fingerprints(&verified, 0..1_000);
        for token in &known {
            assert!(!verified.contains(token));
            verified.remember(token);
            assert!(verified.contains(token));
        }
        let others = fingerprints(&verified, 1_000..100_000);
        assert!(!others.iter().any(|token| verified.contains(token)));
        // Four to a set: of a thousand in 4096 sets, none is lost but by a chance of one in a hundred or so.
        let kept = known.iter().filter(|token| verified.contains(token));
        assert!(kept.count() >= 998);
    }

    /// Each of the bits counts, wherever it stands.
    #[test]
    fn a_token_that_differs_in_one_bit_is_another() {
        let verified = Verified::new().unwrap();
        let token = verified.fingerprint(b"token", b"");
        verified.remember(&token);
        for bit in 0..256 {
            let mut other = token;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!verified.contains(&other), "{bit}");
        }
        assert!(verified.contains(&token));
    }

    /// Nothing of a token is left out of it, and nothing moves from one part to the other.
    #[test]
    fn each_part_of_a_token_tells_it_apart() {
        let verified = Verified::new().unwrap();
        let token = |signed: &[u8], signature: &[u8]| verified.fingerprint(signed, signature).0;
        let one = token(b"h.payload", b"signature");
        assert_eq!(one, token(b"h.payload", b"signature"));
        for (signed, signature) in [
            ("h.payload", "signaturf"),
            ("h.payload", ""),
            ("h.paylobd", "signature"),
            ("i.payload", "signature"),
            ("h.payloads", "ignature"),
            ("h.payloa", "dsignature"),
            ("", "h.payloadsignature"),
            ("h.payloadsignature", ""),
        ] {
            let other = token(signed.as_bytes(), signature.as_bytes());
            assert_ne!(one, other, "{signed} {signature}");
        }
    }

    /// Or what is dead would stay for ever in three entries of four, and the living thrash in the last.
    #[test]
    fn each_entry_of_a_full_set_is_displaced() {
        let verified = Verified::new().unwrap();
        for token in fingerprints(&verified, 0..100_000) {
            verified.remember(&token);
        }
        let living = fingerprints(&verified, 100_000..104_000);
        for token in &living {
            verified.remember(token);
        }
        // 4,000 over 4096 sets: each pair in one set falls into one entry by a chance of a quarter, which leaves 3,530 or so, and
        // 2,550 if there were one entry.
        let kept = living.iter().filter(|token| verified.contains(token));
        assert!(kept.count() > 3_300);
    }

    #[test]
    fn a_flood_takes_no_more_room_and_what_comes_last_is_known() {
        let verified = Verified::new().unwrap();
        for number in 0..200_000_u32 {
            let token = verified.fingerprint(&number.to_be_bytes(), b"");
            verified.remember(&token);
            assert!(verified.contains(&token));
        }
        let all = fingerprints(&verified, 0..200_000);
        let kept = all.iter().filter(|token| verified.contains(token)).count();
        assert_eq!(kept, SETS * WAYS);
    }

    /// Nobody can choose tokens that fall into one place.
    #[test]
    fn two_of_them_put_the_same_token_elsewhere() {
        let [one, other] = [Verified::new().unwrap(), Verified::new().unwrap()];
        let token = one.fingerprint(b"token", b"");
        assert_ne!(token.0, other.fingerprint(b"token", b"").0);
        other.remember(&token);
        assert!(!other.contains(&other.fingerprint(b"token", b"")));
    }

    /// What is read while others write is known because it was remembered, whatever words stand between.
    #[test]
    fn many_threads_find_only_what_was_remembered() {
        let verified = Verified::new().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let verified = &verified;
                scope.spawn(move || {
                    for number in (thread * 50_000)..(thread + 1) * 50_000_u32 {
                        let known = verified.fingerprint(&number.to_be_bytes(), b"");
                        verified.remember(&known);
                        let unknown =
                            verified.fingerprint(&(number + 1_000_000).to_be_bytes(), b"");
                        assert!(!verified.contains(&unknown));
                    }
                });
            }
        });
    }
}
