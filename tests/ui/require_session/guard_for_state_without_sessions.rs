use axum::Router;
use axum::middleware::from_extractor_with_state;
use serde::{Deserialize, Serialize};
use stateless_session::{require_session, stateless_session};

#[stateless_session(access = "15m", refresh = "7d")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: u64,
    level: u8,
}

#[require_session(level = 1)]
struct Admin(Claims);

#[derive(Clone)]
struct App;

fn main() {
    let _: Router<App> = Router::new().route_layer(from_extractor_with_state::<Admin, App>(App));
}
