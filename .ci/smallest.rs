//! The smallest program with a login: everybody is Ada.

use axum::extract::FromRef;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
    require_session, stateless_session,
};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl Renew<Claims> for App {
    type Error = std::convert::Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        Ok(Some(Claims {
            sub: session.subject().clone(),
        }))
    }
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    login.start(Claims { sub: "ada".into() })
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.sub
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = axum::Router::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .merge(Claims::routes())
        .with_state(App {
            sessions: Sessions::new(Keys::generate()?),
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
