//! A payload as it is written here, read without a parser: behind the parties, its members up to `exp` stand in one order,
//! byte for byte.
//!
//! What stands otherwise is the general reader's, so nothing is decided here: what is found, it would read alike.

use std::ops::Range;

use memchr::memchr2;

use crate::clock::Timestamp;
use crate::cookies::marker::Sid;

/// What `PayloadWriter::new` wrote.
pub(crate) struct WrittenHere {
    pub(crate) sid: Sid,
    pub(crate) auth_time: Timestamp,
    pub(crate) auth_age: Option<u64>,
    pub(crate) iat: Timestamp,
    pub(crate) exp: Timestamp,
    sub: Range<usize>,
    /// Where the rest stands, from the comma or the brace behind `exp`.
    rest: usize,
}

impl WrittenHere {
    /// In an object without the parties, which stand before all of this. `None` where anything stands otherwise, and be it a
    /// blank.
    #[inline]
    pub(crate) fn find(json: &[u8]) -> Option<Self> {
        let rest = json.strip_prefix(br#"{"sub":""#)?;
        let sub_at = json.len() - rest.len();
        // An escape is no quotation mark, so what follows does not match.
        let sub_length = memchr2(b'"', b'\\', rest)?;
        let rest = rest.get(sub_length..)?.strip_prefix(br#"","sid":""#)?;
        let (sid, rest) = rest.split_at_checked(Sid::LENGTH)?;
        let sid = Sid::read(sid)?;
        let (auth_time, rest) = number(rest.strip_prefix(br#"","auth_time":"#)?)?;
        let (auth_age, rest) = match rest.strip_prefix(br#","auth_age":"#) {
            Some(rest) => number(rest).map(|(age, rest)| (Some(age), rest))?,
            None => (None, rest),
        };
        let (iat, rest) = number(rest.strip_prefix(br#","iat":"#)?)?;
        let (exp, rest) = number(rest.strip_prefix(br#","exp":"#)?)?;
        // A comma counts only before a name: behind a brace, what is no object must not become one.
        matches!(rest, [b',', b'"', ..] | [b'}']).then_some(())?;
        Some(Self {
            sid,
            auth_time: Timestamp::from_secs(auth_time),
            auth_age,
            iat: Timestamp::from_secs(iat),
            exp: Timestamp::from_secs(exp),
            sub: sub_at..sub_at + sub_length,
            rest: json.len() - rest.len(),
        })
    }

    /// `sub`, and all other members as an object of their own. `None` where `sub` is no UTF-8.
    #[inline]
    pub(crate) fn split(self, json: &mut [u8]) -> Option<(&str, &[u8])> {
        let (known, rest) = json.split_at_mut_checked(self.rest)?;
        let sub = str::from_utf8(known.get(self.sub)?).ok()?;
        match rest {
            [comma @ b',', ..] => {
                *comma = b'{';
                Some((sub, rest))
            }
            _ => Some((sub, b"{}")),
        }
    }
}

/// A positive integer as it is written, and what stands behind it.
#[inline]
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let [b'1'..=b'9', ..] = bytes else {
        return None;
    };
    let (mut value, mut rest) = (0_u64, bytes);
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        rest = behind;
    }
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_otherwise_is_not() {
        let find = |json: &[u8]| WrittenHere::find(json).is_some();
        let json = r#"{"sub":"ada","sid":"ilvbTMFRZBJsbvJmjendJA","auth_time":1800000000,"iat":1800000000,"exp":1800000900,"gen":1}"#;
        assert!(find(json.as_bytes()));
        for (written, otherwise) in [
            ("{\"sub\"", "{ \"sub\""),
            ("{\"sub\"", ",\"sub\""),
            ("\"ada\"", "\"a\\u0064a\""),
            ("\"ada\"", "7"),
            ("ilvb", "ilv"),
            ("JA\"", "JB\""),
            (":1800000000,\"iat\"", ":1800000000.0,\"iat\""),
            (":1800000900", ":01800000900"),
            (":1800000900", ":-1800000900"),
            (":1800000900", ":18446744073709551616"),
            (":1800000900", ":"),
            ("\"iat\"", "\"nbf\""),
            (",\"gen\":1", ",}"),
            (",\"gen\":1", ", \"gen\":1"),
            (",\"gen\":1}", "} "),
        ] {
            assert!(json.contains(written), "{written}");
            assert!(
                !find(json.replacen(written, otherwise, 1).as_bytes()),
                "{otherwise}"
            );
        }
        for length in 0..json.len() - ",\"gen\":1}".len() {
            assert!(!find(&json.as_bytes()[..length]), "{length}");
        }
    }
}
