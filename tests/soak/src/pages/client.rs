//! One browser that shows pages: what it does, and whether the ledger has a reason for where it is led.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::{join, join_all};

use crate::choices::Choices;
use crate::support::{Answer, Request, SetCookie, lock, payload};
use crate::world::{ABSOLUTE, ACCESS, Given, LEEWAY, REFRESH, State, USERS, World};

const REFRESH_PATH: &str = "/pages/auth/refresh?to=";

/// Where browsers give up.
const MOST_HOPS: usize = 20;

const MARKER: &str = "__Host-soak-tests-pages-auth";

const OVER: &str = "over";

pub struct Client {
    world: Arc<World>,
    address: SocketAddr,
    choices: Choices,
    jar: Mutex<Jar>,
    session: Option<Session>,
}

/// The session that the browser's cookies are of, as the ledger knows it.
struct Session {
    user: usize,
    sid: String,
    generation: u64,
    auth_time: u64,
    /// Its end stands in the ledger already.
    is_over: bool,
}

#[derive(Clone, Copy)]
enum Action {
    Visit,
    VisitInFourTabs,
    SendForm,
    LookAtImages,
    FollowForeignLink,
    FollowForeignLinkToRefresh,
    LogOut,
    LogOutDuringRefresh,
    SignInDuringRefresh,
}

/// What comes of a refresh that leads back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Led {
    Renewed,
    /// And why the clock or the keys wanted it.
    Refused(Option<&'static str>),
    Unavailable,
    Failed,
}

impl Client {
    pub fn new(world: Arc<World>, address: SocketAddr, choices: Choices) -> Self {
        Self {
            world,
            address,
            choices,
            jar: Mutex::default(),
            session: None,
        }
    }

    /// Does one thing.
    pub async fn act(&mut self) {
        let action = self.choices.one_of(&[
            (30, Action::Visit),
            (8, Action::VisitInFourTabs),
            (25, Action::SendForm),
            (8, Action::LookAtImages),
            (12, Action::FollowForeignLink),
            (15, Action::FollowForeignLinkToRefresh),
            (4, Action::LogOut),
            (4, Action::LogOutDuringRefresh),
            (4, Action::SignInDuringRefresh),
        ]);
        let Some(mut session) = self.session.take() else {
            let user = self.choices.below(USERS);
            self.session = self.sign_in(user).await;
            return;
        };
        match action {
            Action::Visit => {
                self.show("visit a page", &mut session, &Ask::page("/home"), 1)
                    .await;
            }
            Action::VisitInFourTabs => {
                self.show("visit in four tabs", &mut session, &Ask::page("/home"), 4)
                    .await;
            }
            Action::SendForm => {
                let form = Ask::form("/home", "x".repeat(self.choices.below(40_000)));
                self.show("send a form", &mut session, &form, 1).await;
            }
            Action::LookAtImages => {
                let image = Ask::image("/image");
                self.show("look at images", &mut session, &image, 5).await;
            }
            Action::FollowForeignLink => {
                let link = Ask::foreign_link("/home");
                self.show("follow a foreign link", &mut session, &link, 1)
                    .await;
            }
            Action::FollowForeignLinkToRefresh => {
                let link = Ask::foreign_link(format!("{REFRESH_PATH}/home"));
                let action = "follow a foreign link to the refresh";
                self.show(action, &mut session, &link, 1).await;
            }
            Action::LogOut => {
                self.count("log out by a form");
                self.log_out().await;
                let left = lock(&self.jar).names();
                assert_eq!(left, [""; 0], "a logout left cookies");
                return self.assert_out().await;
            }
            Action::LogOutDuringRefresh => {
                self.count("log out during a refresh");
                let late = self.refresh(&session);
                let (late, ()) = join(late, self.log_out()).await;
                self.settle(&mut session, vec![late]);
                return self.assert_out().await;
            }
            Action::SignInDuringRefresh => {
                self.count("sign in during a refresh");
                // Somebody else, so that nobody is taken for the other.
                let another = (session.user + 1) % USERS;
                let late = self.refresh(&session);
                let (late, next) = join(late, self.sign_in(another)).await;
                self.settle(&mut session, vec![late]);
                let Some(mut next) = next else {
                    // Whoever was refused is who they were.
                    self.session = Some(session);
                    return;
                };
                self.show("visit a page", &mut next, &Ask::page("/home"), 1)
                    .await;
                session = next;
            }
        }
        // Whoever finds the session over may look again, and signs in then.
        if !session.is_over || self.choices.one_of(&[(1, true), (2, false)]) {
            self.session = Some(session);
        }
    }

