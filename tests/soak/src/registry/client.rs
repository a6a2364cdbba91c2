//! One client: what it does, at whichever node, and whether the book has a reason for every answer.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::choices::Choices;
use crate::support::{Answer, Browser, Request, lock, payload};
use crate::world::{Node, USERS, World};

/// What a 401 asks for where there is no error to name.
const CHALLENGE: &str = r#"Bearer realm="soak-tests""#;

const MOST_PUT_AWAY: usize = 200;

pub struct Client {
    world: Arc<World>,
    choices: Choices,
    held: Option<Held>,
}

/// A session, and the browser that has it.
#[derive(Clone)]
pub struct Held {
    browser: Browser,
    user: usize,
    pub sid: String,
}

#[derive(Clone, Copy)]
enum Action {
    Call,
    Refresh,
    RefreshInFourTabs,
    LoseAnAnswer,
    LogOut,
    End,
    EndAll,
    Copy,
    PutAway,
    ComeBack,
}

impl Client {
    pub fn new(world: Arc<World>, choices: Choices) -> Self {
        Self {
            world,
            choices,
            held: None,
        }
    }

    /// Does one thing, while the clock stands.
    pub async fn act(&mut self) {
        let action = self.choices.one_of(&[
            (30, Action::Call),
            (30, Action::Refresh),
            (5, Action::RefreshInFourTabs),
            (5, Action::LoseAnAnswer),
            (2, Action::LogOut),
            (2, Action::End),
            (1, Action::EndAll),
            (8, Action::Copy),
            (5, Action::PutAway),
            (16, Action::ComeBack),
        ]);
        let world = self.world.clone();
        let _stands = world.clock_stands.read().await;
        match (action, self.held.take()) {
            (Action::ComeBack, held) => {
                self.held = held;
                self.come_back().await;
            }
            (Action::End, held) => {
                self.held = held;
                self.end().await;
            }
            (Action::EndAll, held) => {
                self.held = held;
                self.end_all().await;
            }
            (_, None) => self.log_in().await,
            (Action::Call, Some(held)) => {
                self.call(&held).await;
                self.held = Some(held);
            }
            (Action::Refresh, Some(mut held)) => {
                let lives = self.refresh("refresh", &mut held, 1).await;
                self.keep_or_put_away(held, lives);
            }
            (Action::RefreshInFourTabs, Some(mut held)) => {
                let lives = self.refresh("refresh in four tabs", &mut held, 4).await;
                self.keep_or_put_away(held, lives);
            }
            (Action::LoseAnAnswer, Some(held)) => {
                let mut lost = held.clone();
                let lives = self
                    .refresh("refresh with a lost answer", &mut lost, 1)
                    .await;
                self.keep_or_put_away(held, lives);
            }
            (Action::LogOut, Some(held)) => self.log_out(held).await,
            (Action::Copy, Some(held)) => {
                self.count("action", "copy");
                self.world.book.copy(&held.sid);
                self.put_away(held.clone());
                self.held = Some(held);
            }
            (Action::PutAway, Some(held)) => {
                self.count("action", "put away");
                self.put_away(held);
            }
        }
    }

    /// Hands over what it holds.
    pub fn leave(mut self) {
        if let Some(held) = self.held.take() {
            lock(&self.world.put_away).push(held);
        }
    }

    async fn log_in(&mut self) {
        self.count("action", "login");
        let user = self.choices.below(USERS);
        let node = self.choices.below(self.world.nodes.len());
        let request = Request::post("/login").json(&json!({"sub": user}).to_string());
        let answer = self.send("login", node, &request).await;
        assert_eq!(answer.status, 200, "user {user} logs in: {answer:?}");
        let mut browser = Browser::default();
        browser.keep(&answer);
        let claims = payload(&browser.refresh_cookie().value);
        let held = Held {
            browser,
            user,
            sid: text(&claims, "sid"),
        };
        let auth_time = number(&claims, "auth_time");
        self.world.book.begin(&held.sid, user, auth_time);
        check_tokens(&held);
        self.held = Some(held);
    }

    async fn call(&mut self, held: &Held) {
        self.count("action", "call");
        let token = held.browser.access_token.as_deref().unwrap_or_default();
        let node = self.choices.below(self.world.nodes.len());
        let has_to_refuse = self.has_to_refuse(node, held);
        let request = Request::get("/me").bearer(token);
        let answer = self.send("call", node, &request).await;
        if answer.status == 200 {
            assert!(!has_to_refuse, "a node accepted what it knows to be over");
            let mine = json!({"sub": held.user, "sid": held.sid});
            assert_eq!(answer.json(), mine, "an answer as somebody else");
            return;
        }
        let error = r#"Bearer error="invalid_token""#;
        answer.assert_refused(401, "invalid_token", Some(error));
        let entry = self.world.book.entry(&held.sid);
        let reason = if entry.may_be_refused() || self.is_reused(held) {
            "access token: session ended"
        } else if self.world.clock.now() >= number(&payload(token), "exp") {
            "access token: lifetime"
        } else {
            panic!("an access token was refused for no reason: {answer:?}");
        };
        self.count("end", reason);
    }

    /// Refreshes in some tabs at once, each at some node; whether the session lives on.
    async fn refresh(&mut self, action: &'static str, held: &mut Held, tabs: usize) -> bool {
        let nodes: Vec<_> = (0..tabs)
            .map(|_| self.choices.below(self.world.nodes.len()))
            .collect();
        self.refresh_at(action, held, &nodes).await
    }

