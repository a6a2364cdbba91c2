//! Base64url that a stranger sent (RFC 4648, section 5), read before any signature vouches for it: without a line of
//! `unsafe`.

/// Whether all of it is of the alphabet.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch, the compiler takes many bytes at once"
)]
pub(crate) fn is_text<const N: usize>(encoded: &[u8; N]) -> bool {
    encoded.iter().fold(true, |all, byte| {
        all & (byte.is_ascii_alphanumeric() | (*byte == b'-') | (*byte == b'_'))
    })
}

/// Decodes what is canonical: no padding, no unused bits. `None` where it is not, or does not fit.
#[cfg(any(feature = "asymmetric", feature = "binding"))]
pub(crate) fn decode<'out>(encoded: &[u8], out: &'out mut [u8]) -> Option<&'out [u8]> {
    let (mut bits, mut held, mut length) = (0_u32, 0, 0);
    for byte in encoded {
        bits = bits << 6 | u32::from(value(*byte)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            let [.., decoded] = (bits >> held).to_be_bytes();
            *out.get_mut(length)? = decoded;
            length += 1;
            bits &= (1 << held) - 1;
        }
    }
    let is_canonical = held < 6 && bits == 0;
    out.get(..length).filter(|_| is_canonical)
}

#[cfg(any(feature = "asymmetric", feature = "binding"))]
fn value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(all(test, any(feature = "asymmetric", feature = "binding")))]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;

    use super::*;

    fn both(encoded: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let mut out = [0; 512];
        let ours = decode(encoded, &mut out).map(<[u8]>::to_vec);
        (ours, URL_SAFE_NO_PAD.decode_to_vec(encoded).ok())
    }

    #[test]
    fn every_text_of_up_to_two_bytes_and_every_last_byte_reads_as_elsewhere() {
        let mut texts = vec![Vec::new()];
        for first in 0..=u8::MAX {
            texts.push(vec![first]);
            for second in 0..=u8::MAX {
                texts.extend([
                    vec![first, second],
                    vec![b'A', first, second],
                    vec![b'A', b'-', first, second],
                ]);
            }
        }
        for text in texts {
            let (ours, theirs) = both(&text);
            assert_eq!(ours, theirs, "{text:?}");
        }
    }

    #[test]
    fn every_length_that_a_signature_may_have_reads_as_it_was_written() {
        for length in 0..=512_usize {
            let bytes: Vec<u8> = (0..length)
                .map(|at| at.to_le_bytes()[0].wrapping_mul(37))
                .collect();
            let encoded = URL_SAFE_NO_PAD.encode_to_string(&bytes);
            assert_eq!(both(encoded.as_bytes()).0, Some(bytes), "{length}");
        }
        let mut out = [0; 512];
        assert_eq!(decode(&[b'A'; 684], &mut out), None, "513 bytes");
    }
}
