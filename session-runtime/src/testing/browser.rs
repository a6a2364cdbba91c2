//! A browser: a cookie jar that keeps the rules, the access token in memory, and what a page's request says of itself.

use std::fmt;

use axum::Router;
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Method};
use cookie::Cookie;
use cookie::time::OffsetDateTime;
use serde::Serialize;

use crate::claims::SessionClaims;
use crate::sessions::Sessions;
use crate::testing::request::{Answer, Request, post};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const OWN_HOST: &str = "app.example.com";

/// A browser with a page of the application in it.
///
/// ```
/// # use axum::Router;
/// use stateless_session::testing::{Browser, HeldClock, get};
///
/// async fn a_session_outlives_its_access_token(app: Router, clock: HeldClock) {
///     let mut browser = Browser::new(app);
///     browser.post_json("/login", &("ada", "lovelace")).await;
///     clock.advance("16m");
///     assert_eq!(browser.send(get("/me")).await.status, 401);
///     assert_eq!(browser.fetch(get("/me")).await.status, 200); // refreshes, as the browser module does
/// }
/// ```
#[derive(Clone)]
pub struct Browser {
    app: Router,
    /// Where the session routes are.
    path: String,
    jar: Vec<Cookie<'static>>,
    token: Option<String>,
}

impl Browser {
    /// A browser without cookies, with a page of this application.
    pub fn new(app: Router) -> Self {
        Self {
            app,
            path: "/auth".to_owned(),
            jar: Vec::new(),
            token: None,
        }
    }

    /// The same where the attribute's `path` is another than `/auth`.
    #[must_use]
    pub fn with_path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// Posts JSON, as a login form's script does. An access token in the answer is kept.
    pub async fn post_json(&mut self, path: &str, body: &impl Serialize) -> Answer {
        self.send(post(path).json(body)).await
    }

    /// Begins a session for these claims, without the application's login.
    ///
    /// # Panics
    ///
    /// Where no token can carry them.
    pub fn sign_in<C: SessionClaims>(&mut self, sessions: &Sessions<C>, claims: C) {
        let login = sessions.login_checked_elsewhere(claims);
        let (token, cookies) = login.expect("tokens can carry the claims").into_parts();
        C::POLICY.path.clone_into(&mut self.path);
        self.token = Some(token.as_str().to_owned());
        for cookie in cookies {
            self.keep(cookie);
        }
    }

    /// Sends a request as the page does, with the token that it has, and keeps what the answer sets.
    pub async fn send(&mut self, request: Request) -> Answer {
        let answer = self.ask(request).await;
        self.take(&answer);
        answer
    }

    /// The same, with one refresh and one repeat where the token is refused, as the browser module does it.
    pub async fn fetch(&mut self, request: Request) -> Answer {
        if self.token.is_none() && self.has_session() {
            self.refresh().await;
        }
        let answer = self.send(request.clone()).await;
        let is_refused = matches!(
            answer.code().as_deref(),
            Some("invalid_token" | "stale_token")
        );
        if answer.status == 401 && is_refused && self.refresh().await.status == 200 {
            return self.send(request).await;
        }
        answer
    }

    /// Asks for a new access token.
    pub async fn refresh(&mut self) -> Answer {
        self.send(post(&format!("{}/refresh", self.path))).await
    }

    /// Logs out by the session route.
    pub async fn logout(&mut self) -> Answer {
        let answer = self.send(post(&format!("{}/logout", self.path))).await;
        self.token = None;
        answer
    }

    /// Loads the page anew: the access token is gone, the cookies stay.
    pub fn reload(&mut self) {
        self.token = None;
    }

    /// Whether there is a session marker, by which a page knows that it has a session.
    pub fn has_session(&self) -> bool {
        // The other cookies of this prefix are of no use to a page.
        self.jar
            .iter()
            .any(|cookie| cookie.name().starts_with("__Host-") && cookie.http_only() != Some(true))
    }

    /// The access token that the page has.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What comes back, before the browser has it.
    pub(crate) async fn ask(&self, mut request: Request) -> Answer {
        let path = request
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let cookies = self.jar.iter().filter(|cookie| is_sent_to(cookie, &path));
        let pairs: Vec<String> = cookies
            .map(|cookie| cookie.stripped().to_string())
            .collect();
        let headers = &mut request.headers;
        headers.insert(HOST, HeaderValue::from_static(OWN_HOST));
        headers
            .entry(SEC_FETCH_SITE)
            .or_insert(HeaderValue::from_static("same-origin"));
        if request.method != Method::GET && !headers.contains_key(ORIGIN) {
            headers.insert(ORIGIN, HeaderValue::from_static("https://app.example.com"));
        }
        if !pairs.is_empty() {
            let pairs = HeaderValue::try_from(pairs.join("; "));
            let mut pairs = pairs.expect("cookies that were set can be sent");
            pairs.set_sensitive(true);
            headers.insert(COOKIE, pairs);
        }
        let is_session_route = path.starts_with(&format!("{}/", self.path));
        let has_token = headers.contains_key(axum::http::header::AUTHORIZATION);
        if let (Some(token), false, false) = (&self.token, has_token, is_session_route) {
            request = request.bearer(token);
        }
        request.send(&self.app).await
    }

    /// Keeps what an answer sets.
    pub(crate) fn take(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(SET_COOKIE) {
            let cookie = line
                .to_str()
                .ok()
                .and_then(|line| Cookie::parse(line.to_owned()).ok());
            self.keep(cookie.expect("`Set-Cookie` is a cookie"));
        }
        if answer.status.is_success()
            && let Some(token) = answer.member("access_token")
        {
            self.token = Some(token);
        }
    }

    pub(crate) fn jar(&self) -> &[Cookie<'static>] {
        &self.jar
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.jar.retain(|cookie| cookie.name() != name);
    }

    /// Puts a cookie into the jar that no answer set.
    pub(crate) fn put(&mut self, cookie: Cookie<'static>) {
        self.jar.push(cookie);
    }

    fn keep(&mut self, cookie: Cookie<'static>) {
        let is_secure = cookie.secure() == Some(true);
        let is_of_host = is_secure && cookie.path() == Some("/") && cookie.domain().is_none();
        let name = cookie.name();
        if name.starts_with("__Host-") && !is_of_host || name.starts_with("__Secure-") && !is_secure
        {
            return; // RFC 6265bis, section 4.1.3
        }
        self.jar
            .retain(|kept| (kept.name(), kept.path()) != (cookie.name(), cookie.path()));
        let is_over = cookie.max_age().is_some_and(|age| !age.is_positive())
            || cookie
                .expires_datetime()
                .is_some_and(|end| end <= OffsetDateTime::UNIX_EPOCH);
        if !is_over {
            self.jar.push(cookie);
        }
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("path", &self.path)
            .field("has_session", &self.has_session())
            .finish_non_exhaustive()
    }
}

/// RFC 6265, section 5.1.4.
fn is_sent_to(cookie: &Cookie<'_>, path: &str) -> bool {
    let own = cookie.path().unwrap_or("/");
    match path.strip_prefix(own) {
        Some(rest) => rest.is_empty() || own.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}
