//! What the report and the servers of `end-to-end` share.

pub mod peers;
