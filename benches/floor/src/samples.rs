//! Keys, claims and tokens: good ones, and one for each cause of a refusal.

use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stateless_session::{Keys, Sessions};

use crate::{Claims, CopyClaims};

pub const ACCESS_SECRET: &str = "pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4";
pub const REFRESH_SECRET: &str = "Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ";

pub fn keys() -> Keys {
    Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).expect("good secrets")
}

/// So many keys for access tokens, of which [`ACCESS_SECRET`]'s is the last.
pub fn ring(size: usize) -> Keys {
    // Different everywhere, and random enough to pass.
    let other = |index: usize| {
        let letter = char::from(b'A' + u8::try_from(index).expect("a small ring"));
        ACCESS_SECRET.replace('p', &letter.to_string())
    };
    let first = if size == 1 {
        ACCESS_SECRET.to_owned()
    } else {
        other(1)
    };
    let mut keys = Keys::from_secrets(&first, REFRESH_SECRET).expect("good secrets");
    for index in 2..=size {
        let secret = if index == size {
            ACCESS_SECRET.to_owned()
        } else {
            other(index)
        };
        keys = keys
            .with_previous(Some(&secret), None)
            .expect("another secret");
    }
    keys
}

pub fn sessions() -> Sessions<Claims> {
    Sessions::new(keys())
}

pub fn claims() -> Claims {
    Claims {
        sub: "248289761001".to_owned(),
        name: "Jane Doe".to_owned(),
        role: "administrator of the shop".to_owned(),
    }
}

/// An access token of these claims.
pub fn token(sessions: &Sessions<Claims>, claims: Claims) -> String {
    let login = sessions.login_checked_elsewhere(claims);
    login.expect("good claims").access_token().to_owned()
}

/// An access token of claims that are `Copy`.
pub fn copy_token(sessions: &Sessions<CopyClaims>) -> String {
    let login = sessions.login_checked_elsewhere(CopyClaims {
        sub: 248_289_761_001,
        admin: true,
    });
    login.expect("good claims").access_token().to_owned()
}

/// An access token of about so many bytes.
pub fn token_of(sessions: &Sessions<Claims>, bytes: usize) -> String {
    let mut claims = claims();
    let missing = bytes.saturating_sub(token(sessions, claims.clone()).len());
    claims.role.push_str(&"x".repeat(missing / 4 * 3));
    token(sessions, claims)
}

/// One token for each cause of a refusal, the cheap ones first.
pub fn refusals(sessions: &Sessions<Claims>) -> Vec<(&'static str, String)> {
    let good = token(sessions, claims());
    let (signed, signature) = good.rsplit_once('.').expect("three segments");
    let (header, payload) = signed.split_once('.').expect("three segments");
    let decoded = |segment: &str| {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(segment).expect("base64url");
        String::from_utf8(bytes).expect("JSON")
    };
    let encoded = |json: &str| URL_SAFE_NO_PAD.encode_to_string(json);
    let sign = |payload: &str| {
        let signed = format!("{header}.{}", encoded(payload));
        let mac = Hmac::<Sha256>::new_from_slice(ACCESS_SECRET.as_bytes()).expect("a key");
        let mac = mac.chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(mac))
    };
    let payload_json = decoded(payload);
    let other_header = encoded(&decoded(header).replace("at+jwt", "JWT"));
    let other_signature = signature.replacen(|first: char| first != 'A', "A", 1);
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    let at_yesterday = sessions.clone().with_clock(move || yesterday);
    vec![
        ("longer than 4096 bytes", good.repeat(20)),
        ("two segments", signed.to_owned()),
        (
            "another header",
            format!("{other_header}.{payload}.{signature}"),
        ),
        (
            "a signature that is not base64url",
            format!(
                "{signed}.{}",
                signature.replacen(|first: char| first != '!', "!", 1)
            ),
        ),
        ("another signature", format!("{signed}.{other_signature}")),
        ("no JSON", sign("no JSON")),
        (
            "a claim of another type",
            sign(&payload_json.replace(r#""sub":"248289761001""#, r#""sub":248289761001"#)),
        ),
        (
            "another audience",
            token(&sessions.clone().with_audience("other"), claims()),
        ),
        ("expired", token(&at_yesterday, claims())),
    ]
}
