//! What the report and the servers of `end-to-end` and `load` share.

pub mod peers;
