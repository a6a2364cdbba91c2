//! From HTTP to GraphQL and back.

use std::future::pending;
use std::time::Duration;

use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql::{Data, Request, Response as Answer};
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse, GraphQLWebSocket};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::extract::ws::{
    CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stateless_session::{Login, Session, SessionClaims, SessionRejection, Sessions};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::graphql::{AccessToken, Cookies, Schema};
use crate::limits::{Sockets, is_for_another_token, rejection};
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
    let answer = schema.execute(request).await;
    match (cookies.take(), for_another_token(&answer)) {
        // Nothing of it was done, and it is answered as a handler with such a guard is: clients refresh and repeat, or ask
        // for the password.
        (None, Some(rejection)) => rejection.with_body(GraphQLResponse::from(answer)),
        (cookies, _) => (cookies, GraphQLResponse::from(answer)).into_response(),
    }
}

fn for_another_token(answer: &Answer) -> Option<SessionRejection> {
    let mut rejections = answer.errors.iter().filter_map(rejection);
    rejections
        .find(|rejection| is_for_another_token(rejection))
        .cloned()
}

/// What is told about a body that is no request.
fn unread(rejection: &JsonRejection) -> Response {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => "invalid_body",
    };
    problem(rejection.status(), code, &rejection.body_text())
}

/// Problem details (RFC 9457).
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let problem = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    let content_type = [(CONTENT_TYPE, "application/problem+json")];
    (status, content_type, problem.to_string()).into_response()
}

/// The protocol `graphql-transport-ws`. The first message may bring an access token, `{"access_token": ".."}`; the
/// connection then ends when the token does, or at once with the session's logout here, with 4403, which asks clients to
/// come back with another. Without a token it ends after one `access` lifetime, too, and without a first message after a
/// few seconds.
pub(crate) async fn subscribe(
    State(schema): State<Schema>,
    State(sessions): State<Sessions<Claims>>,
    State(sockets): State<Sockets>,
    protocol: Result<GraphQLProtocol, StatusCode>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return problem(rejection.status(), "no_websocket", &rejection.body_text());
        }
    };
    let Ok(protocol) = protocol else {
        let detail = "the WebSocket's protocol is graphql-transport-ws";
        return problem(StatusCode::BAD_REQUEST, "unknown_protocol", detail);
    };
    upgrade
        .max_message_size(64 * 1024)
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .on_upgrade(move |socket| serve(socket, protocol, schema, sessions, sockets))
}

async fn serve(
    socket: WebSocket,
    protocol: GraphQLProtocol,
    schema: Schema,
    sessions: Sessions<Claims>,
    sockets: Sockets,
) {
    let (mut sink, stream) = socket.split();
    let (tell_who, who) = oneshot::channel();
    let end = session_end(sessions.clone(), who);
    let connection = GraphQLWebSocket::new_with_pair(&mut sink, stream, schema, protocol)
        .on_connection_init(async move |payload: Value| {
            let mut data = Data::default();
            let Some(token) = payload.get("access_token") else {
                data.insert(sockets.places(None));
                let _ = tell_who.send(Ok(None));
                return Ok(data);
            };
            match sessions.verify(token.as_str().unwrap_or_default()) {
                Ok(session) => {
                    data.insert(AccessToken(token.as_str().unwrap_or_default().to_owned()));
                    data.insert(sockets.places(Some(session.sid())));
                    let _ = tell_who.send(Ok(Some(session)));
                    Ok(data)
                }
                Err(rejection) => {
                    let _ = tell_who.send(Err(rejection));
                    pending().await
                }
            }
        });
    let reason = tokio::select! {
        biased; // so that nothing is delivered once the session is over
        reason = end => reason,
        () = connection.serve() => return,
    };
    let (code, reason) = reason;
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = sink.send(Message::Close(Some(frame))).await;
}

/// For so long the first message is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a connection is closed once its session ends, or the time for its first message.
async fn session_end(
    sessions: Sessions<Claims>,
    who: oneshot::Receiver<Result<Option<Session<Claims>>, SessionRejection>>,
) -> (u16, &'static str) {
    let rejection = match timeout(PATIENCE, who).await {
        Ok(Ok(Ok(session))) => {
            match session {
                Some(session) => sessions.ended(&session).await,
                None => sleep(Claims::POLICY.access).await,
            }
            SessionRejection::InvalidToken
        }
        Ok(Ok(Err(rejection))) => rejection,
        Ok(Err(_)) => pending().await, // the connection is over
        Err(_) => return (4408, "connection_initialisation_timeout"), // graphql-transport-ws
    };
    (4403, rejection.code())
}
