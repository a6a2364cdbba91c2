//! What holds for all tokens and all times, tried with ten thousand of each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Method;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateless_session::{Policy, SessionClaims, Sessions, stateless_session};
use tokio::runtime::Runtime;

use crate::app::{App, Claims};
use crate::door;
use crate::rows::deployments::Other;
use crate::support::{
    ACCESS_SECRET, DAY, HOUR, HeldClock, MINUTE, REFRESH_SECRET, START, forge_like, keys, payload,
};
use crate::victim::{Kind, Victim};

/// Neither leeway nor an absolute end.
#[stateless_session(
    access = "1m",
    refresh = "400d",
    absolute = "never",
    leeway = "0s",
    audience = "attacks::app::Claims"
)]
#[derive(Clone, Serialize, Deserialize)]
struct Endless {
    sub: String,
}

/// As much leeway as there can be, and an absolute end that comes soon.
#[stateless_session(
    access = "1h",
    refresh = "1d",
    absolute = "1d",
    leeway = "60s",
    audience = "attacks::app::Claims"
)]
#[derive(Clone, Serialize, Deserialize)]
struct Short {
    sub: String,
}

fn try_all<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&strategy, test)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// Spans that policies are made of, and a little more or less.
fn span() -> impl Strategy<Value = u64> {
    let spans = [
        0,
        MINUTE,
        15 * MINUTE,
        HOUR,
        DAY,
        7 * DAY,
        30 * DAY,
        400 * DAY,
    ];
    let span = proptest::sample::select(spans.to_vec());
    (span, 0..130_u64).prop_map(|(span, around)| (span + around).saturating_sub(65))
}

#[derive(Clone, Copy, Debug)]
struct Times {
    auth_time: u64,
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
    now: u64,
}

/// Times in an order that could be, and any times at all.
fn times() -> impl Strategy<Value = Times> {
    let ordered = (span(), span(), span()).prop_map(|(to_iat, to_now, to_exp)| Times {
        auth_time: START,
        iat: START + to_iat,
        exp: START + to_iat + to_exp,
        nbf: None,
        now: START + to_iat + to_now,
    });
    let time = || {
        let near = (span(), any::<bool>());
        prop_oneof![
            8 => near.prop_map(|(span, is_later)| if is_later { START + span } else { START - span }),
            1 => any::<u64>(),
            1 => proptest::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX]),
        ]
    };
    let nbf = proptest::option::weighted(0.3, time());
    let any = (time(), time(), time(), nbf, time()).prop_map(|(auth_time, iat, exp, nbf, now)| {
        Times {
            auth_time,
            iat,
            exp,
            nbf,
            // The system's time ends before 2^64.
            now: now.min(u64::MAX / 4),
        }
    });
    prop_oneof![ordered, any]
}

impl Times {
    fn claims(&self, claims: &mut Value) {
        claims["auth_time"] = self.auth_time.into();
        claims["iat"] = self.iat.into();
        claims["exp"] = self.exp.into();
        if let Some(nbf) = self.nbf {
            claims["nbf"] = nbf.into();
        }
    }

    /// The end of a token as the design has it.
    fn end(&self, lifetime: Duration, policy: &Policy) -> u64 {
        let absolute = policy
            .absolute
            .map_or(u64::MAX, |absolute| absolute.as_secs());
        let own = self.exp.min(self.iat.saturating_add(lifetime.as_secs()));
        own.min(self.auth_time.saturating_add(absolute))
    }

