//! One-time tokens: a link that dies by being used.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateless_session::{
    IssueError, Keys, Purpose, RedeemError, SessionRejection, Sessions, Unchanged,
    stateless_session,
};
use tokio::sync::Barrier;

use crate::app::{App, Claims, UserId};
use crate::support::{
    ACCESS_SECRET, Answer, Browser, HeldClock, MINUTE, NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET,
    REFRESH_SECRET, Request, START, Server, forge_like, header, keys, lock, payload,
};

/// Dies when the password changes.
struct PasswordReset;

impl Purpose for PasswordReset {
    type Subject = UserId;
    const NAME: &str = "password-reset";
    const LIFETIME: Duration = Duration::from_secs(15 * 60);
}

struct ConfirmEmail;

impl Purpose for ConfirmEmail {
    type Subject = UserId;
    const NAME: &str = "confirm-email";
    const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
}

/// Other structs of the same names.
mod elsewhere {
    use super::{Deserialize, Duration, Purpose, Serialize, UserId, stateless_session};

    #[stateless_session(access = "15m", refresh = "7d")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        pub sub: UserId,
    }

    pub struct PasswordReset;

    impl Purpose for PasswordReset {
        type Subject = UserId;
        const NAME: &str = "shop-password-reset";
        const LIFETIME: Duration = Duration::from_secs(15 * 60);
    }
}

/// The purpose after its struct was moved and renamed.
struct Moved;

impl Purpose for Moved {
    type Subject = UserId;
    const NAME: &str = PasswordReset::NAME;
    const LIFETIME: Duration = Duration::from_secs(60);
}

#[derive(Clone)]
struct Accounts {
    sessions: Sessions<Claims>,
    clock: HeldClock,
    hash: Arc<Mutex<String>>,
    /// Where two requests at once wait for one another.
    meeting: Option<Arc<Barrier>>,
}

impl FromRef<Accounts> for Sessions<Claims> {
    fn from_ref(app: &Accounts) -> Self {
        app.sessions.clone()
    }
}

impl Accounts {
    fn new(keys: Keys) -> Self {
        let clock = HeldClock::new();
        Self {
            sessions: clock.hold(Sessions::new(keys)),
            clock,
            hash: Arc::new(Mutex::new("$argon2id$of-the-old-password".to_owned())),
            meeting: None,
        }
    }

    /// After a deployment with other keys.
    fn redeployed(&self, keys: Keys) -> Self {
        Self {
            sessions: self.clock.hold(Sessions::new(keys)),
            ..self.clone()
        }
    }

    fn hash(&self) -> String {
        lock(&self.hash).clone()
    }

    /// `UPDATE users SET hash = $new WHERE hash = $old`
    fn replace_hash(&self, old: &str, new: &str) -> bool {
        let mut hash = lock(&self.hash);
        let is_old = *hash == old;
        if is_old {
            new.clone_into(&mut hash);
        }
        is_old
    }

    async fn start(&self) -> Server {
        let routes = Router::new()
            .route("/forgot", post(forgot))
            .route("/reset", post(reset));
        Server::start(routes.with_state(self.clone())).await
    }
}

async fn forgot(State(app): State<Accounts>) -> Result<String, IssueError> {
    app.sessions
        .issue_one_time::<PasswordReset>(&UserId(1), &app.hash())
}

#[derive(Deserialize)]
struct Reset {
    token: String,
    hash: String,
}

async fn reset(
    State(app): State<Accounts>,
    Form(form): Form<Reset>,
) -> Result<Response, RedeemError> {
    let redeemed = app.sessions.redeem::<PasswordReset>(&form.token)?;
    let old = app.hash();
    let unchanged: Unchanged<PasswordReset> = redeemed.unchanged(&old)?;
    if let Some(meeting) = &app.meeting {
        meeting.wait().await;
    }
    Ok(if app.replace_hash(&old, &form.hash) {
        unchanged.into_subject().0.to_string().into_response()
    } else {
        StatusCode::CONFLICT.into_response()
    })
}

