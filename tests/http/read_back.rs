//! Claims that no token would give back: they are refused at login, and not at every request behind it.

use std::collections::BTreeMap;

use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Login, Renew, Renewal, Session, SessionClaims, SessionRoutes, Sessions,
    SubjectError, TokenResponse, stateless_session,
};

use crate::support::{Browser, HeldClock, Request, Server, keys};

/// An application that logs everybody in with the same claims, and renews them.
#[derive(Clone)]
struct App<C> {
    sessions: Sessions<C>,
    login: C,
    renewed: C,
}

impl<C: SessionClaims + Clone> FromRef<App<C>> for Sessions<C> {
    fn from_ref(app: &App<C>) -> Self {
        app.sessions.clone()
    }
}

impl<C: SessionClaims + Clone> Renew<C> for App<C> {
    type Error = std::convert::Infallible;

    async fn renew(&self, _: &Renewal<C>) -> Result<Option<C>, Self::Error> {
        Ok(Some(self.renewed.clone()))
    }
}

async fn login<C: SessionClaims + Clone>(
    login: Login<C>,
    State(app): State<App<C>>,
) -> Result<TokenResponse, IssueError> {
    login.start(app.login)
}

async fn me<C: SessionClaims + Serialize>(session: Session<C>) -> Json<C> {
    Json(session.into_claims())
}

async fn start<C: SessionClaims + Clone + Serialize>(login_claims: C, renewed: C) -> Server {
    let app = App {
        sessions: HeldClock::new().hold(Sessions::new(keys())),
        login: login_claims,
        renewed,
    };
    let routes = Router::new()
        .route("/login", post(login::<C>))
        .route("/me", get(me::<C>))
        .merge(C::routes())
        .with_state(app);
    Server::start(routes).await
}

/// Neither a login nor a refresh issues what would not count; the log names the field where serde does.
async fn assert_never_issued<C: SessionClaims + Clone + Serialize>(good: C, bad: C, logged: &str) {
    let server = start(bad.clone(), bad.clone()).await;
    let answer = server.send(&Request::post("/login")).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged(logged);
    drop(server);
    let server = start(good, bad).await;
    let mut browser = Browser::default();
    let answer = browser.send(&server, Request::post("/login")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    let answer = browser.refresh(&server).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged(logged);
}

const LOGGED: &str = "the claims do not read back as they were written";

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Skipping {
    sub: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
}

#[tokio::test]
async fn a_field_that_is_left_out_and_then_missed() {
    let with = |roles: &[&str]| Skipping {
        sub: 7,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let logged = "as they were written: missing field `roles`";
    assert_never_issued(with(&["admin"]), with(&[]), logged).await;
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Never {
    sub: u64,
    #[serde(skip_serializing)]
    #[expect(dead_code, reason = "nobody reads what no token holds")]
    role: String,
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct OneWay {
    sub: u64,
    #[serde(rename(serialize = "r"))]
    role: String,
}

#[tokio::test]
async fn a_field_that_is_never_written_or_under_another_name() {
    let sessions = Sessions::new(keys());
    let never = sessions.login_checked_elsewhere(Never {
        sub: 7,
        role: "admin".into(),
    });
    let error = never.unwrap_err();
    assert!(matches!(error, IssueError::ReadBack(_)));
    assert_eq!(error.to_string(), format!("{LOGGED}: missing field `role`"));
    let sessions = Sessions::new(keys());
    let one_way = sessions.login_checked_elsewhere(OneWay {
        sub: 7,
        role: "admin".into(),
    });
    assert_eq!(
        one_way.unwrap_err().to_string(),
        format!("{LOGGED}: missing field `role`")
    );
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Scored {
    sub: u64,
    score: f64,
}

#[tokio::test]
async fn a_number_that_json_lacks() {
    let with = |score| Scored { sub: 7, score };
    for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_never_issued(with(0.25), with(score), LOGGED).await;
    }
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Wide {
    sub: u64,
    #[serde(flatten)]
    quotas: BTreeMap<String, u128>,
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Numbered {
    sub: u64,
    #[serde(flatten)]
    shares: BTreeMap<u32, String>,
}

#[tokio::test]
async fn a_flattened_map_whose_values_or_names_serde_cannot_keep() {
    let wide = |quotas: &[(&str, u128)]| Wide {
        sub: 7,
        quotas: quotas
            .iter()
            .map(|(name, quota)| ((*name).to_owned(), *quota))
            .collect(),
    };
    assert_never_issued(wide(&[]), wide(&[("disk", u128::MAX)]), LOGGED).await;
    let numbered = |shares: &[(u32, &str)]| Numbered {
        sub: 7,
        shares: shares
            .iter()
            .map(|(number, share)| (*number, (*share).to_owned()))
            .collect(),
    };
    assert_never_issued(numbered(&[]), numbered(&[(7, "a")]), LOGGED).await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    User(u64),
    Service(String),
}

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
pub struct Ambiguous {
    sub: Id,
}

#[tokio::test]
async fn a_subject_that_reads_back_as_another() {
    let login = |sub| Sessions::new(keys()).login_checked_elsewhere(Ambiguous { sub });
    assert!(login(Id::Service("ada".into())).is_ok());
    assert!(matches!(
        login(Id::User(7)).unwrap_err(),
        IssueError::Subject(SubjectError::Ambiguous)
    ));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Plan {
    Free,
    Team { seats: u32 },
    Trial(u64, String),
}

/// What ordinary claims hold.
#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ordinary {
    sub: i64,
    #[serde(rename = "n")]
    name: String,
    least: i64,
    most: u64,
    small: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    plans: Vec<Plan>,
    share: f64,
    #[serde(flatten)]
    labels: BTreeMap<String, String>,
}

#[tokio::test]
async fn ordinary_claims_come_back_as_they_went() {
    let claims = Ordinary {
        sub: i64::MIN,
        name: "Ada \"Löwe\" \u{1f981}\u{0}\n/".into(),
        least: i64::MIN,
        most: u64::MAX,
        small: None,
        absent: None,
        roles: Vec::new(),
        plans: vec![
            Plan::Free,
            Plan::Team { seats: 3 },
            Plan::Trial(1, "ü".into()),
        ],
        share: 0.1,
        labels: BTreeMap::from([("team".into(), "sieben".into())]),
    };
    let server = start(claims.clone(), claims.clone()).await;
    let mut browser = Browser::default();
    browser.send(&server, Request::post("/login")).await;
    for _ in 0..2 {
        let answer = browser.call(&server, Request::get("/me")).await;
        let read: Ordinary = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(read, claims);
        assert_eq!(browser.refresh(&server).await.status, 200);
    }
}