    fn counts(&self, lifetime: Duration, policy: &Policy) -> bool {
        let leeway = policy.leeway.as_secs();
        let begun = self.auth_time.max(self.iat).max(self.nbf.unwrap_or(0));
        begun <= self.now.saturating_add(leeway)
            && self.now < self.end(lifetime, policy).saturating_add(leeway)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Access tokens of one policy. Gives back how many counted.
fn access_tokens_end_by_the_policy<C: SessionClaims>() -> usize {
    let ada = runtime().block_on(Victim::log_in(1));
    let clock = HeldClock::new();
    let sessions: Sessions<C> = clock.hold(Sessions::new(keys()));
    let counted = std::cell::Cell::new(0);
    try_all(times(), |times| {
        let mut claims = payload(&ada.access);
        times.claims(&mut claims);
        let token = forge_like(&ada.access, &claims.to_string(), ACCESS_SECRET);
        clock.set(times.now);
        let verified = sessions.verify(&token);
        prop_assert_eq!(verified.is_ok(), times.counts(C::POLICY.access, &C::POLICY));
        if let Ok(session) = verified {
            counted.set(counted.get() + 1);
            let end = times.end(C::POLICY.access, &C::POLICY);
            prop_assert!(end <= times.iat.saturating_add(C::POLICY.access.as_secs()));
            if end < u64::MAX / 4 {
                prop_assert_eq!(seconds(session.expires_at()), end);
            }
        }
        Ok(())
    });
    counted.get()
}

#[test]
fn no_access_token_outlives_its_policy() {
    for counted in [
        access_tokens_end_by_the_policy::<Claims>(),
        access_tokens_end_by_the_policy::<Endless>(),
        access_tokens_end_by_the_policy::<Short>(),
    ] {
        assert!(counted > 100, "{counted}");
    }
}

/// Refresh tokens of one policy. Gives back how many counted.
fn refresh_tokens_end_by_the_policy<C: SessionClaims + Clone>(claims: C) -> usize {
    let runtime = runtime();
    let ada = runtime.block_on(Victim::log_in(1));
    let app = App::new();
    let router = Other::router(&app, claims);
    let policy = C::POLICY;
    let counted = std::cell::Cell::new(0);
    try_all(times(), |times| {
        let mut claims = payload(&ada.refresh);
        times.claims(&mut claims);
        let token = forge_like(&ada.refresh, &claims.to_string(), REFRESH_SECRET);
        app.clock.set(times.now);
        let answer = runtime.block_on(door::refresh(&router, ada.cookies_with(&token).as_bytes()));
        let absolute = policy
            .absolute
            .map_or(u64::MAX, |absolute| absolute.as_secs());
        let absolute_end = times.auth_time.saturating_add(absolute);
        let may_count = times.counts(policy.refresh, &policy) && times.now < absolute_end;
        prop_assert_eq!(answer.status == 200, may_count, "{}", answer.body);
        if answer.status != 200 {
            prop_assert!(answer.cookies.is_empty());
            return Ok(());
        }
        counted.set(counted.get() + 1);
        let issued = payload(&answer.access_token());
        let mut tokens = vec![(issued, policy.access)];
        for cookie in &answer.cookies {
            let (name, value) = cookie.split_once('=').unwrap();
            prop_assert_eq!(name, &ada.cookie_name);
            tokens.push((payload(value), policy.refresh));
        }
        for (issued, lifetime) in tokens {
            prop_assert_eq!(&issued["auth_time"], times.auth_time);
            prop_assert_eq!(&issued["sid"], &claims["sid"]);
            prop_assert_eq!(&issued["iat"], times.now);
            let exp = issued["exp"].as_u64().unwrap();
            prop_assert!(exp <= absolute_end);
            prop_assert!(exp <= times.now.saturating_add(lifetime.as_secs()));
            prop_assert!(exp > times.now);
        }
        Ok(())
    });
    counted.get()
}

#[test]
fn no_refresh_outlives_its_policy_or_moves_the_absolute_end() {
    let sub = "1".to_owned();
    for counted in [
        refresh_tokens_end_by_the_policy(Endless { sub: sub.clone() }),
        refresh_tokens_end_by_the_policy(Short { sub }),
    ] {
        assert!(counted > 100, "{counted}");
    }
}

/// A session is refreshed again and again, by cookies that are only ever those of the last answer.
#[test]
fn a_session_that_is_refreshed_at_any_times_ends_by_its_absolute_lifetime() {
    let runtime = runtime();
    let ada = runtime.block_on(Victim::log_in(1));
    let app = App::new();
    let router = app.clone().router();
    let policy = Claims::POLICY;
    let absolute_end = START + policy.absolute.unwrap().as_secs();
    let steps = proptest::collection::vec(0..8 * DAY, 1..8);
    let (reached, refreshed) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    try_all(steps, |steps| {
        let (mut now, mut cookies) = (START, ada.cookies());
        let mut last_exp = payload(&ada.refresh)["exp"].as_u64().unwrap();
        for step in steps {
            now += step;
            app.clock.set(now);
            let answer = runtime.block_on(door::refresh(&router, cookies.as_bytes()));
            let is_over = now >= absolute_end || now >= last_exp + policy.leeway.as_secs();
            prop_assert_eq!(answer.status, if is_over { 401 } else { 200 });
            if is_over {
                reached.set(reached.get() + usize::from(now >= absolute_end));
                continue;
            }
            refreshed.set(refreshed.get() + 1);
            prop_assert!(payload(&answer.access_token())["exp"].as_u64().unwrap() <= absolute_end);
            if let Some(cookie) = answer.cookies.first() {
                cookies = format!("{}; {cookie}", ada.marker);
                let exp = payload(cookie.split_once('=').unwrap().1)["exp"]
                    .as_u64()
                    .unwrap();
                prop_assert!(exp > last_exp && exp <= absolute_end);
                last_exp = exp;
            }
        }
        Ok(())
    });
    assert!(reached.get() > 100 && refreshed.get() > 1_000);
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Access), Just(Kind::Refresh)]
}

/// Claims of both kinds at once, and some of nobody's.
fn other_claims() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let claims = vec![
        ("role", json!("User")),
        ("generation", json!(0)),
        ("gen", json!(0)),
        ("typ", json!("at+jwt")),
        ("kind", json!("refresh")),
        ("token_use", json!("access")),
        ("scope", json!("refresh")),
    ];
    proptest::sample::subsequence(claims, 0..=7)
}

#[test]
fn a_token_passes_only_where_its_header_its_key_and_its_audience_are_of_one_kind() {
    let runtime = runtime();
    let ada = runtime.block_on(Victim::log_in(1));
    let router = App::new().router();
    let passed = std::cell::Cell::new(0);
    let cases = (kind(), kind(), kind(), kind(), other_claims());
    try_all(cases, |(header, key, audience, door, others)| {
        let secret = match key {
            Kind::Access => ACCESS_SECRET,
            Kind::Refresh => REFRESH_SECRET,
        };
        // All that the door needs is there in any case.
        let mut claims = payload(ada.of(door).token);
        claims["exp"] = (START + 15 * MINUTE).into();
        claims["aud"] = ada.of(audience).payload()["aud"].clone();
        let are_known = others.iter().all(|(name, _)| *name == "gen");
        for (name, value) in others {
            claims[name] = value;
        }
        let token = forge_like(ada.of(header).token, &claims.to_string(), secret);
        let status = runtime.block_on(async {
            match door {
                Kind::Access => door::bearer(&router, Method::GET, "/me", token.as_bytes()).await,
                Kind::Refresh => door::refresh(&router, ada.cookies_with(&token).as_bytes()).await,
            }
            .status
        });
        let is_of_one_kind = header == key && key == audience && audience == door;
        let is_of_one_kind = is_of_one_kind && (door == Kind::Access || are_known);
        prop_assert_eq!(status, if is_of_one_kind { 200 } else { 401 });
        passed.set(passed.get() + usize::from(is_of_one_kind));
        Ok(())
    });
    assert!(passed.get() > 100);
}
