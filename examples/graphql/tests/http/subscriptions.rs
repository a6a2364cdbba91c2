//! Subscriptions live as long as the session that asked for them.

use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stateless_session::{Keys, Sessions};
use todos::session::Role;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{ACCESS_SECRET, CREATE, LOGIN, PASSWORD, REFRESH_SECRET, Server, credentials};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server, payload: Value) -> Self {
        let address = format!("ws://{}/graphql/subscriptions", server.address);
        let mut request = address.into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = connect_async(request).await.unwrap();
        let mut socket = Self(socket);
        socket
            .send(json!({ "type": "connection_init", "payload": payload }))
            .await;
        socket
    }

    async fn ready(server: &Server, payload: Value) -> Self {
        let mut socket = Self::open(server, payload).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket
    }

    async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn subscribe(&mut self, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await;
    }

    /// The next message, or how the connection was closed.
    async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let next = timeout(Duration::from_secs(30), self.0.next()).await;
            match next.expect("a message or an end within 30 s") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn message(&mut self) -> Value {
        self.next().await.expect("an open connection")
    }

    async fn titles(&mut self) -> Value {
        let message = self.message().await;
        assert_eq!(message["type"], "next", "{message}");
        let nodes = message["payload"]["data"]["myTodos"]["nodes"]
            .as_array()
            .unwrap();
        nodes.iter().map(|todo| todo["title"].clone()).collect()
    }

    async fn close_reason(&mut self) -> (u16, String) {
        let frame = self.next().await.expect_err("a closed connection").unwrap();
        (frame.code.into(), frame.reason.to_string())
    }
}

const MY_TODOS: &str = "subscription { myTodos { nodes { title } } }";

#[tokio::test]
async fn changes_are_told_to_their_owner_alone() {
    let server = Server::start().await;
    let mut owner = server.visitor(Role::AppUser).await;
    let mut other = server.visitor(Role::AppUser).await;
    let mut socket = Socket::ready(&server, json!({ "access_token": owner.token })).await;
    socket.subscribe(MY_TODOS, Value::Null).await;
    assert_eq!(socket.titles().await, json!([]));
    other.graphql(CREATE, json!({ "title": "not yours" })).await;
    owner.graphql(CREATE, json!({ "title": "yours" })).await;
    // The list may be told more than once, and never holds what is not theirs.
    let mut titles = json!([]);
    while titles == json!([]) {
        titles = socket.titles().await;
    }
    assert_eq!(titles, json!(["yours"]));
}

#[tokio::test]
async fn a_subscription_ends_when_the_session_does() {
    let server = Server::start().await;
    let mut owner = server.visitor(Role::AppUser).await;
    // A token as it was 57 of its 60 seconds ago.
    let claims = server.accounts.claims(
        server
            .sessions
            .verify(owner.token.as_ref().unwrap())
            .unwrap()
            .sub,
    );
    let claims = claims.await.unwrap().unwrap();
    let keys = Keys::from_secrets(ACCESS_SECRET, REFRESH_SECRET).unwrap();
    let earlier = Sessions::new(keys).with_clock(|| SystemTime::now() - Duration::from_secs(57));
    let token = earlier.login_checked_elsewhere(claims).unwrap();
    let end = server
        .sessions
        .verify(token.access_token())
        .unwrap()
        .expires_at();

    let mut socket = Socket::ready(&server, json!({ "access_token": token.access_token() })).await;
    socket.subscribe(MY_TODOS, Value::Null).await;
    assert_eq!(socket.titles().await, json!([]));
    // Something changes all the time, and until then it is told.
    let (mut told, mut created) = (0, 0);
    let frame = loop {
        assert!(
            SystemTime::now() < end + Duration::from_secs(10),
            "still open"
        );
        tokio::select! {
            next = socket.next() => match next {
                Ok(_) => told += 1,
                Err(frame) => break frame.unwrap(),
            },
            _ = owner.graphql(CREATE, json!({ "title": "again" })) => created += 1,
        }
    };
    assert!(SystemTime::now() >= end, "closed before the session ended");
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (4403, "invalid_token")
    );
    assert!(told > 0 && created > 0, "{told} of {created}");
    owner
        .graphql(CREATE, json!({ "title": "afterwards" }))
        .await;
    assert!(socket.0.next().await.is_none(), "a message after the end");
}

#[tokio::test]
async fn only_access_tokens_that_count_open_a_connection() {
    let server = Server::start().await;
    let browser = server.visitor(Role::AppUser).await;
    let (_, refresh) = browser
        .cookies
        .iter()
        .find(|(name, _)| name.contains("refresh"))
        .unwrap();
    for token in [json!(refresh), json!("x"), json!(7), Value::Null] {
        let mut socket = Socket::open(&server, json!({ "access_token": token })).await;
        assert_eq!(
            socket.close_reason().await,
            (4403, "invalid_token".into()),
            "{token}"
        );
    }
    server.advance(66);
    let mut socket = Socket::open(&server, json!({ "access_token": browser.token })).await;
    assert_eq!(socket.close_reason().await, (4403, "invalid_token".into()));
}

#[tokio::test]
async fn without_a_token_a_connection_is_anonymous() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    socket.subscribe(MY_TODOS, Value::Null).await;
    let message = socket.message().await;
    assert!(
        message.to_string().contains(r#""code":"missing_token""#),
        "{message}"
    );
}

#[tokio::test]
async fn nobody_logs_in_or_out_over_a_websocket() {
    let server = Server::start().await;
    let user = server.visitor(Role::AppUser).await;
    for query in [
        LOGIN,
        "mutation { logout }",
        "mutation { logOutEverywhere }",
    ] {
        let mut socket = Socket::ready(&server, json!({ "access_token": user.token })).await;
        let variables = if query == LOGIN {
            credentials("anybody", PASSWORD)
        } else {
            json!({})
        };
        socket.subscribe(query, variables).await;
        let message = socket.message().await;
        assert!(
            message
                .to_string()
                .contains(r#""code":"method_not_allowed""#),
            "{message}"
        );
    }
}

#[tokio::test]
async fn ages_count_from_the_message_and_not_from_the_connection() {
    let server = Server::start().await;
    let admin = server.visitor(Role::AppAdmin).await;
    let mut socket = Socket::ready(&server, json!({ "access_token": admin.token })).await;
    server.advance(66); // the token has ended, as far as the server's clock is concerned
    socket
        .subscribe("{ allPeople { nodes { id } } }", Value::Null)
        .await;
    let message = socket.message().await;
    assert!(
        message.to_string().contains(r#""code":"invalid_token""#),
        "{message}"
    );
}
