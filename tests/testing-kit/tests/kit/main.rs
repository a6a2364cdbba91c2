//! What an application's own tests rely on.

mod application;
mod browser;
mod races;
mod wrong;
