//! Headers, segments and encodings. What can be signed is signed with the right key.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha384, Sha512};

use super::{present, suffix};
use crate::support::{ACCESS_SECRET, NEXT_ACCESS_SECRET, REFRESH_SECRET, forge, sign};
use crate::table::{ACCEPTED, Attack, Expected, INVALID, MALFORMED, Row, UNKNOWN, attacks, other};
use crate::victim::{Forger, Kind, Victim};

/// RFC 8037, appendix A.2, as the file that a public key is handed out in.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

pub fn rows(rows: &mut Vec<Row>, ada: &Victim, kind: Kind, nobody: &str) {
    let of = ada.of(kind);
    let ending = suffix(kind);
    let (refused, other_secret, typ, other_typ) = match kind {
        Kind::Access => (INVALID, REFRESH_SECRET, "at+jwt", "rt+jwt"),
        Kind::Refresh => (UNKNOWN, ACCESS_SECRET, "rt+jwt", "at+jwt"),
    };
    let json = of.header().to_string();
    let key_id = of.header()["kid"].as_str().unwrap().to_owned();
    let [header, payload, signature] = of.segments();
    let token = of.token;
    let claims = of.payload().to_string();
    let alg = |alg: &str| of.with_header(&json.replace("HS256", alg));
    let unsigned = |token: String| format!("{}.", token.rsplit_once('.').unwrap().0);
    let kid_of = |other: &str| of.with_header(&json.replace(&key_id, other));
    let typ_of = |other: &str| of.with_header(&json.replace(typ, other));
    let member = |member: &str| of.with_member(member);
    let url = |name: &str| member(&format!(r#""{name}":"http://{nobody}/{name}""#));
    let joined = |segments: &[&str]| segments.join(".");
    let mut row = |name: &str, token: String, expected: Expected| {
        let attack: Attack = present(ada, kind, &token);
        let name = format!("{name}{ending}");
        attacks!(rows, "Structure": name => attack, expected;);
    };
    /// Rows, one a line, of tokens that are refused.
    macro_rules! refuse {
        ($($name:expr => $token:expr;)*) => { $(row($name, $token, refused);)* };
    }

    for none in ["none", "None", "NONE", "nOnE"] {
        row(&format!("alg {none}, signed"), alg(none), refused);
        row(
            &format!("alg {none}, without a signature"),
            unsigned(alg(none)),
            refused,
        );
    }
    for name in [
        "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", "HS256 ", "", "dir",
    ] {
        row(
            &format!("alg `{name}` with the key of HS256"),
            alg(name),
            refused,
        );
    }
    refuse! {
        "alg missing" => of.with_header(&format!(r#"{{"typ":"{typ}","kid":"{key_id}"}}"#));
        "alg a number" => of.with_header(&json.replace(r#""HS256""#, "256"));
        "alg an array" => of.with_header(&json.replace(r#""HS256""#, r#"["HS256"]"#));
        "alg null" => of.with_header(&json.replace(r#""HS256""#, "null"));
        "alg twice" => member(r#""alg":"none""#);
        "alg twice, the same" => member(r#""alg":"HS256""#);
        "alg escaped" => of.with_header(&json.replace(r#""alg""#, r#""\u0061lg""#));
        "a public key's bytes as the secret" => of.signed_with(PUBLIC_KEY);
        "a public key's bytes as the secret, alg EdDSA" => forge(&json.replace("HS256", "EdDSA"), &claims, PUBLIC_KEY);
        "an empty key" => of.signed_with("");
        "the key `secret`" => of.signed_with("secret");
        "HMAC with SHA-384 and our key" => mac::<Sha384>(&of);
        "HMAC with SHA-512 and our key" => mac::<Sha512>(&of);
        "the key with a line feed behind it" => of.signed_with(&format!("{}\n", of.secret));
        "the key in lower case" => of.signed_with(&of.secret.to_lowercase());
        "a key of another deployment" => of.signed_with(NEXT_ACCESS_SECRET);
        "the other kind's key" => of.signed_with(other_secret);

        "kid missing" => of.with_header(&format!(r#"{{"typ":"{typ}","alg":"HS256"}}"#));
        "kid unknown" => kid_of("unknown");
        "kid empty" => kid_of("");
        "kid in lower case" => kid_of(&key_id.to_lowercase());
        "kid a path" => kid_of("../../../../dev/null");
        "kid an absolute path" => kid_of("/proc/sys/kernel/randomize_va_space");
        "kid SQL" => kid_of("x' UNION SELECT 'secret' --");
        "kid a command" => kid_of("x; touch /tmp/attacked");
        "kid with NUL" => kid_of(&format!("{key_id}\\u0000"));
        "kid a URL" => kid_of(&format!("http://{nobody}/kid"));
        "kid null" => of.with_header(&json.replace(&format!("\"{key_id}\""), "null"));
        "kid a number" => of.with_header(&json.replace(&format!("\"{key_id}\""), "7"));
        "kid twice" => member(&format!(r#""kid":"{key_id}""#));
        "kid of 3 KB" => kid_of(&"k".repeat(3_000));
        "kid of 64 KB" => kid_of(&"k".repeat(65_536));
    }
    for name in ["jku", "x5u"] {
        row(&format!("{name} of the attacker"), url(name), refused);
    }
    refuse! {
        "jwk" => member(r#""jwk":{"kty":"oct","k":"c2VjcmV0"}"#);
        "jwk, signed with it" => {
            let header = json.replacen('{', r#"{"jwk":{"kty":"oct","k":"c2VjcmV0"},"#, 1);
            forge(&header, &claims, "secret")
        };
        "x5c" => member(r#""x5c":["MIIB"]"#);
        "x5t" => member(r#""x5t":"AAAA""#);
        "crit of a claim" => member(r#""crit":["exp"],"exp":1"#);
        "crit empty" => member(r#""crit":[]"#);
        "crit unknown" => member(r#""crit":["x"],"x":1"#);
        "crit a string" => member(r#""crit":"exp""#);
        "crit null" => member(r#""crit":null"#);
        "b64 false" => member(r#""b64":false"#);
        "b64 false and critical" => member(r#""crit":["b64"],"b64":false"#);
        "b64 false, with the payload as it is" => {
            let header = json.replacen('{', r#"{"b64":false,"crit":["b64"],"#, 1);
            let header = base64_simd::URL_SAFE_NO_PAD.encode_to_string(header.as_bytes());
            sign(&format!("{header}.{{}}"), of.secret)
        };
        "zip" => member(r#""zip":"DEF""#);
        "cty JWT" => member(r#""cty":"JWT""#);
        "a nested token" => forge(&json.replacen('{', r#"{"cty":"JWT","#, 1), token, of.secret);
        "a nested token under our header" => of.with_payload(token);
        "an encrypted token" => {
            let header = r#"{"alg":"dir","enc":"A128CBC-HS256"}"#;
            let header = base64_simd::URL_SAFE_NO_PAD.encode_to_string(header.as_bytes());
            format!("{header}..AAAAAAAAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA")
        };
        "an encrypted token with three segments" => of.with_header(r#"{"alg":"dir","enc":"A256GCM"}"#);

        "typ missing" => of.with_header(&format!(r#"{{"alg":"HS256","kid":"{key_id}"}}"#));
        "typ JWT" => typ_of("JWT");
        "typ of the other kind" => typ_of(other_typ);
        "typ with its prefix" => typ_of(&format!("application/{typ}"));
        "typ in upper case" => typ_of(&typ.to_uppercase());
        "typ null" => of.with_header(&json.replace(&format!("\"{typ}\""), "null"));
        "the members in another order" => of.with_header(&format!(r#"{{"kid":"{key_id}","typ":"{typ}","alg":"HS256"}}"#));
        "a blank in the header" => of.with_header(&format!(r#"{{"typ": "{typ}","alg":"HS256","kid":"{key_id}"}}"#));
        "a line feed behind the header" => of.with_header(&format!("{}\n", pinned(header)));
        "a byte order mark before the header" => of.with_header(&format!("\u{feff}{}", pinned(header)));
        "one member more" => member(r#""x":1"#);
        "the header an array" => of.with_header("[]");
        "the header a string" => of.with_header("\"HS256\"");
        "the header an empty object" => of.with_header("{}");
        "the header no JSON" => of.with_header("{");
        "the header empty" => of.with_header("");
        "the header 200 deep" => of.with_header(&"[".repeat(200));
    }

    let signed = format!("{header}.{payload}");
    let swapped = |from: char, to: char| token.replace(from, &to.to_string());
    refuse! {
        "one segment" => header.to_owned();
        "two segments" => signed.clone();
        "no signature" => format!("{signed}.");
        "no payload" => joined(&[header, "", signature]);
        "no payload, signed" => sign(&format!("{header}."), of.secret);
        "no header" => joined(&["", payload, signature]);
        "no header, signed" => sign(&format!(".{payload}"), of.secret);
        "dots alone" => "..".to_owned();
        "four segments" => joined(&[header, payload, signature, signature]);
        "five segments" => joined(&[header, payload, signature, "", ""]);
        "a trailing dot" => format!("{token}.");
        "a leading dot" => format!(".{token}");
        "the segments in another order" => joined(&[payload, header, signature]);
        "the signature of another token" => joined(&[header, payload, ada.of(other_kind(kind)).segments()[2]]);
        "a signature of 31 bytes" => format!("{signed}.{}", &signature[..42]);
        "a signature of 64 bytes" => format!("{signed}.{}", "A".repeat(86));
        "a signature of zeros" => format!("{signed}.{}", "A".repeat(43));
        "a signature of 2 KB" => format!("{signed}.{}", "A".repeat(2_731));
        "padding behind the signature" => format!("{token}=");
        "padding behind the payload, signed" => sign(&format!("{signed}="), of.secret);
        "padding behind the header, signed" => sign(&format!("{header}=.{payload}"), of.secret);
        "plain base64 for base64url" => swapped('_', '/').replace('-', "+") + "+/";
        "unused bits in the signature" => with_unused_bits(token);
        "unused bits in the payload, signed" => {
            // Two bytes leave two bits unused: `AB` differs from `AA` in them alone.
            let padded = format!("{claims}{}", " ".repeat((4 - claims.len() % 3) % 3));
            let payload = base64_simd::URL_SAFE_NO_PAD.encode_to_string(padded.as_bytes());
            sign(&with_unused_bits(&format!("{header}.{payload}")), of.secret)
        };
        "one character of base64 too many" => format!("{token}A");
        "percent-encoded dots" => token.replace('.', "%2E");
        "a percent-encoded letter" => token.replacen('e', "%65", 1);
        "another letter's case" => swapped('J', 'j');
        "4096 bytes that are no token" => "a".repeat(4_096);
        "longer than 4096 bytes, correctly signed" => longest(&of).1;
    }

    row(
        "nearly 4096 bytes, correctly signed",
        longest(&of).0,
        ACCEPTED,
    );
    row(
        "the payload's members in another order, correctly signed",
        of.with_payload(reversed(&of.payload())),
        ACCEPTED,
    );
    let json =
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#);
    // Its commas make a list of it in `Authorization`.
    row(
        "JSON serialization",
        json,
        if kind == Kind::Access {
            MALFORMED
        } else {
            UNKNOWN
        },
    );
    if kind == Kind::Access {
        row("kid of 1 MB", kid_of(&"k".repeat(1_000_000)), other(431));
        for (name, byte) in [
            ("a line feed", "\n"),
            ("a carriage return", "\r"),
            ("NUL", "\0"),
        ] {
            let token = format!("{}{byte}{}", &token[..9], &token[9..]);
            row(&format!("{name} in the token"), token, other(400));
        }
    }
}

/// The token with the authentication code of another hash, under the header as it is.
fn mac<D: EagerHash>(of: &Forger<'_>) -> String
where
    Hmac<D>: KeyInit + Mac,
{
    let [header, payload, _] = of.segments();
    let signed = format!("{header}.{payload}");
    let mac = <Hmac<D> as KeyInit>::new_from_slice(of.secret.as_bytes()).unwrap();
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    format!(
        "{signed}.{}",
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&mac)
    )
}

fn other_kind(kind: Kind) -> Kind {
    match kind {
        Kind::Access => Kind::Refresh,
        Kind::Refresh => Kind::Access,
    }
}

/// The pinned header, decoded.
fn pinned(segment: &str) -> String {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(segment).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The last character with another of its unused bits.
fn with_unused_bits(encoded: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = encoded.split_at(encoded.len() - 1);
    let position = ALPHABET
        .iter()
        .position(|byte| *byte == last.as_bytes()[0])
        .unwrap();
    format!("{rest}{}", char::from(ALPHABET[position ^ 1]))
}

/// The longest token that counts, and the shortest that does not.
fn longest(of: &Forger<'_>) -> (String, String) {
    let token_of = |filler: usize| of.with("jti", "x".repeat(filler));
    let base = token_of(0).len();
    // Three bytes of payload are four characters.
    let mut filler = (4_096 - base) / 4 * 3;
    while token_of(filler + 1).len() <= 4_096 {
        filler += 1;
    }
    (token_of(filler), token_of(filler + 1))
}

fn reversed(claims: &Value) -> String {
    let members = claims.as_object().unwrap().iter().rev();
    let members: Vec<String> = members
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}
