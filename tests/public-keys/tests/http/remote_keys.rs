//! Public keys from the URL where another service publishes them, whatever it answers.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures_util::stream;
use stateless_session::{FetchError, JwksUrl, KeyError, Sessions};

use crate::app::{Claims, Role, UserId};
use crate::public_keys::{Pair, Resource, resource_of};
use crate::support::{HeldClock, Request, Server, lock};

/// What the service with the keys answers.
#[derive(Clone)]
enum Published {
    Set(String),
    Status(u16),
    Endless,
    Never,
    Elsewhere,
}

/// A service that publishes keys, well or badly.
#[derive(Clone)]
struct Source {
    published: Arc<Mutex<Published>>,
    requests: Arc<AtomicUsize>,
}

impl Source {
    fn of(pairs: &[&Pair]) -> Self {
        Self {
            published: Arc::new(Mutex::new(set_of(pairs))),
            requests: Arc::default(),
        }
    }

    fn publish(&self, published: Published) {
        *lock(&self.published) = published;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    async fn serve(&self) -> Server {
        let source = self.clone();
        let answer = async move || {
            source.requests.fetch_add(1, Ordering::SeqCst);
            let published = lock(&source.published).clone();
            published.into_answer().await
        };
        Server::start(Router::new().route("/jwks", get(answer))).await
    }
}

fn set_of(pairs: &[&Pair]) -> Published {
    let entries = pairs.iter().map(|pair| {
        let set: serde_json::Value = serde_json::from_str(&pair.public_keys().to_jwks()).unwrap();
        set["keys"][0].clone()
    });
    let entries: Vec<_> = entries.collect();
    Published::Set(serde_json::json!({ "keys": entries }).to_string())
}

impl Published {
    async fn into_answer(self) -> Response {
        match self {
            Self::Set(set) => set.into_response(),
            Self::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Self::Endless => {
                let chunk = Ok::<_, Infallible>(Bytes::from_static(&[b' '; 8192]));
                Body::from_stream(stream::repeat(chunk)).into_response()
            }
            Self::Never => std::future::pending().await,
            Self::Elsewhere => Redirect::temporary("http://127.0.0.1:9/jwks").into_response(),
        }
    }
}

fn url(server: &Server) -> JwksUrl {
    JwksUrl::new(&format!("http://{}/jwks", server.address)).unwrap()
}

/// A token that `pair` signs, as of now.
fn token_of(pair: &Pair) -> String {
    token_from(&Sessions::new(pair.keys()))
}

fn token_from(sessions: &Sessions<Claims>) -> String {
    let claims = Claims {
        sub: UserId(3),
        role: Role::Admin,
        generation: 0,
    };
    let login = sessions.login_checked_elsewhere(claims).unwrap();
    login.access_token().to_owned()
}

async fn status(server: &Server, token: &str) -> u16 {
    let answer = server.send(&Request::get("/me").bearer(token)).await;
    answer.status
}

/// Until `condition` holds; a test that waits in vain is ended by its patience.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(20), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn only_https_and_this_machine_are_asked_for_keys() {
    for url in [
        "https://auth.example.com/jwks",
        "http://localhost:3000/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:80/jwks",
    ] {
        assert!(JwksUrl::new(url).is_ok(), "{url}");
    }
    for url in [
        "http://auth.example.com/jwks",
        "http://localhost.example.com/jwks",
        "http://127.0.0.1.example.com/jwks",
        "http://10.0.0.1/jwks",
        "https://user:password@auth.example.com/jwks",
        "https://user@auth.example.com/jwks",
        "https://:password@auth.example.com/jwks",
        "file:///etc/jwks",
        "auth.example.com",
        "",
    ] {
        assert!(matches!(JwksUrl::new(url), Err(FetchError::Url)), "{url}");
    }
}

