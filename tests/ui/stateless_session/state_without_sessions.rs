use axum::Router;
use serde::{Deserialize, Serialize};
use stateless_session::{Renew, Renewal, SessionRoutes, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: u64,
}

#[derive(Clone)]
struct App;

impl Renew<Claims> for App {
    type Error = std::io::Error;

    async fn renew(&self, session: &Renewal<Claims>) -> std::io::Result<Option<Claims>> {
        Ok(Some(Claims {
            sub: *session.subject(),
        }))
    }
}

fn router() -> Router<App> {
    Router::new().merge(Claims::routes())
}

fn main() {}
