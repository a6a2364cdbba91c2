//! What makes a secret weak.

use std::fmt;

/// 32 random bytes are 43 characters of base64.
const SHORTEST: usize = 43;
/// 32 random bytes are 64 characters of hexadecimal.
const SHORTEST_HEX: usize = 64;
const FEWEST_DIFFERENT: usize = 10;

/// What a secret of random characters never holds, but one that was made up or copied does.
const SAMPLES: [&str; 14] = [
    "secret",
    "password",
    "passphrase",
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "example",
    "qwertyuiop",
    "0123456789",
    "abcdefghij",
    // RFC 7515, appendix A.1; RFC 7520, section 3.5; RFC 7517, appendix A.3.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqq",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjg-onbc6mxccyg",
    "fdfh7p1qyvnv8n4avdjfqxxktaop5gfipjhwk0fsaem",
];

/// Refuses what could be guessed, as far as that shows.
pub(crate) fn check(secret: &str) -> Result<(), Weakness> {
    let bytes = secret.as_bytes();
    if bytes.iter().any(u8::is_ascii_whitespace) {
        return Err(Weakness::InnerBlank);
    }
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(Weakness::NotPrintable);
    }
    let shortest = if bytes.iter().all(u8::is_ascii_hexdigit) {
        SHORTEST_HEX
    } else {
        SHORTEST
    };
    if bytes.len() < shortest {
        return Err(Weakness::TooShort);
    }
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    if different.len() < FEWEST_DIFFERENT {
        return Err(Weakness::FewCharacters);
    }
    if repeats_a_unit(bytes) {
        return Err(Weakness::Repetition);
    }
    let lower = secret.to_ascii_lowercase();
    if SAMPLES.iter().any(|sample| lower.contains(sample)) {
        return Err(Weakness::Sample);
    }
    Ok(())
}

/// Whether the whole is some shorter unit again and again, the last one possibly cut.
fn repeats_a_unit(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|unit| {
        bytes
            .iter()
            .zip(bytes.iter().skip(unit))
            .all(|(earlier, later)| earlier == later)
    })
}

/// Why a secret was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer than 43 characters, or fewer than 64 hexadecimal ones.
    TooShort,
    /// White space inside.
    InnerBlank,
    /// Something else than printable ASCII.
    NotPrintable,
    /// Fewer than 10 different characters.
    FewCharacters,
    /// One unit again and again.
    Repetition,
    /// A well-known sample, or a word that stands in samples.
    Sample,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "is too short: it needs at least 43 characters (64 if hexadecimal)",
            Self::InnerBlank => "holds white space",
            Self::NotPrintable => "holds something else than printable ASCII",
            Self::FewCharacters => "has fewer than 10 different characters",
            Self::Repetition => "repeats itself",
            Self::Sample => "is a well-known sample, or was made up",
        })
    }
}
