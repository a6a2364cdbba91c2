//! Pages that the server renders: the access token in a cookie, and requests that are led to where their session is.
//!
//! `session` tells which session a request has, `answers` where one is led that has none, `layer` does what no extractor
//! can. The refresh that leads back is one of the `routes`.

pub(crate) mod answers;
pub(crate) mod layer;
pub(crate) mod local_path;
pub(crate) mod onward;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod session;
