//! Bound sessions: a refresh token that counts only beside a proof by a key that does not leave the browser's device. The
//! browser makes the key and the proofs (W3C, Device Bound Session Credentials); here they are read.

pub(crate) mod key;
mod names;
pub(crate) mod offer;
pub(crate) mod proof;
pub(crate) mod stamp;
