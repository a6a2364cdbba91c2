//! The decoder of payloads, which is others' code with `unsafe` in it: whatever it takes is canonical, and it touches no
//! byte that is not its own. `fuzz/run` builds this target with AddressSanitizer.

#![no_main]

use std::mem::MaybeUninit;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Copies of exactly their lengths, so that a byte behind them is somebody else's.
    let (encoded, bytes) = (data.to_vec(), data.to_vec().into_boxed_slice());
    if let Ok(length) = URL_SAFE_NO_PAD.decoded_length(&encoded) {
        let mut out = vec![MaybeUninit::<u8>::uninit(); length];
        if let Ok(decoded) = URL_SAFE_NO_PAD.decode(&encoded, out.as_mut_slice().as_out()) {
            assert_eq!(decoded.len(), length);
            assert_eq!(
                URL_SAFE_NO_PAD.encode_to_string(decoded).as_bytes(),
                encoded
            );
        }
    }
    let text = URL_SAFE_NO_PAD.encode_to_string(&bytes);
    assert_eq!(URL_SAFE_NO_PAD.decode_to_vec(&text).unwrap(), &*bytes);
    assert!(URL_SAFE_NO_PAD.check(text.as_bytes()).is_ok());
});