async fn mailed(server: &Server) -> String {
    let answer = server.send(&Request::post("/forgot")).await;
    assert_eq!(answer.status, 200);
    answer.body
}

async fn use_link(server: &Server, token: &str, hash: &str) -> Answer {
    let form = format!("token={token}&hash={hash}");
    server.send(&Request::post("/reset").form(&form)).await
}

#[track_caller]
fn assert_invalid(answer: &Answer) {
    answer.assert_refused(400, "invalid_link", None);
    let whole = r#"{"title":"Bad Request","status":400,"code":"invalid_link","detail":"this link does not count any more; ask for a new one"}"#;
    assert_eq!(answer.body, whole, "one answer for every cause");
}

#[tokio::test]
async fn a_link_counts_once() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    let answer = use_link(&server, &token, "new").await;
    assert_eq!((answer.status, &*answer.body), (200, "1"));
    assert_eq!(app.hash(), "new");
    assert_invalid(&use_link(&server, &token, "newer").await);
    assert_eq!(app.hash(), "new");
    server.assert_logged("it was used, or what its use would change has changed otherwise");
}

#[tokio::test]
async fn a_link_is_read_any_number_of_times_before_it_is_used() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    for _ in 0..3 {
        let redeemed = app.sessions.redeem::<PasswordReset>(&token).unwrap();
        assert_eq!(redeemed.subject(), &UserId(1));
        assert!(redeemed.unchanged(&app.hash()).is_ok());
    }
    assert_eq!(use_link(&server, &token, "new").await.status, 200);
}

#[tokio::test]
async fn a_link_dies_by_any_other_change() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    assert!(app.replace_hash(&app.hash(), "changed in the settings"));
    assert_invalid(&use_link(&server, &token, "new").await);
}

#[tokio::test]
async fn of_two_uses_at_once_the_applications_own_update_lets_one_through() {
    let mut app = Accounts::new(keys());
    app.meeting = Some(Arc::new(Barrier::new(2)));
    let server = app.start().await;
    let token = mailed(&server).await;
    let both = tokio::join!(
        use_link(&server, &token, "one"),
        use_link(&server, &token, "other")
    );
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn a_link_counts_for_its_lifetime_and_the_leeway_of_clocks() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    app.clock.set(START + 15 * MINUTE + 4);
    let read = |token: &str| app.sessions.redeem::<PasswordReset>(token).is_ok();
    assert!(read(&token));
    app.clock.set(START + 15 * MINUTE + 5);
    assert_invalid(&use_link(&server, &token, "new").await);
    server.assert_logged("it expired 0 s ago");
    app.clock.set(START - 5);
    assert!(read(&token));
    app.clock.set(START - 6);
    assert_invalid(&use_link(&server, &token, "new").await);
}

/// What a deployment shortens holds for links that are under way; their struct is no part of them.
#[tokio::test]
async fn a_moved_struct_ends_no_link_and_a_shorter_lifetime_cuts_it() {
    let app = Accounts::new(keys());
    let token = mailed(&app.start().await).await;
    let read = || app.sessions.redeem::<Moved>(&token).is_ok();
    assert!(read());
    app.clock.set(START + 64);
    assert!(read());
    app.clock.set(START + 65);
    assert!(!read());
}

#[tokio::test]
async fn a_link_is_for_its_purpose_its_claims_and_its_issuer_alone() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    let sessions = &app.sessions;
    assert!(sessions.redeem::<ConfirmEmail>(&token).is_err());
    assert!(sessions.redeem::<elsewhere::PasswordReset>(&token).is_err());
    server.assert_logged("its audience is another");
    let of_others = app.clock.hold(Sessions::<elsewhere::Claims>::new(keys()));
    assert!(of_others.redeem::<PasswordReset>(&token).is_err());
    let of_staging = sessions.clone().with_issuer("staging");
    assert!(of_staging.redeem::<PasswordReset>(&token).is_err());
    assert!(sessions.redeem::<PasswordReset>(&token).is_ok());
    let other = sessions
        .issue_one_time::<ConfirmEmail>(&UserId(1), &app.hash())
        .unwrap();
    assert_invalid(&use_link(&server, &other, "new").await);
}

