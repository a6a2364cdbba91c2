//! What the field gets wrong, replayed against an application.

use std::fmt;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;

use crate::testing::browser::Browser;
use crate::testing::held_clock::HeldClock;
use crate::testing::request::{Answer, Request};

type Switch = Box<dyn Fn(bool) + Send + Sync>;

/// The races that an application's own sessions lose most often, replayed against its router: twenty refreshes at once, a lost
/// answer, answers that come after a logout or after another login, an outage, a disabled user, clocks apart.
///
/// ```
/// # use axum::Router;
/// use stateless_session::testing::{HeldClock, Races, post};
///
/// async fn no_race_is_lost(app: Router, clock: HeldClock) {
///     let ada = post("/login").json(&("ada", "lovelace"));
///     let eve = post("/login").json(&("eve", "dropper"));
///     Races::new(app, ada, eve).with_clock(clock).run().await;
/// }
/// ```
#[must_use = "races are run by `run`"]
pub struct Races {
    app: Router,
    path: String,
    login: Request,
    other_login: Request,
    outage: Option<Switch>,
    disabled: Option<Switch>,
    clock: Option<HeldClock>,
}

impl Races {
    /// The races of an application, with the requests that log two different users in.
    pub fn new(app: Router, login: Request, other_login: Request) -> Self {
        Self {
            app,
            path: "/auth".to_owned(),
            login,
            other_login,
            outage: None,
            disabled: None,
            clock: None,
        }
    }

    /// The same where the attribute's `path` is another than `/auth`.
    pub fn with_path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// The same with a switch that makes the look-up of users fail, and ends that again.
    pub fn with_outage(self, switch: impl Fn(bool) + Send + Sync + 'static) -> Self {
        let outage: Option<Switch> = Some(Box::new(switch));
        Self { outage, ..self }
    }

    /// The same with a switch that disables the first user, and enables him again.
    pub fn with_disabled(self, switch: impl Fn(bool) + Send + Sync + 'static) -> Self {
        let disabled: Option<Switch> = Some(Box::new(switch));
        Self { disabled, ..self }
    }

    /// The same with the clock that the application's sessions go by.
    pub fn with_clock(self, clock: HeldClock) -> Self {
        let clock = Some(clock);
        Self { clock, ..self }
    }

