//! A verified session, on its way to a handler.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use crate::claims::{FromWire, SessionClaims};
use crate::clock::{Clock, Timestamp};
use crate::cookies::marker::Sid;
use crate::keys::key::{KeyRing, TokenKind};
use crate::token;
use crate::token::error::TokenError;
use crate::token::parties::Parties;

/// The session of a request: the claims, and when it began and ends.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Session, require_session, stateless_session};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64, name: String }
/// #[require_session]
/// async fn greet(session: Session<Claims>) -> String {
///     format!("{} logged in at {:?}", session.name, session.authenticated_at())
/// }
/// ```
#[derive(Clone)]
pub struct Session<C> {
    claims: C,
    pub(crate) sid: Sid,
    auth_time: Timestamp,
    auth_age: Duration,
    iat: Timestamp,
    end: Timestamp,
    /// The clock, read once a request.
    now: Timestamp,
    /// For how long the registry has not answered.
    #[cfg(feature = "registry")]
    silence: Option<Duration>,
}

impl<C> Session<C> {
    /// The name of the session: the same in all its tokens, another after each login.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let session = sessions.verify(login.access_token())?;
    /// assert_eq!(session.sid().len(), 22);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sid(&self) -> &str {
        self.sid.as_str()
    }

    /// When the user logged in, to the second.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let session = sessions.verify(login.access_token())?;
    /// let age = session.authenticated_at().elapsed()?;
    /// assert!(age.as_secs() < 60);
    /// # Ok(())
    /// # }
    /// ```
    pub fn authenticated_at(&self) -> SystemTime {
        self.auth_time.to_system_time()
    }

    /// When the claims were read, to the second: at login or at the last refresh.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let session = sessions.verify(login.access_token())?;
    /// // A login reads the claims; every refresh reads them again.
    /// assert_eq!(session.issued_at(), session.authenticated_at());
    /// # Ok(())
    /// # }
    /// ```
    pub fn issued_at(&self) -> SystemTime {
        self.iat.to_system_time()
    }

    /// When the access token ends, to the second.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let session = sessions.verify(login.access_token())?;
    /// let life = session.expires_at().duration_since(session.issued_at())?;
    /// assert_eq!(life.as_secs(), 15 * 60);
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_at(&self) -> SystemTime {
        self.end.to_system_time()
    }

    /// The claims alone.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let login = sessions.login_checked_elsewhere(Claims { sub: 7 })?;
    /// let session = sessions.verify(login.access_token())?;
    /// let claims: Claims = session.into_claims();
    /// assert_eq!(claims.sub, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_claims(self) -> C {
        self.claims
    }

    pub(crate) fn claims_age(&self) -> Duration {
        self.now.since(self.iat)
    }

    /// Whether the session may have ended unheard since its claims were read, so that the user's row should decide.
    #[cfg(feature = "registry")]
    pub(crate) fn is_from_before_the_silence(&self) -> bool {
        self.silence
            .is_some_and(|silence| self.claims_age() > silence)
    }

    #[cfg(feature = "registry")]
    pub(crate) fn note_silence(&mut self, silence: Duration) {
        self.silence = Some(silence);
    }

    #[cfg(feature = "registry")]
    pub(crate) fn auth_time(&self) -> Timestamp {
        self.auth_time
    }

    pub(crate) fn login_age(&self) -> Duration {
        self.now.since(self.auth_time).saturating_add(self.auth_age)
    }
}

impl<C: SessionClaims> Session<C> {
    /// When its token no longer counts, the leeway included.
    #[cfg(feature = "live")]
    pub(crate) fn over_at(&self) -> Timestamp {
        self.end.plus(C::POLICY.leeway)
    }

    /// Opens an access token that counts now.
    pub(crate) fn open(
        token: &[u8],
        keys: &KeyRing,
        parties: &Parties,
        clock: &Clock,
    ) -> Result<Self, TokenError> {
        let (kind, policy) = (TokenKind::Access, &C::POLICY);
        let opened = token::open::<FromWire<C>>(token, kind, keys, parties)?;
        let (FromWire(claims), registered) = (opened.claims, opened.registered);
        let now = clock.now();
        registered.check_times(kind, policy, now)?;
        keys.remember(opened.unseen);
        Ok(Self {
            claims,
            sid: registered.sid,
            auth_time: registered.auth_time,
            auth_age: registered.auth_age,
            iat: registered.iat,
            end: registered.end(kind, policy),
            now,
            #[cfg(feature = "registry")]
            silence: None,
        })
    }
}

