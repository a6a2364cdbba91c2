//! Subscriptions live as long as the session that asked for them.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stateless_session::SessionClaims;
use todos::session::{Claims, Role};
use tokio::net::TcpStream;
use tokio::time::{self, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{CREATE, LOGIN, PASSWORD, Server, WHO, credentials};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Without a first message.
    async fn silent(server: &Server) -> Self {
        let address = format!("ws://{}/graphql/subscriptions", server.address);
        let mut request = address.into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = connect_async(request).await.unwrap();
        Self(socket)
    }

    async fn open(server: &Server, payload: Value) -> Self {
        let mut socket = Self::silent(server).await;
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
        self.subscribe_as(1, query, variables).await;
    }

    async fn subscribe_as(&mut self, number: usize, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        let id = number.to_string();
        self.send(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// How many of so many subscriptions are told the list, where the others are too many.
    async fn places(&mut self, subscriptions: usize) -> usize {
        for number in 0..subscriptions {
            self.subscribe_as(number, MY_TODOS, Value::Null).await;
        }
        let (mut told, mut refused) = (0, 0);
        while told + refused < subscriptions {
            let message = self.message().await;
            match message["type"].as_str() {
                Some("complete") => {}
                _ if message["payload"]["errors"].is_null() => told += 1,
                _ => {
                    let code = &message["payload"]["errors"][0]["extensions"]["code"];
                    assert_eq!(code, "too_many_operations", "{message}");
                    refused += 1;
                }
            }
        }
        told
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

    /// Waits for a list, which may be told more than once.
    async fn is_told(&mut self, titles: &[&str]) {
        while self.titles().await != json!(titles) {}
    }

    /// How the connection ends, after what was told before.
    async fn end(&mut self) -> (u16, String) {
        loop {
            if let Err(frame) = self.next().await {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
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
async fn a_subscription_ends_when_its_token_does_and_goes_on_with_the_next() {
    let server = Server::start().await;
    let mut owner = server.visitor(Role::AppUser).await;
    let mut first = Socket::ready(&server, json!({ "access_token": owner.token })).await;
    first.subscribe(MY_TODOS, Value::Null).await;
    assert_eq!(first.titles().await, json!([]));

    server.advance(45); // of 60 and 5 for the leeway
    let refreshed = owner.refresh().await.json();
    owner.token = Some(refreshed["access_token"].as_str().unwrap().to_owned());
    let mut next = Socket::ready(&server, json!({ "access_token": owner.token })).await;
    next.subscribe(MY_TODOS, Value::Null).await;
    assert_eq!(next.titles().await, json!([]));
    owner.graphql(CREATE, json!({ "title": "before" })).await;
    first.is_told(&["before"]).await;
    next.is_told(&["before"]).await;

    server.advance(21);
    assert_eq!(first.end().await, (4403, "invalid_token".into()));
    owner
        .graphql(CREATE, json!({ "title": "afterwards" }))
        .await;
    next.is_told(&["before", "afterwards"]).await;
    assert!(first.0.next().await.is_none(), "a message after the end");
}

#[tokio::test]
async fn a_logout_ends_the_subscriptions_of_its_session_at_once() {
    let server = Server::start().await;
    let mut owner = server.visitor(Role::AppUser).await;
    let name = owner.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
    let mut elsewhere = server.browser();
    elsewhere.login(name.as_str().unwrap(), PASSWORD).await;
    let mut sockets = Vec::new();
    for token in [&owner.token, &owner.token, &elsewhere.token] {
        let mut socket = Socket::ready(&server, json!({ "access_token": token })).await;
        socket.subscribe(MY_TODOS, Value::Null).await;
        assert_eq!(socket.titles().await, json!([]));
        sockets.push(socket);
    }
    let answer = owner.request("POST", "/auth/logout", &[], "").await;
    assert_eq!(answer.status, 204);
    // The token itself would count for longer than a message is waited for.
    for socket in &mut sockets[..2] {
        assert_eq!(socket.end().await, (4403, "invalid_token".into()));
    }
    elsewhere.graphql(CREATE, json!({ "title": "on" })).await;
    sockets[2].is_told(&["on"]).await;
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
async fn an_anonymous_connection_ends_after_one_access_lifetime() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server, json!({})).await;
    let until_soon = Claims::POLICY.access.saturating_sub(Duration::from_secs(5));
    for passes in [Duration::ZERO, until_soon] {
        time::pause();
        time::advance(passes).await;
        time::resume();
        socket.subscribe("{ __typename }", Value::Null).await;
        assert_eq!(socket.message().await["type"], "next");
        assert_eq!(socket.message().await["type"], "complete");
    }
    assert_eq!(socket.end().await, (4403, "invalid_token".into()));
}

#[tokio::test]
async fn ages_count_from_the_message_and_not_from_the_connection() {
    let server = Server::start().await;
    let admin = server.visitor(Role::AppAdmin).await;
    let mut socket = Socket::ready(&server, json!({ "access_token": admin.token })).await;
    // Nobody has this number, which only those are told who pass the guard.
    let document = "mutation { setDisabled(input: { personId: -1, disabled: true }) }";
    for code in ["not_found", "stale_token"] {
        socket.subscribe(document, Value::Null).await;
        let message = socket.message().await;
        let errors = &message["payload"]["errors"];
        assert_eq!(errors[0]["extensions"]["code"], code, "{message}");
        assert_eq!(socket.message().await["type"], "complete");
        server.advance(31); // longer than the guard allows, while the token still counts
    }
}

#[tokio::test]
async fn whoever_says_nothing_is_not_waited_for() {
    let server = Server::start().await;
    let mut socket = Socket::silent(&server).await;
    let reason = "connection_initialisation_timeout".to_owned();
    assert_eq!(socket.close_reason().await, (4408, reason));
}

#[tokio::test]
async fn a_connection_and_a_session_have_so_many_subscriptions_and_no_more() {
    let server = Server::start().await;
    let owner = server.visitor(Role::AppUser).await;
    let payload = json!({ "access_token": owner.token });
    let mut sockets = Vec::new();
    for expected in [20, 20, 20, 0] {
        let mut socket = Socket::ready(&server, payload.clone()).await;
        assert_eq!(socket.places(30).await, expected);
        sockets.push(socket);
    }
    // Another session of the same user has its own.
    let mut elsewhere = owner.clone();
    let who = elsewhere.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
    elsewhere.login(who.as_str().unwrap(), PASSWORD).await;
    let payload_elsewhere = json!({ "access_token": elsewhere.token });
    let mut socket = Socket::ready(&server, payload_elsewhere).await;
    assert_eq!(socket.places(2).await, 2);

    // One row that changes is told to each that has a place, once: what comes before the last answer is counted.
    elsewhere.graphql(CREATE, json!({ "title": "one" })).await;
    let mut answers = 0;
    for socket in &mut sockets[..3] {
        for _ in 0..20 {
            assert_eq!(socket.titles().await, json!(["one"]));
            answers += 1;
        }
    }
    assert_eq!(answers, 60);

    // A place is free again when its subscription ends, and when its connection does.
    let mut first = sockets.remove(0);
    first.send(json!({ "id": "0", "type": "complete" })).await;
    loop {
        let message = first.message().await;
        if message["type"] == "complete" && message["id"] == "0" {
            break;
        }
    }
    first.subscribe_as(99, MY_TODOS, Value::Null).await;
    assert_eq!(first.titles().await, json!(["one"]));
    drop((first, sockets));
    let mut again = 0;
    while again != 20 {
        again = Socket::ready(&server, payload.clone())
            .await
            .places(20)
            .await;
    }
}

#[tokio::test]
async fn subscriptions_tell_whose_todos_they_are() {
    let server = Server::start().await;
    let mut owner = server.visitor(Role::AppUser).await;
    owner.graphql(CREATE, json!({ "title": "mine" })).await;
    let name = owner.graphql(WHO, json!({})).await["currentPerson"]["name"].clone();
    let mut socket = Socket::ready(&server, json!({ "access_token": owner.token })).await;
    let document = "subscription { myTodos { nodes { title personByOwnerId { name } } } }";
    socket.subscribe(document, Value::Null).await;
    for title in ["mine", "another"] {
        // A list may be told more than once.
        loop {
            let message = socket.message().await;
            let nodes = &message["payload"]["data"]["myTodos"]["nodes"];
            let last = nodes.as_array().unwrap().last().unwrap();
            assert_eq!(last["personByOwnerId"]["name"], name, "{message}");
            if last["title"] == title {
                break;
            }
        }
        owner.graphql(CREATE, json!({ "title": "another" })).await;
    }
    // No transaction is left open by either.
    let mut taken = Vec::new();
    for _ in 0..10 {
        taken.push(server.pool.acquire().await.unwrap());
    }
}
