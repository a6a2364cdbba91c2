//! The trait behind the user's claims struct.

use axum::Router;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::Policy;
use crate::renew::Renew;
use crate::routes;
use crate::sessions::HoldsSessions;

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
    fn subject(&self) -> &Self::Subject;

    /// The field `generation`, where there is one: when it moves, all sessions of the user end. A session from before
    /// the struct had the field stands at 0, so a counter that is added later starts there.
    fn generation(&self) -> Option<u64> {
        None
    }

    /// The session routes, to be merged at the outermost router: POST `{path}/refresh` and POST `{path}/logout`, and
    /// with the feature `client`, GET `{path}/client.js` and GET `{path}/client.d.ts`, the browser module.
    ///
    /// The state must hold [`Sessions<Self>`](crate::Sessions) and implement [`Renew<Self>`]. A state without the former:
    ///
    /// ```compile_fail,E0277
    /// # use axum::Router;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, SessionClaims, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// #[derive(Clone)]
    /// struct App; // error: the state `App` holds no `Sessions<Claims>`
    /// # impl Renew<Claims> for App {
    /// #     type Error = std::io::Error;
    /// #     async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, std::io::Error> { Ok(None) }
    /// # }
    ///
    /// let app: Router<App> = Router::new().merge(Claims::routes());
    /// ```
    fn routes<S>() -> Router<S>
    where
        S: HoldsSessions<Self> + Renew<Self> + Clone + Send + Sync + 'static,
    {
        Self::routes_at(Self::POLICY.path)
    }

    /// The session routes at another mount, as a path of axum's, for a nested router or a proxy that strips a prefix; the policy's `path`
    /// stays what the browser sees.
    ///
    /// ```
    /// # use axum::Router;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, SessionClaims, Sessions, stateless_session};
    /// #[stateless_session(access = "15m", refresh = "7d", path = "/api/auth")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// pub struct Claims {
    ///     sub: u64,
    /// }
    ///
    /// fn app<S>() -> Router<S>
    /// where
    ///     S: Renew<Claims> + Clone + Send + Sync + 'static,
    ///     Sessions<Claims>: axum::extract::FromRef<S>,
    /// {
    ///     Router::new().nest("/api", Router::new().merge(Claims::routes_at("/auth")))
    /// }
    /// ```
    fn routes_at<S>(mount: &str) -> Router<S>
    where
        S: HoldsSessions<Self> + Renew<Self> + Clone + Send + Sync + 'static,
    {
        routes::routes::<Self, S>(mount)
    }

    /// GET `/.well-known/jwks.json`, to be merged at the outermost router: the public keys that verify these access tokens,
    /// as a JWK set (RFC 7517), with five minutes for caches. Secrets are never in it.
    ///
    /// ```
    /// # use axum::{Router, extract::FromRef};
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, SessionClaims, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// fn routes<S>() -> Router<S>
    /// where
    ///     S: Renew<Claims> + Clone + Send + Sync + 'static,
    ///     Sessions<Claims>: FromRef<S>,
    /// {
    ///     Claims::routes().merge(Claims::jwks_routes())
    /// }
    /// ```
    #[cfg(feature = "asymmetric")]
    fn jwks_routes<S>() -> Router<S>
    where
        S: HoldsSessions<Self> + Clone + Send + Sync + 'static,
    {
        crate::routes::jwks::routes::<Self, S>()
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
pub(crate) struct FromWire<C>(pub(crate) C);

impl<'de, C: Wire> Deserialize<'de> for FromWire<C> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        C::read(deserializer).map(Self)
    }
}