#[tokio::test]
async fn a_link_outlives_a_rotation_and_dies_with_its_key() {
    let app = Accounts::new(keys());
    let token = mailed(&app.start().await).await;
    let next = || Keys::from_secrets(NEXT_ACCESS_SECRET, NEXT_REFRESH_SECRET).unwrap();
    let retired = app.redeployed(next()).start().await;
    assert_invalid(&use_link(&retired, &token, "new").await);
    let rotated = app.redeployed(
        next()
            .with_previous(Some(ACCESS_SECRET), Some(REFRESH_SECRET))
            .unwrap(),
    );
    let rotated = rotated.start().await;
    assert_eq!(use_link(&rotated, &token, "new").await.status, 200);
}

#[tokio::test]
async fn a_link_says_whose_it_is_and_nothing_of_the_value() {
    let server = Accounts::new(keys()).start().await;
    let token = mailed(&server).await;
    let claims = payload(&token);
    assert_eq!(
        claims,
        json!({
            "iss": "stateless-session", "aud": "http::app::Claims#one-time:password-reset",
            "sub": "1", "iat": START, "exp": START + 15 * MINUTE, "mac": claims["mac"],
        })
    );
    assert_eq!(claims["mac"].as_str().unwrap().len(), 22);
    assert_eq!(header(&token)["typ"], "ot+jwt");
    assert!(token.len() < 400, "{}", token.len());
    // Another user, another value, another purpose: nothing of one MAC says anything of the next.
    let sessions = Accounts::new(keys()).sessions;
    let mac = |token: Result<String, IssueError>| payload(&token.unwrap())["mac"].clone();
    let mut macs = vec![
        mac(sessions.issue_one_time::<PasswordReset>(&UserId(1), "ab")),
        mac(sessions.issue_one_time::<PasswordReset>(&UserId(12), "ab")),
        mac(sessions.issue_one_time::<PasswordReset>(&UserId(1), &("a", "b"))),
        mac(sessions.issue_one_time::<PasswordReset>(&UserId(1), &Some("ab"))),
        mac(sessions.issue_one_time::<PasswordReset>(&UserId(1), &None::<&str>)),
        mac(sessions.issue_one_time::<ConfirmEmail>(&UserId(1), "ab")),
    ];
    // `Some` is JSON's value itself.
    assert_eq!(macs.remove(3), macs[0]);
    for (index, mac) in macs.iter().enumerate() {
        assert!(!macs[..index].contains(mac));
    }
}

#[tokio::test]
async fn every_truncation_and_every_changed_bit_is_refused() {
    let app = Accounts::new(keys());
    let server = app.start().await;
    let token = mailed(&server).await;
    let is_refused = |token: &str| app.sessions.redeem::<PasswordReset>(token).is_err();
    for length in 0..token.len() {
        assert!(is_refused(&token[..length]), "cut to {length}");
    }
    for position in 0..token.len() {
        for bit in 0..7 {
            let mut changed = token.clone().into_bytes();
            changed[position] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert!(is_refused(&changed), "bit {bit} of byte {position}");
        }
    }
    assert_invalid(&use_link(&server, &token[..token.len() - 1], "new").await);
    assert_invalid(&use_link(&server, "", "new").await);
    assert_eq!(use_link(&server, &token, "new").await.status, 200);
}

/// The key of the tokens of sessions is not theirs, so nobody who has one token makes the other.
#[tokio::test]
async fn claims_that_are_forged_under_the_sessions_keys_are_refused() {
    let app = Accounts::new(keys());
    let token = mailed(&app.start().await).await;
    let claims = payload(&token).to_string();
    for secret in [ACCESS_SECRET, REFRESH_SECRET, "", "secret"] {
        let forged = forge_like(&token, &claims, secret);
        assert!(app.sessions.redeem::<PasswordReset>(&forged).is_err());
    }
}

