//! An application with the session routes and one handler that asks for the claims.

use std::convert::Infallible;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::routing::get;
use stateless_session::{Renew, Renewal, SessionRoutes, Sessions};

use crate::{Claims, samples};

#[derive(Clone)]
struct App(Sessions<Claims>);

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl Renew<Claims> for App {
    type Error = Infallible;

    async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
        Ok(Some(samples::claims()))
    }
}

/// GET `/` and POST `/auth/refresh`.
pub fn router(sessions: Sessions<Claims>) -> Router {
    async fn handler(claims: Claims) -> StatusCode {
        std::hint::black_box(claims);
        StatusCode::OK
    }
    Router::new()
        .route("/", get(handler))
        .merge(Claims::routes())
        .with_state(App(sessions))
}

/// The cookies of a login, as a browser sends them, behind so many others.
pub fn cookies(sessions: &Sessions<Claims>, others: usize) -> String {
    let login = sessions.login_checked_elsewhere(samples::claims());
    let (_, cookies) = login.expect("good claims").into_parts();
    let pair = |(name, value): (&str, &str)| format!("{name}={value}");
    let ours = cookies.into_iter().map(|cookie| pair(cookie.name_value()));
    let others = (0..others).map(|index| format!("preference_{index}=a%20value%20of%20{index}"));
    others.chain(ours).collect::<Vec<_>>().join("; ")
}
