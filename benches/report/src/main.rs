//! Prints how fast the crate is beside the floor and its peers, as Markdown: times of one run, and their ratios.

mod measure;
mod refresh;

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum_extra::extract::CookieJar;
use floor::exchange::Exchange;
use floor::{Claims, CopyClaims, Floor, app, samples};
use jwt_simple::prelude::{HS256Key, MACLike, VerificationOptions};
use measure::{Figure, Group};
use report::peers;
use stateless_session::Sessions;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

fn main() {
    let sessions = samples::sessions();
    verify(&sessions);
    cold(&sessions);
    refuse(&sessions);
    unauthorized(&sessions);
    sizes(&sessions);
    rings(&sessions);
    login(&sessions);
    extractors(&sessions);
    refreshes(&sessions);
    cookies(&sessions);
    threads(&sessions);
}

/// A table of times, with ratios to the first line's.
fn table(title: &str, figures: &[Figure]) {
    println!("\n### {title}\n\n| | ns | ratio | allocations |\n|---|--:|--:|--:|");
    for figure in figures {
        let ratio = figure.over(&figures[0]);
        let Figure {
            name, allocations, ..
        } = figure;
        println!(
            "| {name} | {:.0} | {ratio} | {allocations} |",
            figure.nanoseconds()
        );
    }
}

/// A table of what the lines add to the first one's time, with ratios to the second's.
fn added(title: &str, figures: &[Figure]) {
    let [bare, ours, ..] = figures else { return };
    println!("\n### {title}\n\n| | ns added | ours to it | allocations added |\n|---|--:|--:|--:|");
    println!(
        "| {} | takes {:.0} | | has {} |",
        bare.name,
        bare.nanoseconds(),
        bare.allocations
    );
    for figure in &figures[1..] {
        println!(
            "| {} | {:.0} | {} | {} |",
            figure.name,
            figure.beyond(bare),
            ours.added_over(figure, bare),
            figure.allocations - bare.allocations,
        );
    }
}

fn verify(sessions: &Sessions<Claims>) {
    let token = &samples::token(sessions, samples::claims());
    let floor = Floor::new(samples::ACCESS_SECRET, token);
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    let mut group = Group::default();
    group.add("the floor", || floor.verify(black_box(token)).is_some());
    group.add("of it, the MAC", || {
        floor.authenticate(black_box(signed.as_bytes()))
    });
    group.add("`Sessions::verify`", || {
        sessions.verify(black_box(token)).is_ok()
    });
    let copied = Sessions::<CopyClaims>::new(samples::keys());
    let copied_token = samples::copy_token(&copied);
    group.add("the same of claims that are `Copy`", move || {
        copied.verify(black_box(&copied_token)).is_ok()
    });
    let key = jsonwebtoken::DecodingKey::from_secret(samples::ACCESS_SECRET.as_bytes());
    let validation = peers::validation();
    group.add("jsonwebtoken 11", move || {
        jsonwebtoken::decode::<peers::Payload>(black_box(token), &key, &validation).is_ok()
    });
    let key = jsonwebtoken9::DecodingKey::from_secret(samples::ACCESS_SECRET.as_bytes());
    let mut validation = jsonwebtoken9::Validation::new(jsonwebtoken9::Algorithm::HS256);
    validation.set_audience(&["bench"]);
    validation.set_issuer(&["bench"]);
    group.add("jsonwebtoken 9", move || {
        jsonwebtoken9::decode::<peers::Payload>(black_box(token), &key, &validation).is_ok()
    });
    let key = HS256Key::from_bytes(samples::ACCESS_SECRET.as_bytes());
    let options = VerificationOptions {
        allowed_issuers: Some(["bench".to_owned()].into()),
        allowed_audiences: Some(["bench".to_owned()].into()),
        ..VerificationOptions::default()
    };
    group.add("jwt-simple 0.15", move || {
        key.verify_token::<peers::OwnClaims>(black_box(token), Some(options.clone()))
            .is_ok()
    });
    let title = format!(
        "An access token of {} bytes with three strings",
        token.len()
    );
    table(&title, &group.measure());
}

fn refuse(sessions: &Sessions<Claims>) {
    let token = &samples::token(sessions, samples::claims());
    let refusals = samples::refusals(sessions);
    let mut group = Group::default();
    group.add("accepted", || sessions.verify(black_box(token)).is_ok());
    for (cause, token) in &refusals {
        group.add(*cause, move || sessions.verify(black_box(token)).is_ok());
    }
    table("Refusals", &group.measure());
}