#[tokio::test]
async fn a_start_without_usable_keys_says_why() {
    let source = Source::of(&[]);
    let server = source.serve().await;
    let mut refusals = Vec::new();
    for published in [
        Published::Status(500),
        Published::Elsewhere,
        Published::Endless,
        Published::Set("<html>".into()),
        Published::Set(r#"{"keys":[]}"#.into()),
        Published::Set(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.into()),
    ] {
        source.publish(published);
        refusals.push(url(&server).fetch().await.unwrap_err());
    }
    assert!(matches!(
        &refusals[..],
        [
            FetchError::Status(500),
            FetchError::Status(307),
            FetchError::TooLarge,
            FetchError::Keys(KeyError::Malformed),
            FetchError::Keys(KeyError::Missing),
            FetchError::Keys(KeyError::Secret),
        ]
    ));
    let nobody = JwksUrl::new("http://127.0.0.1:9/jwks").unwrap();
    let refusal = nobody.fetch().await.unwrap_err();
    assert!(matches!(refusal, FetchError::Request(_)));
}

#[tokio::test]
async fn a_new_key_is_fetched_when_its_first_token_arrives() {
    let [first, second, _] = Pair::all();
    let source = Source::of(&[first]);
    let server = source.serve().await;
    let keys = url(&server).with_least_interval(Duration::ZERO).fetch();
    let sessions = Sessions::verifying_remote(keys.await.unwrap());
    let resource = Server::start(resource_of(Resource(sessions))).await;
    let (old, new) = (token_of(first), token_of(second));
    assert_eq!(status(&resource, &old).await, 200);
    assert_eq!(source.requests(), 1, "no token of a known key asks");

    source.publish(set_of(&[second, first]));
    assert_eq!(status(&resource, &new).await, 401, "answered at once");
    until("the new key", async || status(&resource, &new).await == 200).await;
    assert_eq!(status(&resource, &old).await, 200);

    source.publish(set_of(&[second]));
    let unknown = token_of(&Pair::ed25519());
    assert_eq!(status(&resource, &unknown).await, 401);
    until("the end of the old key", async || {
        status(&resource, &old).await == 401
    })
    .await;
    assert_eq!(status(&resource, &new).await, 200);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_once_an_interval() {
    let [first, ..] = Pair::all();
    let source = Source::of(&[first]);
    let server = source.serve().await;
    let interval = Duration::from_secs(1); // no setting asks more often
    let began = Instant::now();
    let keys = url(&server).with_least_interval(interval).fetch();
    let sessions = Sessions::verifying_remote(keys.await.unwrap());
    let resource = Server::start(resource_of(Resource(sessions))).await;
    let unknown = token_of(&Pair::ed25519());
    let mut flood = 0;
    while source.requests() < 4 {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody asks");
        assert_eq!(status(&resource, &unknown).await, 401);
        flood += 1;
    }
    let intervals = began.elapsed().as_millis() / interval.as_millis();
    assert!(source.requests() as u128 <= intervals + 1);
    assert!(flood > 4, "{flood}");
}

#[tokio::test]
async fn the_last_good_keys_outlive_an_outage_and_not_forever() {
    let [first, ..] = Pair::all();
    let source = Source::of(&[first]);
    let server = source.serve().await;
    let often = Duration::from_secs(1); // no setting asks more often
    let keys = url(&server).with_interval(often).with_least_interval(often);
    let unconfirmed = Duration::from_secs(2);
    let brief = keys.clone().with_unconfirmed_lifetime(unconfirmed);
    // Of another time than this machine's, which is no reason to distrust the keys.
    let clock = HeldClock::new();
    let [resource, brief] = [keys.fetch().await, brief.fetch().await]
        .map(|keys| Resource(clock.hold(Sessions::verifying_remote(keys.unwrap()))));
    let resource = Server::start(resource_of(resource)).await;
    let brief = Server::start(resource_of(brief)).await;
    let token = token_from(&clock.hold(Sessions::new(first.keys())));
    for published in [
        Published::Status(503),
        Published::Set("garbage".into()),
        Published::Set(r#"{"keys":[{"kty":"oct"}]}"#.into()),
        Published::Elsewhere,
        Published::Endless,
    ] {
        source.publish(published);
        let asked = source.requests();
        until("two more of each", async || source.requests() > asked + 4).await;
        assert_eq!(status(&resource, &token).await, 200);
    }
    resource.assert_logged("the last ones still count");
    resource.assert_logged("the service with the keys answered 503");

    source.publish(Published::Never);
    let asked = source.requests();
    until("a request", async || source.requests() > asked).await;
    assert_eq!(
        status(&resource, &token).await,
        200,
        "a slow answer delays nobody"
    );
    until("the end of what is unconfirmed", async || {
        status(&brief, &token).await == 503
    })
    .await;
    let answer = brief.send(&Request::get("/me").bearer(&token)).await;
    answer.assert_refused(503, "temporarily_unavailable", None);
    assert_eq!(answer.header("retry-after"), Some("5"));
    brief.assert_logged("no answer has confirmed the public keys for too long");
    assert_eq!(status(&resource, &token).await, 200);
}

#[tokio::test]
async fn keys_that_nobody_holds_are_not_asked_for() {
    let [first, ..] = Pair::all();
    let source = Source::of(&[first]);
    let server = source.serve().await;
    let often = Duration::from_secs(1); // no setting asks more often
    let keys = url(&server).with_interval(often).with_least_interval(often);
    let keys = keys.fetch().await.unwrap();
    until("the background", async || source.requests() > 1).await;
    drop(keys);
    // One may be under way.
    tokio::task::yield_now().await;
    let asked = source.requests() + 1;
    tokio::time::sleep(often * 5 / 2).await;
    assert!(source.requests() <= asked);
}
