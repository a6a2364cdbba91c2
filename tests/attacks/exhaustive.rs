//! All of a kind. Access tokens are in `tests/http`: `tokens` has HS256's, `public_keys` those of the other algorithms.

use axum::http::Method;

use crate::app::App;
use crate::door;
use crate::support::{
    ACCESS_SECRET, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET, REFRESH_SECRET, forge_like,
};
use crate::victim::{Kind, Victim};

#[tokio::test]
async fn every_truncation_and_every_changed_bit_of_the_cookies_is_refused() {
    let ada = Victim::log_in(1).await;
    let router = App::new().router();
    let cookies = ada.cookies().into_bytes();
    assert_eq!(door::refresh(&router, &cookies).await.status, 200);
    for length in 0..cookies.len() {
        let status = door::refresh(&router, &cookies[..length]).await.status;
        assert_eq!(status, 401, "cut to {length}");
    }
    let separator = ada.marker.len();
    for position in 0..cookies.len() {
        for bit in 0..8 {
            let mut changed = cookies.clone();
            changed[position] ^= 1 << bit;
            let status = door::refresh(&router, &changed).await.status;
            // A tab or nothing at all between two cookies is as good as a blank.
            let is_blank = position == separator + 1 && changed[position] == b'\t';
            if !is_blank {
                let what = String::from_utf8_lossy(&changed);
                assert!(
                    status == 401 || status == 400,
                    "bit {bit} of byte {position}: {status} for {what}"
                );
            }
        }
    }
}

/// Everything that takes a token, with the kind that it takes.
const ENDPOINTS: [(Method, &str, Kind); 9] = [
    (Method::GET, "/me", Kind::Access),
    (Method::POST, "/me", Kind::Access),
    (Method::GET, "/session", Kind::Access),
    (Method::GET, "/whoever", Kind::Access),
    (Method::DELETE, "/todos/1", Kind::Access),
    (Method::GET, "/fresh", Kind::Access),
    (Method::GET, "/recent", Kind::Access),
    (Method::GET, "/everything", Kind::Access),
    (Method::POST, "/auth/refresh", Kind::Refresh),
];

#[tokio::test]
async fn every_kind_is_refused_at_every_endpoint_but_its_own() {
    // An admin, whom every guard lets in.
    let admin = Victim::log_in(3).await;
    let router = App::new().router();
    let marker = admin.marker.split_once('=').unwrap().1;
    let sid = admin.of(Kind::Access).payload()["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let signed = |token: &str, of: &str, secret| {
        forge_like(token, &crate::support::payload(of).to_string(), secret)
    };
    let presented = [
        ("an access token", admin.access.clone(), Some(Kind::Access)),
        (
            "a refresh token",
            admin.refresh.clone(),
            Some(Kind::Refresh),
        ),
        ("the marker", marker.to_owned(), None),
        ("the sid", sid, None),
        (
            "an access token's claims as a refresh token",
            signed(&admin.refresh, &admin.access, REFRESH_SECRET),
            None,
        ),
        (
            "a refresh token's claims as an access token",
            signed(&admin.access, &admin.refresh, ACCESS_SECRET),
            None,
        ),
        (
            "an access token under the refresh key",
            signed(&admin.access, &admin.access, REFRESH_SECRET),
            None,
        ),
        (
            "a refresh token under the access key",
            signed(&admin.refresh, &admin.refresh, ACCESS_SECRET),
            None,
        ),
        (
            "an access token of the next key",
            signed(&admin.access, &admin.access, NEXT_ACCESS_SECRET),
            None,
        ),
        (
            "a refresh token of the next key",
            signed(&admin.refresh, &admin.refresh, NEXT_REFRESH_SECRET),
            None,
        ),
        ("a secret", ACCESS_SECRET.to_owned(), None),
        ("nothing", String::new(), None),
    ];
    for (what, token, kind) in &presented {
        for (method, target, takes) in &ENDPOINTS {
            // Where the other kind of token is taken, this one is presented in both ways.
            let bearer = door::bearer(&router, method.clone(), target, token.as_bytes()).await;
            let expects_bearer = *kind == Some(Kind::Access) && *takes == Kind::Access;
            assert_eq!(
                bearer.status < 300,
                expects_bearer,
                "{what} as Bearer at {method} {target}"
            );
            let cookies = admin.cookies_with(token);
            let cookie = axum::http::header::COOKIE;
            let cookie =
                door::send(&router, method.clone(), target, cookie, cookies.as_bytes()).await;
            let is_open = *target == "/whoever";
            let expects_cookie = *kind == Some(Kind::Refresh) && *takes == Kind::Refresh;
            assert_eq!(
                cookie.status < 300,
                expects_cookie || is_open,
                "{what} as cookie at {method} {target}"
            );
            if is_open {
                assert_eq!(cookie.body, "anonymous");
            }
        }
    }
}
