//! Bytes as the `Cookie` header of a refresh, a logout and a login. Bytes 1 to 4 stand for our marker, the name of our
//! refresh cookie, its token, and both cookies.

#![no_main]

use std::sync::LazyLock;

use fuzz::application::{COOKIE_NAME, Door, Kind, MARKER, written_out};
use libfuzzer_sys::fuzz_target;

static DOOR: LazyLock<(Door, String, String)> = LazyLock::new(|| {
    let door = Door::new();
    let token = door.valid(Kind::Refresh);
    let ours = format!("{MARKER}; {COOKIE_NAME}={token}");
    (door, token, ours)
});

fuzz_target!(|data: &[u8]| {
    let (door, token, ours) = &*DOOR;
    let line = written_out(data, &[MARKER, COOKIE_NAME, token, ours]);
    let Some(answer) = door.send("POST", "/auth/refresh", "cookie", &line) else {
        return;
    };
    let holds = |text: &str| {
        line.windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    match answer.status().as_u16() {
        200 => assert!(holds(MARKER) && holds(COOKIE_NAME) && holds(token)),
        401 => assert!(!answer.headers().contains_key("set-cookie")),
        other => panic!("{other}"),
    }
    let logout = door.send("POST", "/auth/logout", "cookie", &line).unwrap();
    assert_eq!(logout.status().as_u16(), 204);
    let login = door.send("POST", "/login", "cookie", &line).unwrap();
    assert_eq!(login.status().as_u16(), 200);
    for answer in [&logout, &login] {
        assert!(answer.headers().get_all("set-cookie").iter().count() <= 12);
    }
    // What does not name our cookies changes nothing beside them.
    if !holds("fuzz") {
        for line in [
            [&line, &b"; "[..], ours.as_bytes()].concat(),
            [ours.as_bytes(), b"; ", &line].concat(),
        ] {
            let answer = door.send("POST", "/auth/refresh", "cookie", &line).unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            assert!(!answer.headers().contains_key("set-cookie"));
        }
    }
});
