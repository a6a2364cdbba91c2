//! What users rely on, over real sockets.
#![expect(missing_docs, unreachable_pub, reason = "a test binary")]

mod app;
mod support;

mod answers;
mod cookies;
mod cross_origin;
mod deployments;
mod guards;
mod login;
mod mounts;
mod refresh;
mod tokens;