/// One call at a time, behind 16 MiB of other data.
fn cold(sessions: &Sessions<Claims>) {
    let token = &samples::token(sessions, samples::claims());
    let floor = Floor::new(samples::ACCESS_SECRET, token);
    let mut group = Group::default();
    group.add("the floor", || floor.verify(black_box(token)).is_some());
    group.add("`Sessions::verify`", || {
        sessions.verify(black_box(token)).is_ok()
    });
    println!("\n### With cold caches\n\n| | ns | ratio |\n|---|--:|--:|");
    let figures = group.measure_cold();
    for figure in &figures {
        let ratio = figure.over(&figures[0]);
        println!(
            "| {} | {:.0} | {ratio} |",
            figure.name,
            figure.nanoseconds()
        );
    }
}

/// What a request is told that brings no session.
fn unauthorized(sessions: &Sessions<Claims>) {
    let token = samples::token(sessions, samples::claims());
    let forged = format!("Bearer {}", token.replace(|last: char| last == '.', ".A"));
    let bearer = format!("Bearer {token}");
    let headers = [(AUTHORIZATION, &*bearer)];
    let forged = [(AUTHORIZATION, &*forged)];
    let bare = |headers| Exchange::new(app::bare(), Method::GET, "/", headers);
    let refused = |headers| Exchange::refused(app::router(sessions.clone()), headers);
    let (mut bare_with, mut forged) = (bare(&headers), refused(&forged));
    let mut somebody = Exchange::new(app::router(sessions.clone()), Method::GET, "/", &headers);
    let mut group = Group::default();
    group.add("a handler that asks for nothing", move || {
        bare_with.answer()
    });
    group.add("a session", move || somebody.answer());
    group.add("a 401 of a malformed token", move || forged.answer());
    added(
        "A 401 through axum, without sockets, of a request with a token",
        &group.measure(),
    );
    // A request without a header takes less by itself.
    let (mut bare, mut nobody) = (bare(&[]), refused(&[]));
    let mut group = Group::default();
    group.add("a handler that asks for nothing", move || bare.answer());
    group.add("a 401 without a token", move || nobody.answer());
    added("The same of one without", &group.measure());
}

fn sizes(sessions: &Sessions<Claims>) {
    for bytes in [1024, 2048, 4096] {
        let token = &samples::token_of(sessions, bytes);
        let floor = Floor::new(samples::ACCESS_SECRET, token);
        let mut group = Group::default();
        group.add("the floor", || floor.verify(black_box(token)).is_some());
        group.add("`Sessions::verify`", || {
            sessions.verify(black_box(token)).is_ok()
        });
        table(
            &format!("A token of {} bytes", token.len()),
            &group.measure(),
        );
    }
}

fn rings(sessions: &Sessions<Claims>) {
    let token = &samples::token(sessions, samples::claims());
    let rings = [1, 4, 16].map(|size| (size, Sessions::<Claims>::new(samples::ring(size))));
    let mut group = Group::default();
    for (size, sessions) in &rings {
        // The key that signed is the last of the ring.
        assert!(sessions.verify(token).is_ok());
        group.add(format!("{size}, the last of which signed"), || {
            sessions.verify(black_box(token)).is_ok()
        });
    }
    table("Keys in the ring", &group.measure());
}

fn login(sessions: &Sessions<Claims>) {
    let floor = Floor::new(
        samples::ACCESS_SECRET,
        &samples::token(sessions, samples::claims()),
    );
    let mut group = Group::default();
    group.add("the floor", || floor.login(&samples::claims()));
    group.add("`Sessions::login_checked_elsewhere`", || {
        sessions.login_checked_elsewhere(samples::claims()).is_ok()
    });
    table(
        "A login: a session marker, both tokens, both cookies",
        &group.measure(),
    );
}

