//! Bytes as a payload under the right header and signature: a blank in front, which has the general reader read all of it,
//! changes nothing of what is said.

#![no_main]

use std::sync::LazyLock;

use fuzz::application::{Door, Kind};
use libfuzzer_sys::fuzz_target;

static DOOR: LazyLock<Door> = LazyLock::new(Door::new);

fuzz_target!(|data: &[u8]| {
    // Or the blank makes one of them too long.
    let data = data.get(..2048).unwrap_or(data);
    let otherwise = [b" ", data].concat();
    let both = |kind| [data, &otherwise].map(|payload| DOOR.token(kind, payload));
    let [one, other] = both(Kind::Access).map(|token| DOOR.session(&token));
    assert_eq!(one, other);
    let [one, other] =
        both(Kind::Refresh).map(|token| DOOR.present(Kind::Refresh, token.as_bytes()));
    assert_eq!(one, other);
});
