//! The trait behind the user's claims struct.

#[cfg(feature = "server")]
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize, Serializer};

use crate::policy::Policy;

/// A claims struct: what `#[stateless_session(..)]` implements.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the claims of a session",
    label = "expected a struct with `#[stateless_session(..)]`"
)]
pub trait SessionClaims: Wire + Send + Sync + 'static {
    /// The type of the field `sub`. On the wire it is always a string.
    type Subject: Serialize + DeserializeOwned + PartialEq + Clone + Send + Sync + 'static;

    /// What the attribute declared.
    const POLICY: Policy;

    /// The field `sub`: whose session it is.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{SessionClaims, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// assert_eq!(Claims { sub: 7 }.subject(), &7);
    /// ```
    fn subject(&self) -> &Self::Subject;

    /// The field `generation`, where there is one: when it moves, all sessions of the user end. A session from before
    /// the struct had the field stands at 0, so a counter that is added later starts there.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{SessionClaims, stateless_session};
    /// #[stateless_session(access = "15m", refresh = "7d")]
    /// #[derive(Serialize, Deserialize)]
    /// struct Claims {
    ///     sub: u64,
    ///     generation: u32, // raised by "log out everywhere", a new password, a disabled account
    /// }
    ///
    /// assert_eq!(Claims { sub: 7, generation: 3 }.generation(), Some(3));
    /// ```
    fn generation(&self) -> Option<u64> {
        None
    }

    /// These claims in TypeScript, as the browser module's `createSession<Claims>()` takes them: the struct and every
    /// type that it names, without imports. `sub` is a string there, as it is on the wire.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use stateless_session::{SessionClaims, stateless_session};
    ///
    /// #[derive(Serialize, Deserialize, ts_rs::TS)]
    /// enum Role {
    ///     Admin,
    ///     User,
    /// }
    ///
    /// #[stateless_session(access = "15m", refresh = "7d")]
    /// #[derive(Serialize, Deserialize, ts_rs::TS)]
    /// struct Claims {
    ///     sub: u64,
    ///     role: Role,
    /// }
    ///
    /// assert_eq!(Claims::typescript(), r#"export type Role = "Admin" | "User";
    /// export type Claims = Omit<{ sub: number, role: Role, }, "sub"> & { sub: string };
    /// "#);
    /// ```
    #[cfg(feature = "typescript")]
    fn typescript() -> String
    where
        Self: ts_rs::TS,
    {
        crate::typescript::declarations::<Self>()
    }
}

/// Structs that serde can write to and read from a token.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement serde's `Serialize` and `Deserialize`",
    label = "add `#[derive(Serialize, Deserialize)]` to this struct"
)]
pub trait Wire: Sized {
    /// What serde's `serialize` does.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// What serde's `deserialize` does.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

// Not supertraits, because a struct without the derives would then get serde's errors beside the one above.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Wire for T {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    #[inline]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Claims as serde reads them.
#[cfg(feature = "server")]
pub(crate) struct FromWire<C>(pub(crate) C);

#[cfg(feature = "server")]
impl<'de, C: Wire> Deserialize<'de> for FromWire<C> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        C::read(deserializer).map(Self)
    }
}