    async fn sign_in(&self, user: usize) -> Option<Session> {
        self.count("sign in by a form");
        let form = Ask::form("/sign-in", format!("user={user}"));
        let moment = self.world.moment();
        let (_, answer) = self.send("sign in", &form).await;
        let seen = self.world.since(moment);
        if answer.status == 403 {
            assert!(
                seen.iter().any(|state| state.users[user].disabled),
                "user {user} was refused, and was never disabled: {answer:?}",
            );
            return None;
        }
        assert_eq!(answer.status, 200, "user {user} signs in: {answer:?}");
        assert_eq!(answer.header("refresh"), Some("0; url=/"), "{answer:?}");
        assert!(
            seen.iter().any(|state| !state.users[user].disabled),
            "user {user} is disabled and signed in",
        );
        let cookie = answer.set_cookies().into_iter().find(is_access);
        let claims = payload(&cookie.expect("an access cookie").value);
        let session = Session {
            user,
            sid: claims["sid"].as_str().expect("a session").to_owned(),
            generation: claims["generation"].as_u64().expect("a number"),
            auth_time: claims["iat"].as_u64().expect("a time"),
            is_over: false,
        };
        let is_new = lock(&self.world.begun).insert(session.sid.clone());
        assert!(is_new, "a login without a new `sid`");
        let mut tokens = answer.set_cookies();
        tokens.retain(|cookie| cookie.value.contains('.'));
        assert_eq!(tokens.len(), 2, "{answer:?}");
        for token in tokens {
            let lifetime = if is_access(&token) { ACCESS } else { REFRESH };
            self.check_token(&session, &token.value, lifetime, &seen);
        }
        Some(session)
    }

    /// Shows something, in as many tabs at once, and follows each to its end.
    async fn show(&self, action: &'static str, session: &mut Session, first: &Ask, tabs: usize) {
        self.count(action);
        let of_session: &Session = session;
        let tabs = join_all((0..tabs).map(|_| self.follow(of_session, first))).await;
        self.settle(session, tabs.into_iter().flatten().collect());
    }

    /// Sends what a browser does, and follows where it is led; how its refreshes fared.
    async fn follow(&self, session: &Session, first: &Ask) -> Vec<Led> {
        let mut led = Vec::new();
        let mut ask = first.clone();
        for _ in 0..MOST_HOPS {
            let moment = self.world.moment();
            let (sent, answer) = self.send("page", &ask).await;
            let seen = self.world.since(moment);
            let to = if !ask.target.starts_with(REFRESH_PATH) {
                self.shown(session, &sent, first, &answer, &seen)
            } else if ask.site == "cross-site" {
                document(&answer)
            } else if ask.target.ends_with("&kept") {
                answer.header("location")
            } else {
                led.push(self.led(session, &sent, &answer, &seen));
                answer.header("location")
            };
            let Some(to) = to else { return led };
            ask = ask.led(&answer, to);
        }
        panic!("a loop: {first:?}");
    }

