//! From HTTP to GraphQL and back.

use std::future::pending;
use std::time::{Duration, SystemTime};

use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql::{Data, Request};
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse, GraphQLWebSocket};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stateless_session::{Login, Session, SessionRejection, Sessions};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::graphql::{AccessToken, Cookies, Schema};
use crate::session::Claims;

/// POST only, and as JSON. `Login` refuses pages of another origin before the body is read, and a token that does not
/// verify is an HTTP answer, so that any client knows it by the status.
pub(crate) async fn execute(
    login: Login<Claims>,
    session: Option<Session<Claims>>,
    State(schema): State<Schema>,
    body: Result<Json<Request>, JsonRejection>,
) -> Response {
    let mut request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return unread(&rejection),
    };
    let cookies = Cookies::default();
    request = request.data(login).data(cookies.clone());
    if let Some(session) = session {
        request = request.data(session);
    }
    let response = GraphQLResponse::from(schema.execute(request).await);
    (cookies.take(), response).into_response()
}

/// What is told about a body that is no request, as problem details (RFC 9457).
fn unread(rejection: &JsonRejection) -> Response {
    let status = rejection.status();
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => "invalid_body",
    };
    let problem = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": rejection.body_text(),
    });
    let content_type = [(CONTENT_TYPE, "application/problem+json")];
    (status, content_type, problem.to_string()).into_response()
}

/// The protocol `graphql-transport-ws`. The first message may bring an access token, `{"access_token": ".."}`; the
/// connection then ends when the token does, with 4403, which asks clients to come back with another.
pub(crate) async fn subscribe(
    State(schema): State<Schema>,
    State(sessions): State<Sessions<Claims>>,
    protocol: GraphQLProtocol,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .max_message_size(64 * 1024)
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .on_upgrade(move |socket| serve(socket, protocol, schema, sessions))
}

async fn serve(
    socket: WebSocket,
    protocol: GraphQLProtocol,
    schema: Schema,
    sessions: Sessions<Claims>,
) {
    let (mut sink, stream) = socket.split();
    let (tell_end, end) = oneshot::channel();
    let connection = GraphQLWebSocket::new_with_pair(&mut sink, stream, schema, protocol)
        .on_connection_init(async move |payload: Value| {
            let mut data = Data::default();
            let Some(token) = payload.get("access_token") else {
                return Ok(data);
            };
            match sessions.verify(token.as_str().unwrap_or_default()) {
                Ok(session) => {
                    data.insert(AccessToken(token.as_str().unwrap_or_default().to_owned()));
                    let _ = tell_end.send(Ok(session.expires_at()));
                    Ok(data)
                }
                Err(rejection) => {
                    let _ = tell_end.send(Err(rejection));
                    pending().await
                }
            }
        });
    let reason = tokio::select! {
        biased; // so that nothing is delivered once the session is over
        reason = session_end(end) => reason,
        () = connection.serve() => return,
    };
    let frame = CloseFrame {
        code: 4403,
        reason: reason.code().into(),
    };
    let _ = sink.send(Message::Close(Some(frame))).await;
}

/// Why a connection that brings a token ends, once it does.
async fn session_end(
    end: oneshot::Receiver<Result<SystemTime, SessionRejection>>,
) -> SessionRejection {
    match end.await {
        Ok(Ok(end)) => {
            sleep(
                end.duration_since(SystemTime::now())
                    .unwrap_or(Duration::ZERO),
            )
            .await;
            SessionRejection::InvalidToken
        }
        Ok(Err(rejection)) => rejection,
        Err(_) => pending().await, // no token
    }
}

#[cfg(debug_assertions)]
pub(crate) async fn graphiql() -> axum::response::Html<String> {
    let page = async_graphql::http::GraphiQLSource::build()
        .endpoint("/graphql")
        .subscription_endpoint("/graphql/subscriptions");
    axum::response::Html(page.finish())
}
