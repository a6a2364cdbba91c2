//! The one question that is asked of the application between two logins.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::claims::SessionClaims;
use crate::token::refresh_token::RefreshToken;

/// Looks up the user of a session at refresh, and nowhere else.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Renew, Renewal, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64, admin: bool }
/// # struct Row { admin: bool, disabled: bool }
/// # #[derive(Clone)] struct App;
/// # impl App { async fn user(&self, id: u64) -> std::io::Result<Option<Row>> { Ok(None) } }
/// impl Renew<Claims> for App {
///     type Error = std::io::Error;
///
///     async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
///         let user = self.user(*session.subject()).await?; // an outage: 503, the session lives on
///         Ok(user.filter(|row| !row.disabled).map(|row| Claims {
///             sub: *session.subject(),
///             admin: row.admin,
///         }))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Renew<{C}>`",
    label = "the session routes ask this state for the user's claims at refresh",
    note = "write `impl Renew<{C}> for {Self}`, with `async fn renew(&self, session: &Renewal<{C}>) -> Result<Option<{C}>, Self::Error>`"
)]
pub trait Renew<C: SessionClaims> {
    /// An outage. It is logged and never shown.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// The user's claims of today, or `None` when the user is gone or disabled.
    ///
    /// # Errors
    ///
    /// When the user can't be looked up now: the caller is told to repeat, and the session lives on.
    fn renew(
        &self,
        session: &Renewal<C>,
    ) -> impl Future<Output = Result<Option<C>, Self::Error>> + Send;
}

#[diagnostic::do_not_recommend]
impl<C: SessionClaims, T: Renew<C> + Send + Sync> Renew<C> for Arc<T> {
    type Error = T::Error;

    fn renew(
        &self,
        session: &Renewal<C>,
    ) -> impl Future<Output = Result<Option<C>, Self::Error>> + Send {
        T::renew(self, session)
    }
}

/// A session that asks for new claims.
pub struct Renewal<C: SessionClaims> {
    pub(crate) token: RefreshToken<C>,
}

impl<C: SessionClaims> Renewal<C> {
    /// Whose claims are asked for.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, stateless_session};
    /// # use std::collections::{HashMap, HashSet};
    /// # use std::convert::Infallible;
    /// # use std::time::Duration;
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct App { users: HashMap<u64, Claims>, stolen: HashSet<String> }
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
    ///     Ok(self.users.get(session.subject()).cloned())
    /// }
    /// # }
    /// ```
    pub fn subject(&self) -> &C::Subject {
        &self.token.subject
    }

    /// The name of the session.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, stateless_session};
    /// # use std::collections::{HashMap, HashSet};
    /// # use std::convert::Infallible;
    /// # use std::time::Duration;
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct App { users: HashMap<u64, Claims>, stolen: HashSet<String> }
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
    ///     if self.stolen.contains(session.sid()) {
    ///         return Ok(None); // this device alone is signed out
    ///     }
    ///     Ok(self.users.get(session.subject()).cloned())
    /// }
    /// # }
    /// ```
    pub fn sid(&self) -> &str {
        self.token.registered.sid.as_str()
    }

    /// Whether a copy of the session's cookies would be of use for minutes only, because they count beside proofs by a key of
    /// the browser. The application decides what a session may do that is not, such as that of a browser without such keys.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, stateless_session};
    /// # use std::convert::Infallible;
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64, may_pay: bool }
    /// # struct App;
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
    ///     Ok(Some(Claims { sub: *session.subject(), may_pay: session.is_bound() }))
    /// }
    /// # }
    /// ```
    #[cfg(feature = "binding")]
    pub fn is_bound(&self) -> bool {
        self.token.is_bound()
    }

    /// When the user logged in, to the second.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Renew, Renewal, stateless_session};
    /// # use std::collections::{HashMap, HashSet};
    /// # use std::convert::Infallible;
    /// # use std::time::Duration;
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct App { users: HashMap<u64, Claims>, stolen: HashSet<String> }
    /// # impl Renew<Claims> for App {
    /// #     type Error = Infallible;
    /// async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Infallible> {
    ///     let age = session.authenticated_at().elapsed().unwrap_or_default();
    ///     if age > Duration::from_secs(24 * 60 * 60) {
    ///         return Ok(None); // some users log in anew every day
    ///     }
    ///     Ok(self.users.get(session.subject()).cloned())
    /// }
    /// # }
    /// ```
    pub fn authenticated_at(&self) -> SystemTime {
        self.token.registered.auth_time.to_system_time()
    }
}

impl<C: SessionClaims> fmt::Debug for Renewal<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal")
            .field("sid", &self.token.registered.sid)
            .finish_non_exhaustive()
    }
}