    /// Whether there is a reason for how a page's request was answered; where it is led to a refresh.
    fn shown<'a>(
        &self,
        session: &Session,
        sent: &Sent,
        first: &Ask,
        answer: &'a Answer,
        seen: &[State],
    ) -> Option<&'a str> {
        let token = sent.token("access", session);
        let has_marker = sent.has_marker();
        let counts = token.filter(|token| *token != OVER).map(|token| {
            let (claims, key) = (payload(token), self.world.key_of(token));
            let end = claims["exp"].as_u64().expect("an end") + LEEWAY;
            let accepts = seen.iter().filter(|state| state.keys.accepts(key)).count();
            let in_time = seen.iter().filter(|state| state.now < end).count();
            (accepts, in_time, claims)
        });
        match (answer.status, counts) {
            (200, Some((accepts, in_time, claims))) if answer.header("refresh").is_none() => {
                assert!(has_marker, "an access cookie counted alone: {sent:?}");
                assert!(
                    accepts > 0,
                    "a token of a retired key was accepted: {claims}"
                );
                assert!(in_time > 0, "a token was accepted after its end: {claims}");
                let mine = serde_json::json!({
                    "sub": session.user,
                    "sid": session.sid,
                    "generation": session.generation,
                    "body": first.body,
                });
                assert_eq!(answer.json(), mine, "an answer as somebody else");
                None
            }
            (200, _) if !has_marker => {
                assert!(sent.has_access_token(), "led for no reason: {sent:?}");
                let to = document(answer);
                assert!(to.is_some_and(leads_to_refresh), "{answer:?}");
                to
            }
            (307, counts) => {
                assert!(
                    counts.is_none_or(|(accepts, in_time, _)| accepts.min(in_time) < seen.len()),
                    "an access token was refused for no reason: {sent:?}",
                );
                assert_ne!(token, Some(OVER), "asked again: {sent:?}");
                let to = answer.header("location");
                assert!(to.is_some_and(leads_to_refresh), "{answer:?}");
                to
            }
            (303 | 401, None) => {
                // That there is nobody, a refresh said before, which had a reason.
                assert!(
                    token.is_some() || !has_marker,
                    "nobody, although there is a session: {sent:?}",
                );
                let to = answer.header("location").unwrap_or("/sign-in");
                assert!(to.starts_with("/sign-in"), "{answer:?}");
                None
            }
            _ => panic!("{answer:?} to {sent:?}"),
        }
    }

    /// A refresh that is on its way while something else happens.
    async fn refresh(&self, session: &Session) -> Led {
        let moment = self.world.moment();
        let ask = Ask::page(format!("{REFRESH_PATH}/home"));
        let (sent, answer) = self.send("page", &ask).await;
        self.led(session, &sent, &answer, &self.world.since(moment))
    }

    /// How a refresh fared, and whether what it hands out says what the ledger says.
    fn led(&self, session: &Session, sent: &Sent, answer: &Answer, seen: &[State]) -> Led {
        let token = sent.token("refresh", session);
        let token = token.expect("a refresh cookie, which stays");
        let (claims, key) = (payload(token), self.world.key_of(token));
        let accepts = |state: &State| state.keys.accepts(key);
        let end = claims["exp"].as_u64().expect("an end") + LEEWAY;
        let absolute_end = session.auth_time + ABSOLUTE;
        if answer.status != 307 {
            let (code, led) = match answer.status {
                503 => ("temporarily_unavailable", Led::Unavailable),
                _ => ("internal_error", Led::Failed),
            };
            answer.assert_refused(answer.status, code, None);
            return led;
        }
        let cookies = answer.set_cookies();
        let access = cookies.iter().find(|cookie| is_access(cookie));
        let access = access.unwrap_or_else(|| panic!("nothing says how it went: {answer:?}"));
        if access.value == OVER {
            let is_unknown = access.max_age == Some(3);
            let reason = if is_unknown && !seen.iter().all(accepts) {
                Some("page: key retired")
            } else if is_unknown {
                panic!("a session is unknown for no reason: {claims}");
            } else if seen.iter().any(|state| state.now >= absolute_end) {
                Some("page: absolute end")
            } else if seen.iter().any(|state| state.now >= end) {
                Some("page: idle lifetime")
            } else {
                None
            };
            return Led::Refused(reason);
        }
        assert!(
            seen.iter().any(accepts),
            "a refresh token of a retired key was accepted: {claims}",
        );
        let in_time = |state: &State| state.now < end && state.now < absolute_end;
        assert!(
            seen.iter().any(in_time),
            "a refresh token was accepted after its end: {claims}",
        );
        assert!(
            !lock(&self.world.ended).contains(&session.sid),
            "a session lives again after its end",
        );
        for cookie in cookies.iter().filter(|cookie| cookie.value.contains('.')) {
            let lifetime = if is_access(cookie) { ACCESS } else { REFRESH };
            self.check_token(session, &cookie.value, lifetime, seen);
        }
        Led::Renewed
    }

    /// Whether every refresh has its reason in what the application gave.
    fn settle(&self, session: &mut Session, mut led: Vec<Led>) {
        // Those that the clock or the keys refused were refused before anybody was asked.
        led.sort_by_key(|led| matches!(led, Led::Refused(Some(_))));
        let is_renewed = led.contains(&Led::Renewed);
        let mut reasons = Vec::new();
        for given in self.world.take_given(&session.sid) {
            let wanted = match given {
                Given::Claims { generation } if u64::from(generation) == session.generation => {
                    Led::Renewed
                }
                Given::Claims { .. } => {
                    reasons.push("page: generation moved");
                    Led::Refused(None)
                }
                Given::Nobody => {
                    reasons.push("page: user disabled");
                    Led::Refused(None)
                }
                Given::Outage => Led::Unavailable,
                Given::Panic | Given::AnotherUser => Led::Failed,
            };
            let is_it = |led: &Led| match wanted {
                Led::Refused(_) => matches!(led, Led::Refused(_)),
                _ => *led == wanted,
            };
            let Some(index) = led.iter().position(is_it) else {
                panic!("no refresh went as {given:?} has it: {led:?}");
            };
            led.remove(index);
        }
        for led in led {
            match led {
                Led::Refused(Some(reason)) => reasons.push(reason),
                _ => panic!("a refresh for no reason: {led:?}, of user {}", session.user),
            }
        }
        let Some(reason) = reasons.first() else {
            return;
        };
        // In several tabs, one may have come in time. If the session is over for it as well, the next refresh says so.
        if is_renewed {
            return;
        }
        if !std::mem::replace(&mut session.is_over, true) {
            self.world.ledger.count("end", *reason);
        }
        // Where the clock ended it, the clock may go back within leeway.
        if !reason.ends_with("lifetime") && !reason.ends_with("end") {
            lock(&self.world.ended).insert(session.sid.clone());
        }
    }

    async fn log_out(&self) {
        let form = Ask::form("/pages/auth/logout", "");
        let (_, answer) = self.send("log out", &form).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(answer.header("location"), Some("/sign-in"));
        self.world.ledger.count("end", "page: logout");
    }

    /// Nobody is let in who logged out, whatever came late.
    async fn assert_out(&self) {
        let mut ask = Ask::page("/home");
        for _ in 0..4 {
            let (sent, answer) = self.send("page", &ask).await;
            if answer.status == 303 {
                return;
            }
            let to = answer.header("location").or(document(&answer));
            let to = to.unwrap_or_else(|| panic!("in after a logout: {answer:?} to {sent:?}"));
            ask = ask.led(&answer, to);
        }
        panic!("no end after a logout: {ask:?}");
    }

    fn check_token(&self, session: &Session, token: &str, lifetime: u64, seen: &[State]) {
        let claims = payload(token);
        assert_eq!(claims["sub"], session.user.to_string(), "another user");
        assert_eq!(claims["sid"], session.sid, "another session");
        assert_eq!(claims["auth_time"], session.auth_time);
        let issued = claims["iat"].as_u64().expect("a time");
        assert!(
            seen.iter().any(|state| state.now == issued),
            "a token from another time: {claims}",
        );
        assert_eq!(
            claims["exp"],
            (issued + lifetime).min(session.auth_time + ABSOLUTE),
            "another end than the policy's: {claims}",
        );
        let key = self.world.key_of(token);
        assert!(
            seen.iter().any(|state| state.keys.signing == key),
            "a token by a key that did not sign then: {claims}",
        );
    }

    fn count(&self, action: &'static str) {
        self.world.ledger.count("action", action);
    }

    async fn send(&self, what: &str, ask: &Ask) -> (Sent, Answer) {
        let sent = lock(&self.jar).sent(ask, self.world.now());
        let request = ask.request(&sent);
        let answer = Answer::of(self.address, &request.bytes(self.address)).await;
        lock(&self.jar).keep(&answer, self.world.now());
        let document = answer.header("refresh").map_or("", |_| " by a document");
        let counted = format!("{what} {}{document}", answer.status);
        self.world.ledger.count("answer", counted);
        (sent, answer)
    }
}