#[tokio::test]
async fn tokens_of_sessions_and_of_links_never_pass_for_one_another() {
    let accounts = Accounts::new(keys());
    let links = accounts.start().await;
    let link = mailed(&links).await;
    let server = Server::start(App::new().router()).await;
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    assert_eq!(browser.send(&server, login).await.status, 200);
    let access = browser.access_token.clone().unwrap();
    let refresh = browser.refresh_cookie().value.clone();
    for token in [&access, &refresh] {
        assert_invalid(&use_link(&links, token, "new").await);
    }
    let bearer = server.send(&Request::get("/me").bearer(&link)).await;
    assert_eq!(
        (bearer.status, bearer.json()["code"].as_str()),
        (401, Some("invalid_token"))
    );
    let (marker, cookie) = (browser.marker(), browser.refresh_cookie());
    let cookies = format!("{}={}; {}={link}", marker.name, marker.value, cookie.name);
    let refreshed = Request::post("/auth/refresh").header("Cookie", cookies);
    let refreshed = server.send(&refreshed).await;
    assert_eq!(
        (refreshed.status, refreshed.json()["code"].as_str()),
        (401, Some("session_unknown"))
    );
}

#[test]
fn what_would_not_verify_is_not_issued() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Anybody;

    struct Broken;

    impl Purpose for Broken {
        type Subject = Anybody;
        const NAME: &str = "broken";
        const LIFETIME: Duration = Duration::from_secs(1);
    }

    /// Whoever is written is read as somebody else.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(from = "String", into = "String")]
    struct Lowercase(String);

    impl From<String> for Lowercase {
        fn from(name: String) -> Self {
            Self(name.to_lowercase())
        }
    }

    impl From<Lowercase> for String {
        fn from(Lowercase(name): Lowercase) -> Self {
            name
        }
    }

    struct Lossy;

    impl Purpose for Lossy {
        type Subject = Lowercase;
        const NAME: &str = "lossy";
        const LIFETIME: Duration = Duration::from_secs(1);
    }

    let sessions = Accounts::new(keys()).sessions;
    let issued = sessions.issue_one_time::<Broken>(&Anybody, &());
    assert!(matches!(issued, Err(IssueError::Subject(_))));
    let ada = |name: &str| Lowercase(name.to_owned());
    assert!(sessions.issue_one_time::<Lossy>(&ada("ada"), &()).is_ok());
    let issued = sessions.issue_one_time::<Lossy>(&ada("Ada"), &());
    assert!(matches!(issued, Err(IssueError::Subject(_))));
    // A value that JSON lacks would be another at every reading.
    let unordered = std::collections::BTreeMap::from([((1, 2), 3)]);
    let issued = sessions.issue_one_time::<PasswordReset>(&UserId(1), &unordered);
    assert!(matches!(issued, Err(IssueError::Claims(_))));
}

#[test]
fn no_debug_shows_a_subject_and_every_refusal_is_one() {
    let sessions = Accounts::new(keys()).sessions;
    let token = sessions
        .issue_one_time::<PasswordReset>(&UserId(123_456), "hash")
        .unwrap();
    let redeemed = sessions.redeem::<PasswordReset>(&token).unwrap();
    assert_eq!(
        format!("{redeemed:?}"),
        "Redeemed<http::one_time::PasswordReset>"
    );
    let unchanged = redeemed.unchanged("hash").unwrap();
    assert_eq!(
        format!("{unchanged:?}"),
        "Unchanged<http::one_time::PasswordReset>"
    );
    let error = sessions.redeem::<PasswordReset>("").unwrap_err();
    assert_eq!(SessionRejection::from(error), SessionRejection::InvalidLink);
    assert_eq!(StatusCode::from(error), StatusCode::BAD_REQUEST);
}
