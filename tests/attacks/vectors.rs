//! What others wrote down. The vectors about signatures are in the runtime, where their keys can be loaded.

use axum::http::Method;
use serde::Deserialize;

use crate::app::App;
use crate::door;
use crate::support::Request;
use crate::support::Server;
use crate::victim::{Forger, Kind, Victim};

/// RFC 7515, appendices A.1 to A.7, and RFC 7519, section 6.1: whoever signed these did not sign for us.
#[tokio::test]
async fn the_examples_of_the_rfcs_open_no_door() {
    const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let server = Server::start(App::new().router()).await;
    for (name, header, payload, signature) in [
        (
            "A.1, HS256",
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            JOE,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            "A.2, RS256",
            "eyJhbGciOiJSUzI1NiJ9",
            JOE,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            "A.3, ES256",
            "eyJhbGciOiJFUzI1NiJ9",
            JOE,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        ("A.5, unsecured", "eyJhbGciOiJub25lIn0", JOE, ""),
    ] {
        let token = format!("{header}.{payload}.{signature}");
        let answer = server.send(&Request::get("/me").bearer(&token)).await;
        assert_eq!(answer.status, 401, "{name}");
        let json = format!(
            r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#
        );
        let answer = server.send(&Request::get("/me").bearer(&json)).await;
        assert_eq!(answer.status, 400, "{name}, as JSON of A.7");
    }
}

/// One file of `JSONTestSuite`.
#[derive(Deserialize)]
struct JsonVector {
    name: String,
    expect: String,
    base64: String,
}

/// Every file is tried as a payload, and inside one as the value of a claim that nobody reads.
#[tokio::test]
#[ignore = "needs the vectors beside the repository, ../shared/vectors or $VECTORS"]
async fn what_json_test_suite_rejects_is_refused_under_a_right_signature() {
    let folder = std::env::var("VECTORS").unwrap_or_else(|_| "../shared/vectors".to_owned());
    let file = std::fs::read(format!("{folder}/json_parsing.json")).unwrap();
    let vectors: Vec<JsonVector> = serde_json::from_slice(&file).unwrap();
    let ada = Victim::log_in(1).await;
    let router = App::new().router();
    let (mut accepted, mut rejected, mut either) = (0, 0, 0);
    for vector in &vectors {
        let json = base64_simd::STANDARD.decode_to_vec(&vector.base64).unwrap();
        for kind in [Kind::Access, Kind::Refresh] {
            let of = ada.of(kind);
            assert!(
                !counts(&router, &ada, kind, &json).await,
                "{} alone",
                vector.name
            );
            let fits = json.len() < 2_000;
            for payload in [first(of, &json), last(of, &json)] {
                let counts = counts(&router, &ada, kind, &payload).await;
                match &*vector.expect {
                    // A refresh token has no member that nobody reads.
                    "accept" => {
                        assert_eq!(counts, fits && kind == Kind::Access, "{}", vector.name);
                    }
                    "reject" => assert!(!counts, "{}", vector.name),
                    _ => {}
                }
            }
        }
        match &*vector.expect {
            "accept" => accepted += 1,
            "reject" => rejected += 1,
            _ => either += 1,
        }
    }
    println!(
        "JSONTestSuite: {accepted} accepted, {rejected} rejected, {either} that may be either"
    );
    assert!(accepted > 90 && rejected > 180 && either > 30);
}

/// The claims with a member before or behind them.
fn first(of: Forger<'_>, value: &[u8]) -> Vec<u8> {
    let claims = of.payload().to_string();
    [br#"{"x":"#, value, b",", &claims.as_bytes()[1..]].concat()
}

fn last(of: Forger<'_>, value: &[u8]) -> Vec<u8> {
    let claims = of.payload().to_string();
    [
        &claims.as_bytes()[..claims.len() - 1],
        br#","x":"#,
        value,
        b"}",
    ]
    .concat()
}

/// Whether a payload counts under the right header and signature.
async fn counts(router: &axum::Router, ada: &Victim, kind: Kind, payload: &[u8]) -> bool {
    let token = ada.of(kind).with_payload(payload);
    let answer = match kind {
        Kind::Access => door::bearer(router, Method::GET, "/me", token.as_bytes()).await,
        Kind::Refresh => door::refresh(router, ada.cookies_with(&token).as_bytes()).await,
    };
    assert!(answer.status < 500);
    answer.status == 200
}