/// What a browser asks for.
#[derive(Clone, Debug)]
struct Ask {
    method: &'static str,
    target: String,
    body: String,
    site: &'static str,
    mode: &'static str,
}

impl Ask {
    fn page(target: impl Into<String>) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            body: String::new(),
            site: "same-origin",
            mode: "navigate",
        }
    }

    fn form(target: &str, body: impl Into<String>) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            ..Self::page(target)
        }
    }

    fn image(target: &str) -> Self {
        Self {
            mode: "no-cors",
            ..Self::page(target)
        }
    }

    fn foreign_link(target: impl Into<String>) -> Self {
        Self {
            site: "cross-site",
            ..Self::page(target)
        }
    }

    /// A redirect keeps what it redirects; what a document leads to is a page of this origin.
    fn led(self, answer: &Answer, to: &str) -> Self {
        match answer.status {
            307 => Self {
                target: to.to_owned(),
                ..self
            },
            _ => Self::page(to),
        }
    }

    fn request(&self, sent: &Sent) -> Request {
        let accept = match self.mode {
            "navigate" => "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
            _ => "image/avif,image/webp,*/*;q=0.8",
        };
        let request = Request::new(self.method, &self.target)
            .header("Sec-Fetch-Site", self.site)
            .header("Sec-Fetch-Mode", self.mode)
            .header("Accept", accept)
            .form(&self.body);
        match sent.line() {
            line if line.is_empty() => request,
            line => request.header("Cookie", line),
        }
    }
}

