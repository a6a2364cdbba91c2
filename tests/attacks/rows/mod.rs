//! The rows of the table, by what they attack.

use crate::support::Request;
use crate::table::{Attack, Row};
use crate::victim::{Kind, Victim};

mod application;
mod authorization;
mod claims;
mod cookies;
pub mod deployments;
mod http;
mod structure;

/// All rows. At the address `nobody` nobody may call.
pub fn all(ada: &Victim, eve: &Victim, nobody: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    authorization::rows(&mut rows, ada);
    for kind in [Kind::Access, Kind::Refresh] {
        structure::rows(&mut rows, ada, kind, nobody);
        claims::rows(&mut rows, ada, kind);
    }
    cookies::rows(&mut rows, ada, eve);
    http::rows(&mut rows, ada);
    application::rows(&mut rows, ada);
    rows
}

/// Presents a token of a kind where tokens of this kind count.
fn present(victim: &Victim, kind: Kind, token: &str) -> Attack {
    match kind {
        Kind::Access => Request::get("/me").bearer(token).into(),
        Kind::Refresh => refresh(victim.cookies_with(token)).into(),
    }
}

fn refresh(cookies: impl AsRef<[u8]>) -> Request {
    Request::post("/auth/refresh").header("Cookie", cookies)
}

fn logout(cookies: impl AsRef<[u8]>) -> Request {
    Request::post("/auth/logout").header("Cookie", cookies)
}

fn login() -> Request {
    Request::post("/login").json(r#"{"user": 1}"#)
}

/// What stands behind a row's name for the second kind of token.
fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => "",
        Kind::Refresh => ", as refresh token",
    }
}
