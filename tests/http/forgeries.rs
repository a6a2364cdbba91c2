//! Access tokens that nobody may accept, made of a good one by somebody who has the key.

use crate::support::{
    ACCESS_SECRET, NEXT_ACCESS_SECRET, REFRESH_SECRET, START, forge, forge_like, header, payload,
};

/// Each with what is wrong with it.
pub fn forgeries(token: &str) -> Vec<(&'static str, String)> {
    let claims = payload(token).to_string();
    let [header_segment, payload_segment, signature] = token.split('.').collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    let own = payload(token);
    let (issuer, audience) = (own["iss"].as_str().unwrap(), own["aud"].as_str().unwrap());
    let json = header(token).to_string();
    let without = |name: &str| {
        let mut claims = payload(token);
        claims.as_object_mut().unwrap().remove(name);
        forge_like(token, &claims.to_string(), ACCESS_SECRET)
    };
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = payload(token);
        claims[name] = value;
        forge_like(token, &claims.to_string(), ACCESS_SECRET)
    };
    let verbatim = |payload: &str| forge_like(token, payload, ACCESS_SECRET);
    let with_header = |header: &str| forge(header, &claims, ACCESS_SECRET);
    vec![
        ("alg none", with_header(&json.replace("HS256", "none"))),
        ("alg None", with_header(&json.replace("HS256", "None"))),
        ("alg nOnE", with_header(&json.replace("HS256", "nOnE"))),
        ("alg none without signature", {
            let token = with_header(&json.replace("HS256", "none"));
            token[..=token.rfind('.').unwrap()].to_owned()
        }),
        ("alg HS512", with_header(&json.replace("HS256", "HS512"))),
        ("alg RS256", with_header(&json.replace("HS256", "RS256"))),
        ("alg missing", with_header(r#"{"typ":"at+jwt"}"#)),
        ("alg a number", with_header(r#"{"typ":"at+jwt","alg":256}"#)),
        (
            "alg in lower case",
            with_header(&json.replace("HS256", "hs256")),
        ),
        ("header an array", with_header("[]")),
        ("header no JSON", with_header("{")),
        ("other key", forge_like(token, &claims, NEXT_ACCESS_SECRET)),
        (
            "the other kind's key",
            forge_like(token, &claims, REFRESH_SECRET),
        ),
        ("empty key", forge_like(token, &claims, "")),
        ("key `secret`", forge_like(token, &claims, "secret")),
        (
            "no signature",
            format!("{header_segment}.{payload_segment}."),
        ),
        ("one segment", header_segment.to_owned()),
        (
            "two segments",
            format!("{header_segment}.{payload_segment}"),
        ),
        ("four segments", format!("{token}.{signature}")),
        ("trailing dot", format!("{token}.")),
        ("leading dot", format!(".{token}")),
        ("padding", format!("{token}=")),
        (
            "the alphabet of plain base64",
            token.replacen(".e", ".+", 1),
        ),
        (
            "another payload",
            format!(
                "{header_segment}.{}.{signature}",
                payload_segment.replace('a', "b")
            ),
        ),
        ("payload an array", verbatim("[]")),
        ("payload a string", verbatim("\"x\"")),
        ("payload a number", verbatim("1")),
        ("payload null", verbatim("null")),
        ("payload empty", verbatim("")),
        ("payload an empty object", verbatim("{}")),
        ("two objects", verbatim(&format!("{claims}{claims}"))),
        ("trailing comma", verbatim(&claims.replace('}', ",}"))),
        ("byte order mark", verbatim(&format!("\u{feff}{claims}"))),
        ("NaN", verbatim(&claims.replace(&START.to_string(), "NaN"))),
        ("no exp", without("exp")),
        ("no iat", without("iat")),
        ("no iss", without("iss")),
        ("no aud", without("aud")),
        ("no sub", without("sub")),
        ("no sid", without("sid")),
        ("no auth_time", without("auth_time")),
        ("exp null", with("exp", ().into())),
        ("exp true", with("exp", true.into())),
        ("exp a string", with("exp", "1800000900".into())),
        ("exp a fraction", with("exp", 1_800_000_900.5.into())),
        ("exp huge", with("exp", 1e300.into())),
        ("exp negative", with("exp", (-1).into())),
        ("exp an array", with("exp", vec![START].into())),
        ("iat a string", with("iat", "x".into())),
        ("auth_time negative", with("auth_time", (-1).into())),
        ("sid a number", with("sid", 7.into())),
        ("sub a number", with("sub", 7.into())),
        ("sub null", with("sub", ().into())),
        ("iss another", with("iss", "mallory".into())),
        (
            "iss in other case",
            with("iss", issuer.to_uppercase().into()),
        ),
        ("iss with a slash", with("iss", format!("{issuer}/").into())),
        ("aud another", with("aud", "mallory".into())),
        (
            "aud of the refresh token",
            with("aud", format!("{audience}#refresh").into()),
        ),
        (
            "exp twice",
            verbatim(&claims.replacen('{', r#"{"exp":1,"#, 1)),
        ),
        (
            "sub twice",
            verbatim(&claims.replacen('{', r#"{"sub":"eve","#, 1)),
        ),
        (
            "sub twice, once escaped",
            verbatim(&claims.replacen('{', r#"{"\u0073ub":"eve","#, 1)),
        ),
    ]
}
