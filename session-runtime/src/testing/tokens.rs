//! Access tokens of an age, without a clock.

use std::fmt;
use std::time::Duration;

use crate::claims::SessionClaims;
use crate::clock::Timestamp;
use crate::cookies::marker::Marker;
use crate::sessions::Sessions;
use crate::snapshot::OfSession;
use crate::testing::lifetime::lifetime;

/// An access token whose claims were read, and whose user logged in, some time ago: what [`Sessions::issue`] makes.
///
/// It prints as the token, so that it can stand behind `Bearer`.
pub struct AgedToken<'a, C: SessionClaims> {
    sessions: &'a Sessions<C>,
    claims: C,
    read: Duration,
    logged_in: Option<Duration>,
}

impl<C: SessionClaims> Sessions<C> {
    /// An access token for these claims, for a test: of now, or of an age. It has no session in any browser.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let expired = sessions.issue(Claims { sub: 7 }).read("16m");
    /// assert!(sessions.verify(&expired.to_string()).is_err());
    /// let old_login = sessions.issue(Claims { sub: 7 }).logged_in("6m");
    /// assert!(sessions.verify(&old_login.to_string()).is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn issue(&self, claims: C) -> AgedToken<'_, C> {
        AgedToken {
            sessions: self,
            claims,
            read: Duration::ZERO,
            logged_in: None,
        }
    }
}

impl<C: SessionClaims> AgedToken<'_, C> {
    /// The claims were read this long ago, which `fresh` and the token's end go by, such as `"31s"`.
    ///
    /// # Panics
    ///
    /// Where it is no lifetime.
    #[must_use]
    #[track_caller]
    pub fn read(self, ago: &str) -> Self {
        let read = lifetime(ago);
        Self { read, ..self }
    }

    /// The user logged in this long ago, which `max_age` and the absolute end go by; as long ago as the claims were read,
    /// unless set.
    ///
    /// # Panics
    ///
    /// Where it is no lifetime.
    #[must_use]
    #[track_caller]
    pub fn logged_in(self, ago: &str) -> Self {
        let logged_in = Some(lifetime(ago));
        Self { logged_in, ..self }
    }
}

impl<C: SessionClaims> fmt::Display for AgedToken<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut snapshot = self.sessions.snapshot();
        let ago = |age: Duration| Timestamp::before(snapshot.now, age);
        let auth_time = ago(self.logged_in.unwrap_or(self.read).max(self.read));
        snapshot.now = ago(self.read);
        let marker = Marker::generate().expect("the operating system has random numbers");
        let of = OfSession {
            sid: marker.sid(),
            auth_time,
            auth_age: Duration::ZERO,
        };
        match snapshot.access_token(&self.claims, of) {
            Ok(token) => f.write_str(token.as_str()),
            Err(error) => panic!("no token can carry these claims: {error}"),
        }
    }
}

impl<C: SessionClaims> fmt::Debug for AgedToken<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgedToken")
            .field("read", &self.read)
            .field("logged_in", &self.logged_in)
            .finish_non_exhaustive()
    }
}