/// The cookies of a request, by name.
#[derive(Debug)]
struct Sent(Vec<(String, String)>);

impl Sent {
    fn line(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The token of this kind that is the session's.
    fn token(&self, kind: &str, session: &Session) -> Option<&str> {
        let end = format!("-{kind}-{}", &session.sid[..8]);
        let mut cookies = self.0.iter();
        let cookie = cookies.find(|(name, _)| name.ends_with(&end));
        cookie.map(|(_, value)| value.as_str())
    }

    fn has_marker(&self) -> bool {
        self.0.iter().any(|(name, _)| name == MARKER)
    }

    fn has_access_token(&self) -> bool {
        let mut cookies = self.0.iter();
        cookies.any(|(name, value)| name.contains("-access-") && value != OVER)
    }
}

/// A browser's cookies, and when each is over. Those of `SameSite=Strict` stay past their time, so that it is the server who
/// refuses them.
#[derive(Default)]
struct Jar(Vec<(SetCookie, u64)>);

impl Jar {
    fn keep(&mut self, answer: &Answer, now: u64) {
        for cookie in answer.set_cookies() {
            self.0
                .retain(|(other, _)| (&other.name, &other.path) != (&cookie.name, &cookie.path));
            let seconds = cookie.max_age.unwrap_or_default().unsigned_abs();
            if seconds > 0 {
                let end = if is_strict(&cookie) {
                    u64::MAX
                } else {
                    now + seconds
                };
                self.0.push((cookie, end));
            }
        }
    }

    /// What a browser would send along.
    fn sent(&mut self, ask: &Ask, now: u64) -> Sent {
        self.0.retain(|(_, end)| now < *end);
        let sent = self.0.iter().map(|(cookie, _)| cookie).filter(|cookie| {
            let is_of_path = cookie.path == "/" || ask.target.starts_with(&cookie.path);
            is_of_path && (ask.site == "same-origin" || !is_strict(cookie))
        });
        Sent(
            sent.map(|cookie| (cookie.name.clone(), cookie.value.clone()))
                .collect(),
        )
    }

    fn names(&self) -> Vec<String> {
        let names = self.0.iter().map(|(cookie, _)| cookie.name.clone());
        names.collect()
    }
}

fn is_strict(cookie: &SetCookie) -> bool {
    cookie.line.contains("SameSite=Strict")
}

fn is_access(cookie: &SetCookie) -> bool {
    cookie.name.contains("-access-") && !cookie.value.is_empty()
}

/// Where an answer leads that is a document.
fn document(answer: &Answer) -> Option<&str> {
    answer.header("refresh")?.strip_prefix("0; url=")
}

fn leads_to_refresh(to: &str) -> bool {
    to.starts_with(REFRESH_PATH)
}
