//! What somebody sends who means no good, and what comes back.
//!
//! `rows/` is a table: one row an attack. The other files are too many cases for a table: all of a kind, generated ones,
//! and those that others wrote down.
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    clippy::too_many_lines,
    reason = "nobody uses a test binary, and its tables are long"
)]

#[path = "../http/app.rs"]
mod app;
#[path = "../http/support.rs"]
#[expect(dead_code, reason = "what `tests/http` needs of it is more")]
mod support;

mod door;
mod exhaustive;
mod http_state;
mod kinds;
mod properties;
mod rows;
mod table;
mod vectors;
mod victim;
mod written_otherwise;
