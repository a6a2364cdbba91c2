//! A gRPC service and the login that it trusts, on one port: `./run`.

use std::convert::Infallible;
use std::error::Error;

use axum::Router;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
    stateless_session,
};
use tokio::net::TcpListener;
use tonic::service::{Interceptor, Routes};
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

impl Renew<Claims> for Sessions<Claims> {
    type Error = Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        let sub = session.subject().clone();
        Ok(Some(Claims { sub }))
    }
}

/// Everybody is Ada; a real one checks a password.
async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(Claims { sub: "ada".into() })
}

/// Lets a session in, and hands it to the service in the request's extensions.
#[derive(Clone)]
struct RequireSession(Sessions<Claims>);

impl Interceptor for RequireSession {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata().clone().into_headers();
        let session = self.0.authenticate(&headers);
        let session = session.map_err(|refused| Status::unauthenticated(refused.code()))?;
        request.extensions_mut().insert(session);
        Ok(request)
    }
}

async fn app(sessions: Sessions<Claims>) -> Router {
    let (reporter, _) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("", ServingStatus::Serving)
        .await;
    let service = HealthService::from_health_reporter(reporter);
    let guarded = HealthServer::with_interceptor(service, RequireSession(sessions.clone()));
    let http = Router::new().route("/login", post(login));
    let http = http.merge(Claims::routes()).with_state(sessions);
    Routes::new(guarded).into_axum_router().merge(http)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or("50051".into());
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    println!("http://{}", listener.local_addr()?);
    let app = app(Sessions::new(Keys::generate()?)).await;
    axum::serve(listener, app)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use stateless_session::testing::post;
    use tonic::Code;
    use tonic::metadata::{Ascii, MetadataValue};
    use tonic::transport::Endpoint;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;

    #[tokio::test]
    async fn a_call_needs_the_token_of_the_login() {
        let sessions = Sessions::new(Keys::generate().unwrap());
        let app = app(sessions.clone()).await;
        let token = post("/login").send(&app).await;
        let token: serde_json::Value = token.json();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async { axum::serve(listener, app).await });

        let channel = Endpoint::from_shared(address).unwrap();
        let mut client = HealthClient::new(channel.connect().await.unwrap());
        let mut check = async |credentials: Option<String>| {
            let mut request = Request::new(HealthCheckRequest::default());
            if let Some(credentials) = credentials {
                let value: MetadataValue<Ascii> = credentials.parse().unwrap();
                request.metadata_mut().insert("authorization", value);
            }
            client.check(request).await
        };
        let access = token["access_token"].as_str().unwrap();
        let served = check(Some(format!("Bearer {access}"))).await.unwrap();
        assert_eq!(served.into_inner().status, 1);
        let claims = Claims { sub: "ada".into() };
        let expired = sessions.issue(claims).read("16m").to_string();
        for (credentials, code) in [
            (None, "missing_token"),
            (Some("Bearer x.y.z".to_owned()), "invalid_token"),
            (Some(format!("Bearer {expired}")), "invalid_token"),
            (Some("Bearer".to_owned()), "invalid_request"),
        ] {
            let refused = check(credentials).await.unwrap_err();
            assert_eq!(
                (refused.code(), refused.message()),
                (Code::Unauthenticated, code)
            );
        }
        server.abort();
    }
}