    /// Runs all of them.
    ///
    /// # Panics
    ///
    /// Where one is lost, with every one that is.
    #[track_caller]
    pub fn run(self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let lost = self.lost().await;
            assert!(
                lost.is_empty(),
                "lost races at {caller}:\n- {}",
                lost.join("\n- ")
            );
        }
    }

    /// What each lost race shows, in a sentence.
    pub async fn lost(&self) -> Vec<String> {
        let mut lost = Lost(Vec::new());
        self.many_refreshes(&mut lost).await;
        self.a_lost_answer(&mut lost).await;
        self.a_marker_of_another_session(&mut lost).await;
        self.after_logout(&mut lost).await;
        self.after_another_login(&mut lost).await;
        self.an_outage(&mut lost).await;
        self.a_disabled_user(&mut lost).await;
        self.clocks_apart(&mut lost).await;
        lost.0
    }

    async fn signed_in(&self) -> Browser {
        let mut browser = Browser::new(self.app.clone()).with_path(&self.path);
        let answer = browser.send(self.login.clone()).await;
        let (status, body) = (answer.status, answer.text());
        assert!(
            status.is_success() && browser.has_session(),
            "the login fails: {status} {body}"
        );
        browser
    }

    fn refresh(&self) -> Request {
        crate::testing::request::post(&format!("{}/refresh", self.path))
    }

    async fn many_refreshes(&self, lost: &mut Lost) {
        let mut browser = self.signed_in().await;
        // All are sent before the first answer is back.
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(browser.ask(self.refresh()).await);
        }
        for answer in &answers {
            lost.unless_ok("one of twenty refreshes at once", answer);
            browser.take(answer);
        }
        let answer = browser.refresh().await;
        lost.unless_ok("a refresh after twenty at once", &answer);
    }

    async fn a_lost_answer(&self, lost: &mut Lost) {
        let mut browser = self.signed_in().await;
        if let Some(clock) = &self.clock {
            clock.advance("1d"); // so that the refresh cookie is due
        }
        let _never_arrives = browser.ask(self.refresh()).await;
        let answer = browser.refresh().await;
        lost.unless_ok("a refresh whose first answer was lost", &answer);
    }

    /// A refresh cookie counts beside the marker of its own session alone.
    async fn a_marker_of_another_session(&self, lost: &mut Lost) {
        let (victim, mut planted) = (
            self.signed_in().await,
            Browser::new(self.app.clone()).with_path(&self.path),
        );
        planted.send(self.other_login.clone()).await;
        let markers: Vec<String> = planted
            .jar()
            .iter()
            .map(|cookie| cookie.name().to_owned())
            .collect();
        for name in markers.iter().filter(|name| name.starts_with("__Host-")) {
            planted.forget(name);
        }
        let mut mixed = victim.clone();
        for cookie in victim
            .jar()
            .iter()
            .filter(|cookie| !cookie.name().starts_with("__Host-"))
        {
            mixed.forget(cookie.name());
        }
        for cookie in planted.jar().to_vec() {
            // Under the name that the victim's marker asks for, as a sibling subdomain would toss it.
            let own = victim
                .jar()
                .iter()
                .find(|own| !own.name().starts_with("__Host-"));
            let mut tossed = cookie;
            if let Some(own) = own {
                tossed.set_name(own.name().to_owned());
            }
            mixed.put(tossed);
        }
        if mixed.refresh().await.status.is_success() {
            lost.say("a refresh cookie counts beside another session's marker: a tossed cookie swaps users");
        }
    }

    async fn after_logout(&self, lost: &mut Lost) {
        let mut browser = self.signed_in().await;
        if let Some(clock) = &self.clock {
            clock.advance("1d");
        }
        let late = browser.ask(self.refresh()).await;
        browser.logout().await;
        browser.take(&late);
        browser.reload();
        if browser.has_session() || browser.refresh().await.status.is_success() {
            lost.say("an answer that comes after the logout revives the session");
        }
    }

    async fn after_another_login(&self, lost: &mut Lost) {
        let mut browser = self.signed_in().await;
        let first = browser.token().map(subject_of);
        if let Some(clock) = &self.clock {
            clock.advance("1d");
        }
        let late = browser.ask(self.refresh()).await;
        browser.send(self.other_login.clone()).await;
        browser.take(&late);
        browser.reload();
        let answer = browser.refresh().await;
        lost.unless_ok(
            "a refresh after a late answer to the session before",
            &answer,
        );
        if browser.token().map(subject_of) == first {
            lost.say("an answer that comes after another login swaps the users");
        }
    }

    async fn an_outage(&self, lost: &mut Lost) {
        let Some(outage) = &self.outage else { return };
        let mut browser = self.signed_in().await;
        outage(true);
        let answer = browser.refresh().await;
        outage(false);
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            lost.say(&format!(
                "an outage is answered {} and not 503",
                answer.status
            ));
        }
        lost.if_it_writes("an outage", &answer);
        let answer = browser.refresh().await;
        lost.unless_ok("a refresh after an outage", &answer);
    }

    async fn a_disabled_user(&self, lost: &mut Lost) {
        let Some(disabled) = &self.disabled else {
            return;
        };
        let mut browser = self.signed_in().await;
        disabled(true);
        let answer = browser.refresh().await;
        disabled(false);
        if answer.status != StatusCode::UNAUTHORIZED {
            lost.say(&format!(
                "a disabled user's refresh is answered {} and not 401",
                answer.status
            ));
        }
        lost.if_it_writes("the refusal of a disabled user", &answer);
    }

    async fn clocks_apart(&self, lost: &mut Lost) {
        let Some(clock) = &self.clock else { return };
        let mut browser = self.signed_in().await;
        clock.set_back("2m");
        let answer = browser.refresh().await;
        clock.advance("2m");
        if answer.status == StatusCode::UNAUTHORIZED {
            lost.say("a server whose clock is two minutes behind logs out whoever just logged in");
        }
        lost.if_it_writes("the refusal by a server whose clock is behind", &answer);
    }
}

impl fmt::Debug for Races {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Races")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

struct Lost(Vec<String>);

impl Lost {
    fn say(&mut self, what: &str) {
        if !self.0.iter().any(|said| said == what) {
            self.0.push(what.to_owned());
        }
    }

    fn unless_ok(&mut self, what: &str, answer: &Answer) {
        if !answer.status.is_success() {
            self.say(&format!(
                "{what} is answered {} {}",
                answer.status,
                answer.code().unwrap_or_default()
            ));
        }
    }

    fn if_it_writes(&mut self, what: &str, answer: &Answer) {
        if answer.headers.contains_key(SET_COOKIE) {
            self.say(&format!("{what} writes a cookie"));
        }
    }
}

/// The payload's `sub`, unverified.
fn subject_of(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let json = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&json).ok()?;
    Some(payload.get("sub")?.as_str()?.to_owned())
}
