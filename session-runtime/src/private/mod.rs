//! What generated code calls.

#[cfg(feature = "server")]
mod server;

pub use serde::{Deserializer, Serializer};

pub use crate::claims::Wire;
#[cfg(feature = "server")]
pub use server::*;

/// The value of a user's counter.
pub fn counter<C: Counter>(generation: C) -> u64 {
    generation.into_u64()
}

/// Unsigned integers, and types that are one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no unsigned integer",
    label = "`generation` must be `u8`, `u16`, `u32`, `u64` or convert into `u64`"
)]
pub trait Counter {
    /// What `Into<u64>` does.
    fn into_u64(self) -> u64;
}

// Not the bound itself, because rustc would list whatever converts into `u64` in the user's build.
#[diagnostic::do_not_recommend]
impl<T: Into<u64>> Counter for T {
    fn into_u64(self) -> u64 {
        self.into()
    }
}
