//! One client: what it does, and whether the ledger has a reason for every answer.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::choices::Choices;
use crate::support::{Answer, Browser, Request, header, lock, payload};
use crate::world::{ABSOLUTE, ACCESS, Given, LEEWAY, REFRESH, State, USERS, World};

/// What a 401 asks for where there is no error to name.
const CHALLENGE: &str = r#"Bearer realm="soak-tests""#;

const MOST_PUT_AWAY: usize = 200;

pub struct Client {
    world: Arc<World>,
    address: SocketAddr,
    choices: Choices,
    held: Option<Held>,
}

/// A session as the ledger knows it, and the browser that has it.
pub struct Held {
    browser: Browser,
    user: usize,
    sid: String,
    auth_time: u64,
    /// Its end stands in the ledger already.
    is_over: bool,
}

#[derive(Clone, Copy)]
enum Action {
    Call,
    CallWithoutToken,
    Refresh,
    RefreshInFourTabs,
    LogOut,
    PutAway,
    ComeBack,
}

impl Client {
    pub fn new(world: Arc<World>, address: SocketAddr, choices: Choices) -> Self {
        Self {
            world,
            address,
            choices,
            held: None,
        }
    }

    /// Does one thing.
    pub async fn act(&mut self) {
        let action = self.choices.one_of(&[
            (40, Action::Call),
            (3, Action::CallWithoutToken),
            (25, Action::Refresh),
            (5, Action::RefreshInFourTabs),
            (4, Action::LogOut),
            (8, Action::PutAway),
            (15, Action::ComeBack),
        ]);
        match (action, self.held.take()) {
            (Action::CallWithoutToken, held) => {
                self.held = held;
                self.call_without_token().await;
            }
            (Action::ComeBack, held) => {
                self.held = held;
                self.come_back().await;
            }
            (_, None) => self.log_in().await,
            (Action::Call, Some(held)) => {
                self.call(&held).await;
                self.held = Some(held);
            }
            (Action::Refresh, Some(mut held)) => {
                let lives = self.refresh(&mut held, 1).await;
                self.keep_or_put_away(held, lives);
            }
            (Action::RefreshInFourTabs, Some(mut held)) => {
                let lives = self.refresh(&mut held, 4).await;
                self.keep_or_put_away(held, lives);
            }
            (Action::LogOut, Some(held)) => self.log_out(held).await,
            (Action::PutAway, Some(held)) => {
                self.world.ledger.count("action", "put away");
                self.put_away(held);
            }
        }
    }

    async fn log_in(&mut self) {
        self.world.ledger.count("action", "login");
        let user = self.choices.below(USERS);
        let moment = self.world.moment();
        let request = Request::post("/login").json(&json!({"user": user}).to_string());
        let answer = self.send("login", &request).await;
        let seen = self.world.since(moment);
        if answer.status == 403 {
            assert!(
                seen.iter().any(|state| state.users[user].disabled),
                "user {user} was refused, and was never disabled: {answer:?}",
            );
            return;
        }
        assert_eq!(answer.status, 200, "user {user} logs in: {answer:?}");
        assert!(
            seen.iter().any(|state| !state.users[user].disabled),
            "user {user} is disabled and logged in",
        );
        let mut browser = Browser::default();
        browser.keep(&answer);
        let claims = payload(&answer.access_token());
        let held = Held {
            browser,
            user,
            sid: text(&claims, "sid"),
            auth_time: number(&claims, "iat"),
            is_over: false,
        };
        let is_new = lock(&self.world.begun).insert(held.sid.clone());
        assert!(is_new, "a login without a new `sid`");
        self.check_access_token(&held, &seen, |generation| {
            let of_state = |state: &State| u64::from(state.users[user].generation);
            seen.iter().any(|state| of_state(state) == generation)
        });
        self.check_refresh_token(&held, &seen);
        self.held = Some(held);
    }

    async fn call_without_token(&self) {
        self.world.ledger.count("action", "call without a token");
        let answer = self.send("call", &Request::get("/me")).await;
        answer.assert_refused(401, "missing_token", Some(CHALLENGE));
    }

