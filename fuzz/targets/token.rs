//! Bytes as a token, of both kinds: none counts that was not issued.

#![no_main]

use std::sync::LazyLock;

use fuzz::application::{Door, Kind, written_out};
use libfuzzer_sys::fuzz_target;

static DOOR: LazyLock<(Door, [String; 2])> = LazyLock::new(|| {
    let door = Door::new();
    let valid = [door.valid(Kind::Access), door.valid(Kind::Refresh)];
    (door, valid)
});

fuzz_target!(|data: &[u8]| {
    let (door, [access, refresh]) = &*DOOR;
    let segments: Vec<&str> = access.split('.').chain(refresh.split('.')).collect();
    let token = written_out(data, &segments);
    for (kind, issued) in [(Kind::Access, access), (Kind::Refresh, refresh)] {
        let Some(status) = door.present(kind, &token) else {
            continue;
        };
        match status {
            200 => {
                // What a header or a cookie takes away belongs to no token.
                let token = token
                    .split(|byte| *byte == b';')
                    .next()
                    .unwrap()
                    .trim_ascii();
                assert_eq!(token, issued.as_bytes(), "{kind:?}");
            }
            400 | 401 => assert_ne!(token, issued.as_bytes(), "{kind:?}"),
            other => panic!("{other}"),
        }
    }
});
