use serde::{Deserialize, Serialize};
use stateless_session::stateless_session;

#[stateless_session(
    access = "90s",
    refresh = "24h",
    absolute = "60d",
    path = "/admin/auth",
    cookie = "back-office",
    issuer = "https://login.example.com",
    audience = "back-office",
    leeway = "0s"
)]
#[derive(Clone, Serialize, Deserialize)]
pub struct Everything {
    #[serde(rename = "sub")]
    pub user: String,
}

#[stateless_session(access = "2h", refresh = "400d", absolute = "never", path = "/v1/_a.b~c")]
#[derive(Clone, Serialize, Deserialize)]
pub struct PathAlone {
    pub sub: String,
}
