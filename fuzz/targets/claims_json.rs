//! Bytes as a payload under the right header and signature: what counts is an object with all registered claims, each of
//! them once, of its type and of our parties, and its times are right.

#![no_main]

use std::fmt;
use std::sync::LazyLock;

use fuzz::application::{Door, Kind, NOW};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

static DOOR: LazyLock<Door> = LazyLock::new(Door::new);

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMembers;

        impl<'de> Visitor<'de> for OfMembers {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut entries: A,
            ) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = entries.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(OfMembers)
    }
}

fuzz_target!(|data: &[u8]| {
    for kind in [Kind::Access, Kind::Refresh] {
        let token = DOOR.token(kind, data);
        match DOOR.present(kind, token.as_bytes()).unwrap() {
            200 => check(kind, data),
            401 => {}
            503 if kind == Kind::Refresh => {}
            other => panic!("{other} for {kind:?}"),
        }
    }
});

fn check(kind: Kind, payload: &[u8]) {
    let text = std::str::from_utf8(payload).unwrap();
    let _: IgnoredAny = serde_json::from_str(text).unwrap();
    let Members(members) = serde_json::from_str(text).unwrap();
    let once = |name: &str| {
        let mut values = members.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.get());
        assert!(values.next().is_none(), "`{name}` stands twice");
        value
    };
    let text_of = |name: &str| serde_json::from_str::<String>(once(name).unwrap()).unwrap();
    let time_of = |name: &str| once(name).unwrap().parse::<u64>().unwrap();
    assert_eq!(text_of("iss"), "fuzz");
    assert_eq!(text_of("aud"), kind.audience());
    assert!((1..=255).contains(&text_of("sub").len()));
    assert_eq!(text_of("sid").len(), 22);
    let (auth_time, iat, exp) = (time_of("auth_time"), time_of("iat"), time_of("exp"));
    let nbf = once("nbf").map_or(0, |nbf| nbf.parse().unwrap());
    assert!(auth_time.max(iat).max(nbf) <= NOW + 5);
    let absolute_end = auth_time.saturating_add(30 * 24 * 60 * 60);
    let end = exp
        .min(iat.saturating_add(kind.lifetime()))
        .min(absolute_end);
    assert!(NOW < end.saturating_add(5));
    once("jti");
    match kind {
        Kind::Access => {
            once("name");
            once("generation").unwrap().parse::<u64>().unwrap();
        }
        Kind::Refresh => {
            assert!(once("gen").is_none_or(|generation| generation == "0"));
            let known = [
                "iss",
                "aud",
                "sub",
                "sid",
                "auth_time",
                "iat",
                "exp",
                "nbf",
                "jti",
                "gen",
            ];
            assert!(members.iter().all(|(name, _)| known.contains(&&**name)));
        }
    }
}
