//! What happens where another dependency switches on `serde_json`'s feature `arbitrary_precision`, under which numbers travel
//! as maps through serde: claims that would not read back are refused at login, and ordinary ones are as they were.
#![expect(unreachable_pub, reason = "nobody uses a test binary")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stateless_session::{IssueError, SessionClaims, Sessions, TokenResponse, stateless_session};

#[path = "../../../http/read_back.rs"]
mod read_back;
#[path = "../../../http/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the root")]
mod support;

fn login<C: SessionClaims>(claims: C) -> Result<(TokenResponse, C), IssueError> {
    let sessions = Sessions::new(support::keys());
    let login = sessions.login_checked_elsewhere(claims)?;
    let session = sessions.verify(login.access_token());
    Ok((login, session.expect("what is issued counts").into_claims()))
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Quotas {
    sub: u64,
    #[serde(flatten)]
    quotas: BTreeMap<String, u64>,
}

/// Fractions in a flattened map count without the feature.
#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shares {
    sub: u64,
    #[serde(flatten)]
    shares: BTreeMap<String, f64>,
}

#[test]
fn the_feature_is_on() {
    let long = "0.1234567890123456789012345678901234567890";
    let number: serde_json::Number = serde_json::from_str(long).unwrap();
    assert_eq!(number.to_string(), long);
}

#[test]
fn what_the_feature_breaks_is_refused_at_login() {
    let none = login(Shares {
        sub: 7,
        shares: BTreeMap::new(),
    });
    assert!(none.is_ok());
    let shares = BTreeMap::from([("disk".to_owned(), 0.5)]);
    let error = login(Shares { sub: 7, shares }).unwrap_err();
    assert!(matches!(error, IssueError::ReadBack(_)), "{error:?}");
}

#[test]
fn integers_in_a_flattened_map_are_as_they_were() {
    let quotas = BTreeMap::from([("disk".to_owned(), 7)]);
    let claims = Quotas { sub: 7, quotas };
    assert_eq!(login(claims.clone()).unwrap().1, claims);
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Plain {
    sub: i64,
    least: i64,
    most: u64,
    share: f64,
    value: serde_json::Value,
}

#[test]
fn integers_and_fractions_of_a_plain_struct_come_back_as_they_went() {
    let claims = Plain {
        sub: i64::MIN,
        least: i64::MIN,
        most: u64::MAX,
        share: 0.1,
        value: serde_json::json!({"a": [1, 0.5, null]}),
    };
    let (_, read) = login(claims.clone()).unwrap();
    assert_eq!(read, claims);
}
