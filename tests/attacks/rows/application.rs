//! What the application, its clocks and its deployments do while a session lives.

use super::{login, logout, refresh};
use crate::app::Lookup::{Nobody, OtherSubject, Outage, Panic, User};
use crate::support::{DAY, MINUTE, Request};
use crate::table::To::{
    Flattened, HalfRotated, Large, LongSubject, Longer, Nested, Retired, Rotated, Shorter,
};
use crate::table::{
    ACCEPTED, ENDED, INVALID, LOGGED_OUT, MISTAKE, NOT_POST, OUTAGE, REFRESHED, RENEWED, Row,
    UNKNOWN, after, attacks, during, other, to,
};
use crate::victim::{Kind, Victim};

pub fn rows(rows: &mut Vec<Row>, ada: &Victim) {
    let cookies = &*ada.cookies();
    let me = || Request::get("/me").bearer(&ada.access);
    let again = || refresh(cookies);
    let (minutes, days) = (MINUTE.cast_signed(), DAY.cast_signed());
    let of = ada.of(Kind::Refresh);
    // As old as the absolute lifetime allows, and refreshed a moment ago.
    let at_the_end = |absolute: i64| {
        let mut claims = of.payload();
        let iat = claims["iat"].as_i64().unwrap() + absolute - 10;
        claims["iat"] = iat.into();
        claims["exp"] = (iat + 7 * days).into();
        refresh(ada.cookies_with(&of.with_payload(claims.to_string())))
    };
    attacks! { rows, "Application":
        "the user is gone" => during(Nobody, again()), ENDED.asked();
        "the user is gone, and the access token still counts" => during(Nobody, me()), ACCEPTED;
        "`Renew` gives another subject" => during(OtherSubject, again()), MISTAKE.asked();
        "`Renew` fails" => during(Outage, again()), OUTAGE.asked();
        "`Renew` panics" => during(Panic, again()), MISTAKE.asked();
        "`Renew` recovers" => during(User, again()), REFRESHED;
        "at logout: `Renew` fails" => during(Outage, logout(cookies)), LOGGED_OUT;
        "at a handler: `Renew` fails" => during(Outage, me()), ACCEPTED;

        "a clock 5 s behind" => after(-5, me()), ACCEPTED;
        "a clock 6 s behind" => after(-6, me()), INVALID;
        "at refresh: a clock 5 s behind" => after(-5, again()), REFRESHED;
        "at refresh: a clock 6 s behind" => after(-6, again()), OUTAGE;
        "at refresh: a clock a day behind" => after(-days, again()), OUTAGE;
        "at refresh: a clock more than a day behind" => after(-days - 1, again()), UNKNOWN;
        "at refresh: a clock two days behind" => after(-2 * days, again()), UNKNOWN;
        "at logout: a clock two days behind" => after(-2 * days, logout(cookies)), LOGGED_OUT;
        "two days later" => after(2 * days, me()), INVALID;
        "at refresh: two days later" => after(2 * days, again()), RENEWED;
        "at refresh: ten seconds before the absolute end" => after(30 * days - 10, at_the_end(30 * days)), REFRESHED;
        "at refresh: at the absolute end" => after(30 * days, at_the_end(30 * days)), ENDED;
        "at refresh: a second before the absolute end" => after(30 * days - 1, at_the_end(30 * days)), REFRESHED;

        "rotated keys" => to(Rotated, me()), ACCEPTED;
        "at refresh: rotated keys" => to(Rotated, again()), RENEWED;
        "retired keys" => to(Retired, me()), INVALID;
        "at refresh: retired keys" => to(Retired, again()), UNKNOWN;
        "at logout: retired keys" => to(Retired, logout(cookies)), LOGGED_OUT;
        "half-rotated keys" => to(HalfRotated, me()), INVALID;
        "at refresh: half-rotated keys" => to(HalfRotated, again()), REFRESHED;

        "shorter lifetimes, within" => to(Shorter, after(5 * minutes + 4, me())), ACCEPTED;
        "shorter lifetimes, behind" => to(Shorter, after(5 * minutes + 5, me())), INVALID;
        "at refresh: shorter lifetimes, within" => to(Shorter, after(days + 4, again())), RENEWED;
        "at refresh: shorter lifetimes, behind" => to(Shorter, after(days + 5, again())), ENDED;
        "at refresh: a shorter absolute lifetime" => to(Shorter, after(7 * days, at_the_end(7 * days))), ENDED;
        "longer lifetimes, within what was said at login" => to(Longer, after(15 * minutes + 4, me())), ACCEPTED;
        "longer lifetimes, behind what was said at login" => to(Longer, after(15 * minutes + 5, me())), INVALID;
        "at refresh: longer lifetimes, behind what was said at login" => to(Longer, after(7 * days + 5, again())), ENDED;
        "at refresh: longer lifetimes" => to(Longer, after(6 * days, again())), RENEWED;

        "at login: a handler that takes GET" => Request::get("/login-by-link/1"), NOT_POST;
        "at login: claims of 5 KB" => to(Large, login()), MISTAKE.asked();
        "at refresh: claims of 5 KB" => to(Large, again()), MISTAKE.asked();
        "at login: a subject of 300 bytes" => to(LongSubject, login()), MISTAKE.asked();
        "at login: a flattened map that holds `exp`" => to(Flattened, login()), MISTAKE.asked();
        "at refresh: a flattened map that holds `exp`" => to(Flattened, again()), MISTAKE.asked();
        "at refresh: routes nested elsewhere" => to(Nested, Request::post("/api/auth/refresh").header("Cookie", cookies)), MISTAKE;
        "at logout: routes nested elsewhere" => to(Nested, Request::post("/api/auth/logout").header("Cookie", cookies)), MISTAKE;
        "at refresh: routes nested elsewhere, at the policy's path" => to(Nested, again()), other(404);
    }
}
