//! Bytes as a one-time token, and as claims that are signed as one: no panic, and none counts that was not issued as it stands.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use base64_simd::URL_SAFE_NO_PAD;
use fuzz::application::{Claims, NOW, written_out};
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use stateless_session::{Keys, Purpose, Sessions};

const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";

struct Reset;

impl Purpose for Reset {
    type Subject = String;
    const NAME: &str = "reset";
    const LIFETIME: Duration = Duration::from_secs(900);
}

static DOOR: LazyLock<(Sessions<Claims>, String)> = LazyLock::new(|| {
    let keys = Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap();
    let sessions = Sessions::new(keys).with_clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    let issued = sessions
        .issue_one_time::<Reset>(&"ada".to_owned(), &0)
        .unwrap();
    (sessions, issued)
});

/// The key of one-time tokens, as SECURITY.md describes it.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut mac = Hmac::<Sha256>::new_from_slice(REFRESH_SECRET.as_bytes()).unwrap();
    for part in ["stateless-session", "key", "ot+jwt"] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
});

fuzz_target!(|data: &[u8]| {
    let (sessions, issued) = &*DOOR;
    let segments: Vec<&str> = issued.split('.').collect();
    if let Ok(token) = std::str::from_utf8(&written_out(data, &segments)) {
        let counts = sessions.redeem::<Reset>(token).is_ok();
        assert_eq!(counts, token == issued);
    }
    let signed = format!("{}.{}", segments[0], URL_SAFE_NO_PAD.encode_to_string(data));
    let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(signature));
    if let Ok(redeemed) = sessions.redeem::<Reset>(&token) {
        let claims: serde_json::Value = serde_json::from_slice(data).unwrap();
        assert_eq!(claims.as_object().unwrap().len(), 6);
        assert_eq!(claims["iss"], "fuzz");
        assert_eq!(claims["aud"], "fuzz#one-time:reset");
        assert_eq!(claims["sub"], redeemed.subject().as_str());
        assert!(claims["iat"].as_u64().unwrap() <= NOW + 5);
        assert!(claims["exp"].as_u64().unwrap() + 5 > NOW);
    }
});