    pub async fn refresh_at(&self, action: &'static str, held: &mut Held, nodes: &[usize]) -> bool {
        self.count("action", action);
        let book = &self.world.book;
        let end = number(&payload(&held.browser.refresh_cookie().value), "exp");
        let request = held.browser.with_cookies(Request::post("/auth/refresh"));
        let had_ended = book.entry(&held.sid).has_ended();
        let unanswered = book.unanswered(&held.sid);
        let have_to_refuse: Vec<_> = nodes
            .iter()
            .map(|node| self.has_to_refuse(*node, held))
            .collect();
        let silent = |node: &usize| lock(&self.node(*node).known).is_silent;
        let before: Vec<_> = nodes.iter().map(silent).collect();
        let answers = nodes
            .iter()
            .map(|node| self.send("refresh", *node, &request));
        let answers = join_all(answers).await;
        let after = nodes.iter().map(silent);
        let did_not_ask = before.into_iter().zip(after).filter(|(a, b)| *a || *b);
        let unanswered = book.unanswered(&held.sid) - unanswered + did_not_ask.count();

        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(
            !had_ended || accepted <= unanswered,
            "the engine had answered the ending and was asked, and the session was refreshed",
        );
        if accepted > 0 && unanswered > 0 {
            self.count("answer", "refresh 200 in an outage");
        }
        for (answer, has_to_refuse) in answers.iter().zip(have_to_refuse) {
            if answer.status == 200 {
                assert!(!has_to_refuse, "a node refreshed what it knows to be over");
                held.browser.keep(answer);
                check_tokens(held);
                continue;
            }
            answer.assert_refused(401, "session_ended", Some(CHALLENGE));
            let entry = book.entry(&held.sid);
            let reason = if self.is_reused(held) {
                assert!(entry.has_copy, "a reuse, and nobody had a copy: {held:?}");
                book.owe(&held.sid);
                "session: a copy was reused"
            } else if entry.may_be_refused() {
                "session: ended"
            } else if self.world.clock.now() >= end {
                "session: idle lifetime"
            } else {
                panic!("a session ended for no reason: {held:?}, {answer:?}");
            };
            self.count("end", reason);
        }
        accepted == answers.len()
    }

    async fn log_out(&mut self, held: Held) {
        self.count("action", "logout");
        let node = self.choices.below(self.world.nodes.len());
        self.world.book.owe(&held.sid);
        let request = held.browser.with_cookies(Request::post("/auth/logout"));
        let answer = self.send("logout", node, &request).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let at = self.world.clock.now();
        lock(&self.node(node).known).end(&held.sid, at);
        // A copy of the cookies, which comes back.
        self.put_away(held);
    }

    /// Ends a session, of whomever, from some node.
    async fn end(&mut self) {
        let Some((sid, user)) = self.world.book.any(&mut self.choices) else {
            return;
        };
        self.count("action", "end");
        let node = self.choices.below(self.world.nodes.len());
        let node = self.node(node);
        self.world.book.ask(&sid);
        let answer = match node.sessions.end(&user, &sid).await {
            Ok(true) => {
                lock(&node.known).end(&sid, self.world.clock.now());
                let entry = self.world.book.entry(&sid);
                assert!(entry.has_ended(), "an end that the engine never heard of");
                self.world.book.owe(&sid);
                "end: true"
            }
            // Its login is not written down yet, or is lost with the engine.
            Ok(false) => "end: false",
            Err(_) => "end: an outage",
        };
        self.count("answer", answer);
    }

    async fn end_all(&mut self) {
        self.count("action", "end all");
        let user = self.choices.below(USERS);
        let node = self.choices.below(self.world.nodes.len());
        let node = self.node(node);
        let at = self.world.clock.now();
        self.world.book.ask_all(user, at);
        let answer = match node.sessions.end_all(&user).await {
            Ok(()) => "end all: done",
            Err(_) => "end all: an outage",
        };
        lock(&node.known).end_all(user, at);
        self.count("answer", answer);
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
        self.count("action", "come back");
        self.call(&held).await;
        self.refresh("refresh", &mut held, 1).await;
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
        if put_away.len() >= MOST_PUT_AWAY {
            let index = self.choices.below(MOST_PUT_AWAY);
            put_away.swap_remove(index);
        }
        put_away.push(held);
    }

    fn has_to_refuse(&self, node: usize, held: &Held) -> bool {
        let entry = self.world.book.entry(&held.sid);
        let now = self.world.clock.now();
        lock(&self.node(node).known).refuses(&held.sid, entry, now)
    }

    fn is_reused(&self, held: &Held) -> bool {
        lock(&self.world.book.reused).contains(&held.sid)
    }

    fn node(&self, node: usize) -> &Node {
        &self.world.nodes[node]
    }

    fn count(&self, column: &'static str, what: &str) {
        self.world.book.ledger.count(column, what);
    }

    async fn send(&self, what: &str, node: usize, request: &Request) -> Answer {
        let address = self.node(node).address;
        let answer = Answer::of(address, &request.bytes(address)).await;
        let code = match answer.header("content-type") {
            Some("application/problem+json") => {
                format!(" {}", answer.json()["code"].as_str().unwrap_or_default())
            }
            _ => String::new(),
        };
        self.count("answer", &format!("{what} {}{code}", answer.status));
        answer
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let claims = payload(&self.browser.refresh_cookie().value);
        write!(f, "{claims}")
    }
}

/// Whether both tokens are of this session.
fn check_tokens(held: &Held) {
    let access_token = held.browser.access_token.as_deref().unwrap_or_default();
    for token in [access_token, &held.browser.refresh_cookie().value] {
        let claims = payload(token);
        assert_eq!(text(&claims, "sub"), held.user.to_string(), "another user");
        assert_eq!(text(&claims, "sid"), held.sid, "another session");
    }
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
