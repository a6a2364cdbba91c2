//! Bytes as the `Authorization` header. Byte 1 stands for a token that counts.

#![no_main]

use std::sync::LazyLock;

use fuzz::application::{Door, Kind, written_out};
use libfuzzer_sys::fuzz_target;

static DOOR: LazyLock<(Door, String)> = LazyLock::new(|| {
    let door = Door::new();
    let token = door.valid(Kind::Access);
    (door, token)
});

fuzz_target!(|data: &[u8]| {
    let (door, token) = &*DOOR;
    let header = written_out(data, &[token]);
    let Some(answer) = door.send("GET", "/me", "authorization", &header) else {
        return;
    };
    // RFC 6750, section 2.1, with a scheme in any case and any number of blanks.
    let is_bearer = header
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer "));
    let blanks = header
        .iter()
        .skip(7)
        .take_while(|byte| **byte == b' ')
        .count();
    let is_ours = is_bearer && header[7 + blanks..] == *token.as_bytes();
    match answer.status().as_u16() {
        200 => assert!(is_ours),
        400 | 401 => assert!(!is_ours && answer.headers().contains_key("www-authenticate")),
        other => panic!("{other}"),
    }
});
