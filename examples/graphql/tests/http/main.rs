//! What users of the program rely on: real sockets, a real Postgres.

mod hostile;
mod row_level_security;
mod sessions;
mod subscriptions;
mod support;