    async fn call(&self, held: &Held) {
        self.world.ledger.count("action", "call");
        let token = held.browser.access_token.as_deref().unwrap_or_default();
        let (claims, key) = (payload(token), self.world.key_of(token));
        let moment = self.world.moment();
        let answer = self.send("call", &Request::get("/me").bearer(token)).await;
        let seen = self.world.since(moment);
        let accepts = |state: &State| state.keys.accepts(key);
        let in_time = |state: &State| state.now < number(&claims, "exp") + LEEWAY;
        if answer.status == 200 {
            assert!(
                seen.iter().any(accepts),
                "a token of a retired key was accepted: {claims}",
            );
            assert!(
                seen.iter().any(in_time),
                "a token was accepted after its end: {claims}",
            );
            let mine =
                json!({"sub": held.user, "sid": held.sid, "generation": claims["generation"]});
            assert_eq!(answer.json(), mine, "an answer as somebody else");
            return;
        }
        answer.assert_refused(
            401,
            "invalid_token",
            Some(r#"Bearer error="invalid_token""#),
        );
        let reason = if !seen.iter().all(in_time) {
            "access token: lifetime"
        } else if !seen.iter().all(accepts) {
            "access token: key retired"
        } else {
            panic!("an access token was refused for no reason: {claims}");
        };
        self.world.ledger.count("end", reason);
    }

    /// Refreshes in some tabs at once; whether the session lives on.
    async fn refresh(&self, held: &mut Held, tabs: usize) -> bool {
        let action = match tabs {
            1 => "refresh",
            _ => "refresh in four tabs",
        };
        self.world.ledger.count("action", action);
        let token = held.browser.refresh_cookie().value.clone();
        let (claims, key) = (payload(&token), self.world.key_of(&token));
        let request = held.browser.with_cookies(Request::post("/auth/refresh"));
        let moment = self.world.moment();
        let mut answers = join_all((0..tabs).map(|_| self.send("refresh", &request))).await;
        let seen = self.world.since(moment);
        let given = self.world.take_given(&held.sid);

        let accepts = |state: &State| state.keys.accepts(key);
        let end = number(&claims, "exp") + LEEWAY;
        let absolute_end = held.auth_time + ABSOLUTE;
        let in_time = |state: &State| state.now < end && state.now < absolute_end;
        if !given.is_empty() {
            assert!(
                seen.iter().any(accepts),
                "a refresh token of a retired key was accepted: {claims}",
            );
            assert!(
                seen.iter().any(in_time),
                "a refresh token was accepted after its end: {claims}",
            );
        }
        let mut reasons = Vec::new();
        for given in given {
            let (status, code, challenge, reason) = match given {
                Given::Claims { generation } if number(&claims, "gen") == u64::from(generation) => {
                    let renewed = answers.iter().position(|answer| answer.status == 200);
                    let answer = renewed.map(|index| answers.swap_remove(index));
                    let Some(answer) = answer else {
                        panic!("no refresh succeeded with {given:?}: {answers:?}");
                    };
                    held.browser.keep(&answer);
                    self.check_access_token(held, &seen, |number| number == u64::from(generation));
                    self.check_refresh_token(held, &seen);
                    continue;
                }
                Given::Claims { .. } => {
                    let reason = "session: generation moved";
                    (401, "session_ended", Some(CHALLENGE), Some(reason))
                }
                Given::Nobody => {
                    let reason = "session: user disabled";
                    (401, "session_ended", Some(CHALLENGE), Some(reason))
                }
                Given::Outage => (503, "temporarily_unavailable", None, None),
                Given::Panic | Given::AnotherUser => (500, "internal_error", None, None),
            };
            let refused = answers
                .iter()
                .position(|answer| answer.status == status && answer.json()["code"] == code);
            let Some(refused) = refused else {
                panic!("no refresh was {status} {code} with {given:?}, {claims}: {answers:?}");
            };
            answers
                .swap_remove(refused)
                .assert_refused(status, code, challenge);
            reasons.extend(reason);
        }
        // The rest were refused before anybody was asked.
        for answer in answers {
            let code = if !seen.iter().all(accepts) && answer.json()["code"] == "session_unknown" {
                reasons.push("session: key retired");
                "session_unknown"
            } else if seen.iter().any(|state| state.now >= absolute_end) {
                reasons.push("session: absolute end");
                "session_ended"
            } else if seen.iter().any(|state| state.now >= end) {
                reasons.push("session: idle lifetime");
                "session_ended"
            } else {
                panic!("a session ended for no reason: {claims}, {answer:?}");
            };
            answer.assert_refused(401, code, Some(CHALLENGE));
        }
        self.enter(held, &token, &reasons)
    }

    /// Enters the end of a session; whether it lives on.
    fn enter(&self, held: &mut Held, sent: &str, reasons: &[&'static str]) -> bool {
        let Some(reason) = reasons.first() else {
            return true;
        };
        // In several tabs, one may have come in time.
        if held.browser.refresh_cookie().value != sent {
            return true;
        }
        if !std::mem::replace(&mut held.is_over, true) {
            self.world.ledger.count("end", *reason);
        }
        // Where the clock ended it, the clock may go back within leeway.
        let is_final = !reason.ends_with("lifetime") && !reason.ends_with("end");
        if is_final {
            lock(&self.world.ended).insert(held.sid.clone());
        }
        false
    }

    async fn log_out(&mut self, mut held: Held) {
        self.world.ledger.count("action", "logout");
        let request = held.browser.with_cookies(Request::post("/auth/logout"));
        let answer = self.send("logout", &request).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let copy = held.browser.clone();
        held.browser.keep(&answer);
        let request = held.browser.with_cookies(Request::post("/auth/refresh"));
        let answer = self.send("refresh", &request).await;
        answer.assert_refused(401, "session_unknown", Some(CHALLENGE));
        let given = self.world.take_given(&held.sid);
        assert!(given.is_empty(), "a session was renewed after its logout");
        self.world.ledger.count("end", "session: logout");
        // A copy of the cookies counts on, as SECURITY.md says.
        held.browser = copy;
        self.put_away(held);
    }

    /// Tries a session that was put away, ended or not, for one call and one refresh.
    async fn come_back(&mut self) {
        let mut held = {
            let mut put_away = lock(&self.world.put_away);
            if put_away.is_empty() {
                return;
            }
            let index = self.choices.below(put_away.len());
            put_away.swap_remove(index)
        };
        self.world.ledger.count("action", "come back");
        self.call(&held).await;
        self.refresh(&mut held, 1).await;
        self.put_away(held);
    }

    fn keep_or_put_away(&mut self, held: Held, lives: bool) {
        if lives {
            self.held = Some(held);
        } else {
            self.put_away(held);
        }
    }

    fn put_away(&mut self, held: Held) {
        let mut put_away = lock(&self.world.put_away);
        if put_away.len() == MOST_PUT_AWAY {
            let index = self.choices.below(MOST_PUT_AWAY);
            put_away.swap_remove(index);
        }
        put_away.push(held);
    }

    /// Whether the access token that was issued now says what the ledger says.
    fn check_access_token(&self, held: &Held, seen: &[State], is_generation: impl Fn(u64) -> bool) {
        assert!(
            !lock(&self.world.ended).contains(&held.sid),
            "a session lives again after its end",
        );
        let token = held.browser.access_token.as_deref().unwrap_or_default();
        let claims = check_token(held, token, ACCESS);
        assert!(
            seen.iter().any(|state| state.now == number(&claims, "iat")),
            "a token from another time: {claims}",
        );
        assert!(
            is_generation(number(&claims, "generation")),
            "another generation than the user's: {claims}",
        );
        self.check_signed_by(token, seen);
    }

    /// Whether the refresh token that the browser has now says what the ledger says, whenever it was issued.
    fn check_refresh_token(&self, held: &Held, seen: &[State]) {
        let token = &held.browser.refresh_cookie().value;
        check_token(held, token, REFRESH);
        self.check_signed_by(token, seen);
    }

    fn check_signed_by(&self, token: &str, seen: &[State]) {
        let key = self.world.key_of(token);
        assert!(
            seen.iter().any(|state| state.keys.signing == key),
            "a token by a key that did not sign then: {}",
            payload(token),
        );
    }

    async fn send(&self, what: &str, request: &Request) -> Answer {
        let answer = Answer::of(self.address, &request.bytes(self.address)).await;
        let code = match answer.header("content-type") {
            Some("application/problem+json") => {
                format!(" {}", answer.json()["code"].as_str().unwrap_or_default())
            }
            _ => String::new(),
        };
        let counted = format!("{what} {}{code}", answer.status);
        self.world.ledger.count("answer", counted);
        answer
    }
}

/// Whether a token says what the ledger says of its session.
fn check_token(held: &Held, token: &str, lifetime: u64) -> Value {
    assert_eq!(header(token)["alg"], "HS256");
    let claims = payload(token);
    assert_eq!(text(&claims, "sub"), held.user.to_string(), "another user");
    assert_eq!(text(&claims, "sid"), held.sid, "another session");
    assert_eq!(number(&claims, "auth_time"), held.auth_time);
    let latest_end = number(&claims, "iat") + lifetime;
    assert_eq!(
        number(&claims, "exp"),
        latest_end.min(held.auth_time + ABSOLUTE),
        "another end than the policy's: {claims}",
    );
    claims
}

#[track_caller]
fn number(claims: &Value, name: &str) -> u64 {
    let number = claims[name].as_u64();
    number.unwrap_or_else(|| panic!("no number `{name}`: {claims}"))
}

#[track_caller]
fn text(claims: &Value, name: &str) -> String {
    let text = claims[name].as_str();
    text.unwrap_or_else(|| panic!("no text `{name}`: {claims}"))
        .to_owned()
}