fn extractors(sessions: &Sessions<Claims>) {
    let token = samples::token(sessions, samples::claims());
    let bearer = &format!("Bearer {token}");
    let floor = Floor::new(samples::ACCESS_SECRET, &token);
    let (tower_sessions, its_cookie) = &peers::tower_sessions();
    let (axum_login, login_cookie) = &peers::axum_login();
    let (axum_jwt_sessions, its_bearer) = &peers::axum_jwt_sessions();
    let mut group = Group::default();
    for (name, router, header, value) in [
        (
            "a handler that asks for nothing",
            app::bare(),
            AUTHORIZATION,
            bearer,
        ),
        (
            "`Claims` as its parameter",
            app::router(sessions.clone()),
            AUTHORIZATION,
            bearer,
        ),
        ("the floor", peers::floor(floor), AUTHORIZATION, bearer),
        (
            "a careful extractor with jsonwebtoken 11",
            peers::jsonwebtoken_extractor(),
            AUTHORIZATION,
            bearer,
        ),
        (
            "axum-jwt-auth 0.7",
            peers::axum_jwt_auth(),
            AUTHORIZATION,
            bearer,
        ),
        (
            "axum-jwt-sessions 0.1",
            axum_jwt_sessions.clone(),
            AUTHORIZATION,
            its_bearer,
        ),
        (
            "tower-sessions 0.14, in memory, one get",
            tower_sessions.clone(),
            COOKIE,
            its_cookie,
        ),
        (
            "axum-login 0.18, in memory",
            axum_login.clone(),
            COOKIE,
            login_cookie,
        ),
    ] {
        let mut exchange = Exchange::new(router, Method::GET, "/", &[(header, value)]);
        group.add(name, move || exchange.answer());
    }
    added(
        "One request through axum, without sockets",
        &group.measure(),
    );
}

fn refreshes(sessions: &Sessions<Claims>) {
    let cookies = app::cookies(sessions, 0);
    // Behind a seventh of the life of the refresh cookie, it is written anew.
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 86_400);
    let old_sessions = sessions.clone().with_clock(move || two_days_ago);
    let old_cookies = app::cookies(&old_sessions, 0);
    let cookie_by_hand = refresh::cookie_by_hand(&cookies);
    for (title, cookies, is_due) in [
        ("POST refresh, no cookie written", &cookies, false),
        ("POST refresh, the cookie written anew", &old_cookies, true),
    ] {
        let mut group = Group::default();
        for (name, router, cookies) in [
            ("a handler that answers nothing", refresh::bare(), cookies),
            ("the session route", app::router(sessions.clone()), cookies),
            ("by hand", refresh::by_hand(is_due), &cookie_by_hand),
        ] {
            let headers = [
                (HOST, "localhost"),
                (ORIGIN, "https://localhost"),
                (SEC_FETCH_SITE, "same-origin"),
                (COOKIE, &**cookies),
            ];
            let mut exchange = Exchange::new(router, Method::POST, "/auth/refresh", &headers);
            group.add(name, move || exchange.answer());
        }
        added(title, &group.measure());
    }
}

fn cookies(sessions: &Sessions<Claims>) {
    let mut group = Group::default();
    for others in [0, 64] {
        let cookies = app::cookies(sessions, others);
        let headers = [
            (HOST, "localhost"),
            (ORIGIN, "https://localhost"),
            (SEC_FETCH_SITE, "same-origin"),
            (COOKIE, &*cookies),
        ];
        let router = app::router(sessions.clone());
        let mut exchange = Exchange::new(router, Method::POST, "/auth/refresh", &headers);
        group.add(
            format!("a refresh beside {others} other cookies"),
            move || exchange.answer(),
        );
    }
    for others in [0, 64] {
        let cookies = HeaderValue::try_from(app::cookies(sessions, others)).expect("a header");
        let headers = HeaderMap::from_iter([(COOKIE, cookies)]);
        group.add(
            format!("`CookieJar::from_headers`, {others} other cookies"),
            move || CookieJar::from_headers(&headers),
        );
    }
    let figures = group.measure();
    table("Cookies of other programs", &figures);
    let [few, many, _, jar] = &figures[..] else {
        return;
    };
    println!(
        "\n64 more cookies cost the refresh {:.2} of what the jar takes for them.",
        many.beyond(few) / jar.nanoseconds()
    );
}

fn threads(sessions: &Sessions<Claims>) {
    let token = &samples::token(sessions, samples::claims());
    let verify = || sessions.verify(black_box(token)).is_ok();
    let both = measure::two_threads(&verify);
    println!("\nTwo threads verify {both:.2} times as much as one.");
}