impl<C> Deref for Session<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.claims
    }
}

impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sid", &self.sid)
            .field("authenticated_at", &self.authenticated_at())
            .field("issued_at", &self.issued_at())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// What the first parameter of a handler can be: a claims struct, or [`Session`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session",
    label = "expected a struct with `#[stateless_session(..)]`, or `Session<..>` of one",
    note = "the first parameter of a handler with `#[require_session]` is the session"
)]
pub trait FromSession: Sized {
    /// The claims struct.
    type Claims: SessionClaims;

    /// Keeps what the handler asks for.
    fn from_session(session: Session<Self::Claims>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<C: SessionClaims> FromSession for C {
    type Claims = C;

    fn from_session(session: Session<C>) -> Self {
        session.into_claims()
    }
}

impl<C: SessionClaims> FromSession for Session<C> {
    type Claims = C;

    fn from_session(session: Self) -> Self {
        session
    }
}

#[cfg(all(test, feature = "asymmetric"))]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::keys::key::TokenKey;
    use crate::keys::private_key::PrivateKey;
    use crate::policy::Policy;
    use crate::token::payload_writer::PayloadWriter;
    use crate::token::registered::Registered;

    const NOW: u64 = 1_800_000_000;

    #[derive(Debug, Serialize, Deserialize)]
    struct Claims {
        sub: u64,
    }

    impl SessionClaims for Claims {
        type Subject = u64;
        const POLICY: Policy = Policy::new(
            "auth",
            "app",
            Duration::from_secs(900),
            Duration::from_secs(86_400),
        );

        fn subject(&self) -> &u64 {
            &self.sub
        }
    }

    fn key() -> TokenKey {
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        TokenKey::private(PrivateKey::from_jwk(jwk).unwrap())
    }

    fn token(keys: &KeyRing, audience: &str, iat: u64) -> String {
        let kind = TokenKind::Access;
        let parties = Parties::of(&Claims::POLICY).with_audience(audience.to_owned());
        let (sid, iat) = (Sid::of_marker(b"marker"), Timestamp::from_secs(iat));
        let registered = Registered::issued(kind, &Claims::POLICY, sid, iat, iat);
        let payload = PayloadWriter::new(kind, &parties, &registered, &7).unwrap();
        let signed = token::sign::<FromWire<Claims>>(payload.finish(), kind, keys, &parties);
        signed.unwrap().0
    }

    fn open(token: &str, keys: &KeyRing) -> Result<Session<Claims>, TokenError> {
        let clock = Clock::new(|| UNIX_EPOCH + Duration::from_secs(NOW));
        let parties = Parties::of(&Claims::POLICY);
        Session::open(token.as_bytes(), keys, &parties, &clock)
    }

    /// Or a flood of tokens that count nowhere, or not here, would put those out that do.
    #[test]
    fn the_signature_of_a_token_that_counts_is_verified_once_and_no_other_is_remembered() {
        let keys = KeyRing::new(key());
        let good = token(&keys, "app", NOW);
        assert!(!keys.remembers(&good));
        assert!(open(&good, &keys).is_ok());
        assert!(keys.remembers(&good));
        assert!(open(&good, &keys).is_ok());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{signed}.{first}{}", &signature[1..]);
        let others = [
            token(&keys, "other", NOW),
            token(&keys, "app", NOW - 3_600),
            token(&keys, "app", NOW + 3_600),
            forged,
        ];
        for other in others {
            assert!(open(&other, &keys).is_err());
            assert!(!keys.remembers(&other));
        }
    }

    #[test]
    fn other_keys_remember_nothing() {
        let mut keys = KeyRing::new(key());
        let good = token(&keys, "app", NOW);
        assert!(open(&good, &keys).is_ok());
        assert!(keys.clone().remembers(&good), "the same keys");
        assert!(!KeyRing::new(key()).remembers(&good));
        keys.add(TokenKey::hs256(TokenKind::Access, b"whatever").unwrap());
        assert!(!keys.remembers(&good));
        assert!(open(&good, &keys).is_ok());
    }

    #[test]
    fn what_a_secret_signed_takes_no_room() {
        let keys = KeyRing::new(TokenKey::hs256(TokenKind::Access, b"whatever").unwrap());
        let good = token(&keys, "app", NOW);
        assert!(open(&good, &keys).is_ok());
        assert!(!keys.remembers_anything());
    }
}
