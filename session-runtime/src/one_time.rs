//! Tokens for a link in a mail, which die by being used.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64_simd::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Level;

use crate::claims::SessionClaims;
use crate::issue_error::IssueError;
use crate::keys::key::TokenKey;
use crate::rejection::SessionRejection;
use crate::sessions::Sessions;
use crate::snapshot::Snapshot;
use crate::token::error::TokenError;
use crate::token::purpose_token::{Kind, PurposeTokens};
use crate::token::subject::{self, SubjectError, SubjectSeed};

const ONE_TIME: Kind = Kind {
    typ: "ot+jwt",
    value: "sub",
    check: "mac",
};

const LONGEST_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a one-time token is for: password reset, confirmation of an e-mail address, an invitation.
///
/// [`Sessions::issue_one_time`] makes one, and [`Sessions::redeem`] reads it back. It carries a MAC over the current value of
/// what its use changes, so it dies by being used, or by any other change, and nobody keeps a table of tokens.
///
/// ```
/// use std::time::Duration;
/// # use serde::{Deserialize, Serialize};
/// # use stateless_session::{Keys, Sessions, stateless_session};
/// use stateless_session::{Purpose, Unchanged};
/// # #[stateless_session(access = "15m", refresh = "7d")]
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Claims { sub: u64 }
///
/// /// Dies when the password changes.
/// struct PasswordReset;
///
/// impl Purpose for PasswordReset {
///     type Subject = u64;
///     const NAME: &str = "password-reset";
///     const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// }
///
/// # struct User { id: u64, password_hash: String }
/// fn set_password(user: &mut User, new_hash: &str, _: Unchanged<PasswordReset>) {
///     user.password_hash = new_hash.to_owned();
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sessions = Sessions::<Claims>::new(Keys::generate()?);
/// # let mut user = User { id: 7, password_hash: "$argon2id$old".to_owned() };
/// let mailed = sessions.issue_one_time::<PasswordReset>(&user.id, &user.password_hash)?;
///
/// let redeemed = sessions.redeem::<PasswordReset>(&mailed)?;
/// assert_eq!(redeemed.subject(), &7); // whose row to read
/// let unchanged = redeemed.unchanged(&user.password_hash)?; // the only way to begin the change
/// set_password(&mut user, "$argon2id$new", unchanged);
///
/// assert!(sessions.redeem::<PasswordReset>(&mailed)?.unchanged(&user.password_hash).is_err()); // used
/// # Ok(())
/// # }
/// ```
pub trait Purpose {
    /// Whose token it is. On the wire it is a string, as the `sub` of a session is.
    type Subject: Serialize + DeserializeOwned + PartialEq;

    /// What the purpose is called in the token's `aud`. Two purposes of one name are one purpose; a new name ends the links
    /// that are under way.
    const NAME: &'static str;

    /// How long a token counts, in whole seconds: at least one, and at most seven days. Any other does not compile.
    ///
    /// ```compile_fail,E0080
    /// # use std::time::Duration;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Keys, Purpose, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct Invitation;
    /// impl Purpose for Invitation {
    ///     type Subject = u64;
    ///     const NAME: &str = "invitation";
    ///     const LIFETIME: Duration = Duration::from_secs(8 * 24 * 60 * 60); // error: eight days
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sessions = Sessions::<Claims>::new(Keys::generate()?);
    /// let token = sessions.issue_one_time::<Invitation>(&7, &false)?;
    /// # Ok(())
    /// # }
    /// ```
    const LIFETIME: Duration;
}

/// The lifetime of a purpose, once the compiler has checked it.
fn lifetime<P: Purpose>() -> Duration {
    const {
        assert!(
            P::LIFETIME.as_secs() > 0,
            "a one-time token must count for a second at least"
        );
        assert!(
            P::LIFETIME.as_nanos() <= LONGEST_LIFETIME.as_nanos(),
            "a one-time token must not count for longer than seven days"
        );
        assert!(!P::NAME.is_empty(), "a purpose must have a name");
    }
    P::LIFETIME
}

impl<C: SessionClaims> Sessions<C> {
    /// A token for a URL, which counts while `value` is what it is: pass what its use will change, such as the password's hash.
    /// It holds a MAC of the value (128 bits, over its JSON) and nothing else of it.
    ///
    /// Who has the text can use it, so it goes into a mail to the subject and nowhere else. A mail scanner opens links: answer
    /// GET with a page, and redeem by the POST of its form.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{IssueError, Keys, Purpose, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct User { id: u64, confirmed: bool, email: String }
    /// struct ConfirmEmail;
    ///
    /// impl Purpose for ConfirmEmail {
    ///     type Subject = u64;
    ///     const NAME: &str = "confirm-email";
    ///     const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
    /// }
    ///
    /// fn link(sessions: &Sessions<Claims>, user: &User) -> Result<String, IssueError> {
    ///     // Dies when it is used, and when another address takes this one's place.
    ///     let text = sessions.issue_one_time::<ConfirmEmail>(&user.id, &(&user.email, user.confirmed))?;
    ///     Ok(format!("https://app.example.com/confirm?token={text}"))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// An [`IssueError`] when the subject can't be a `sub`, the value does not serialize, or these sessions only verify.
    pub fn issue_one_time<P: Purpose>(
        &self,
        subject: &P::Subject,
        value: &(impl Serialize + ?Sized),
    ) -> Result<String, IssueError> {
        let issued = self.issue_one_time_with::<P>(subject, value);
        issued.inspect_err(|cause| {
            let rejection = SessionRejection::InternalError;
            self.events().refused(Level::ERROR, None, rejection, cause);
        })
    }

    fn issue_one_time_with<P: Purpose>(
        &self,
        subject: &P::Subject,
        value: &(impl Serialize + ?Sized),
    ) -> Result<String, IssueError> {
        let snapshot = self.snapshot();
        let tokens = one_time::<C, P>(&snapshot);
        let sub = subject::to_wire(subject)?;
        let mac = mac_of::<P>(tokens.signing_key()?, &sub, value)?;
        let seed = SubjectSeed(PhantomData::<P::Subject>);
        let (token, read_back) = tokens.sign(&sub, &mac, seed)?;
        if read_back != *subject {
            return Err(SubjectError::Ambiguous.into());
        }
        Ok(token)
    }

    /// Reads a one-time token of this purpose: signature, purpose and lifetime are right. Whether it was used already says
    /// [`Redeemed::unchanged`] alone, since it takes the current value.
    ///
    /// # Errors
    ///
    /// [`RedeemError`], whatever the reason; the log tells which.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use serde::{Deserialize, Serialize};
    /// # use stateless_session::{Purpose, RedeemError, Sessions, stateless_session};
    /// # #[stateless_session(access = "15m", refresh = "7d")]
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # pub struct Claims { sub: u64 }
    /// # struct PasswordReset;
    /// # impl Purpose for PasswordReset {
    /// #     type Subject = u64;
    /// #     const NAME: &str = "password-reset";
    /// #     const LIFETIME: Duration = Duration::from_secs(15 * 60);
    /// # }
    /// # struct Db;
    /// # impl Db {
    /// #     async fn hash_of(&self, _: &u64) -> String { String::new() }
    /// #     async fn replace_hash(&self, _: u64, _: &str, _: &str) -> bool { true }
    /// # }
    /// async fn reset(sessions: &Sessions<Claims>, db: &Db, token: &str, new: &str) -> Result<bool, RedeemError> {
    ///     let redeemed = sessions.redeem::<PasswordReset>(token)?;
    ///     let old = db.hash_of(redeemed.subject()).await;
    ///     let user = redeemed.unchanged(&old)?.into_subject();
    ///     // UPDATE users SET password_hash = $new WHERE id = $user AND password_hash = $old: of two at once, one counts
    ///     Ok(db.replace_hash(user, &old, new).await)
    /// }
    /// ```
    pub fn redeem<P: Purpose>(&self, token: &str) -> Result<Redeemed<P>, RedeemError> {
        let snapshot = self.snapshot();
        let seed = SubjectSeed(PhantomData::<P::Subject>);
        let opened = one_time::<C, P>(&snapshot).open(token.as_bytes(), seed);
        let opened = opened.map_err(|cause| {
            let rejection = SessionRejection::InvalidLink;
            self.events().refused(Level::DEBUG, None, rejection, &cause);
            RedeemError(())
        })?;
        Ok(Redeemed {
            subject: opened.value,
            mac: opened.check,
            key: opened.key,
        })
    }
}

fn one_time<'a, C: SessionClaims, P: Purpose>(snapshot: &Snapshot<'a, C>) -> PurposeTokens<'a> {
    let purpose = format!("#one-time:{}", P::NAME);
    PurposeTokens::new(ONE_TIME, &purpose, lifetime::<P>(), snapshot, &C::POLICY)
}

/// The first 128 bits of the MAC over what must not change.
fn mac_of<P: Purpose>(
    key: &TokenKey,
    sub: &str,
    value: &(impl Serialize + ?Sized),
) -> Result<String, IssueError> {
    let value = serde_json::to_vec(value)?;
    let parts: [&[u8]; 3] = [P::NAME.as_bytes(), sub.as_bytes(), &value];
    let mac = key.mac("unchanged", &parts).ok_or(IssueError::VerifyOnly)?;
    let (first_half, _) = mac.split_at(16);
    Ok(URL_SAFE_NO_PAD.encode_to_string(first_half))
}

/// A one-time token that was read: [`Sessions::redeem`] makes it.
#[must_use = "a token counts once `unchanged` says that it was not used yet"]
pub struct Redeemed<P: Purpose> {
    subject: P::Subject,
    mac: String,
    /// The one that signed, so that a rotation between the two ends no link.
    key: TokenKey,
}

impl<P: Purpose> Redeemed<P> {
    /// Whose token it is, to look the current value up. It proves nothing yet.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{Purpose, Redeemed};
    /// # struct Unsubscribe;
    /// # impl Purpose for Unsubscribe {
    /// #     type Subject = String;
    /// #     const NAME: &str = "unsubscribe";
    /// #     const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// # }
    /// fn query(redeemed: &Redeemed<Unsubscribe>) -> String {
    ///     format!("look up whether {} gets the newsletter", redeemed.subject())
    /// }
    /// ```
    pub fn subject(&self) -> &P::Subject {
        &self.subject
    }

    /// The proof that `value` is the one that the token was issued over: the token was not used, and nothing else changed it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stateless_session::{Purpose, RedeemError, Redeemed, Unchanged};
    /// # struct Unsubscribe;
    /// # impl Purpose for Unsubscribe {
    /// #     type Subject = String;
    /// #     const NAME: &str = "unsubscribe";
    /// #     const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// # }
    /// fn check(token: Redeemed<Unsubscribe>, subscribed: bool) -> Result<Unchanged<Unsubscribe>, RedeemError> {
    ///     token.unchanged(&subscribed)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RedeemError`]: the value is another.
    pub fn unchanged(self, value: &(impl Serialize + ?Sized)) -> Result<Unchanged<P>, RedeemError> {
        let is_same = subject::to_wire(&self.subject)
            .map_err(IssueError::from)
            .and_then(|sub| mac_of::<P>(&self.key, &sub, value))
            .is_ok_and(|mac| constant_time_eq(mac.as_bytes(), self.mac.as_bytes()));
        if is_same {
            return Ok(Unchanged {
                subject: self.subject,
            });
        }
        let (code, cause) = (RedeemError::REJECTION.code(), TokenError::Changed);
        tracing::debug!(target: "stateless_session", code, %cause, "refused");
        Err(RedeemError(()))
    }
}

impl<P: Purpose> fmt::Debug for Redeemed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redeemed<{}>", type_name::<P>())
    }
}

/// The proof that a one-time token counted: made by [`Redeemed::unchanged`] alone, so that deeper code can demand it.
///
/// Two requests at once may both have one. What decides between them is the application's own change, as in
/// `UPDATE .. WHERE password_hash = $old`.
///
/// ```
/// # use std::time::Duration;
/// # use stateless_session::{Purpose, Unchanged};
/// # struct Unsubscribe;
/// # impl Purpose for Unsubscribe {
/// #     type Subject = String;
/// #     const NAME: &str = "unsubscribe";
/// #     const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// # }
/// fn unsubscribe(by: &Unchanged<Unsubscribe>) {
///     println!("{} gets no newsletter any more", by.subject());
/// }
/// ```
pub struct Unchanged<P: Purpose> {
    subject: P::Subject,
}

impl<P: Purpose> Unchanged<P> {
    /// Whose token it is.
    pub fn subject(&self) -> &P::Subject {
        &self.subject
    }

    /// The same, for keeps.
    pub fn into_subject(self) -> P::Subject {
        self.subject
    }
}

impl<P: Purpose> fmt::Debug for Unchanged<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unchanged<{}>", type_name::<P>())
    }
}

/// A one-time token that does not count, whatever the reason: it was cut, has expired, was used, is for another purpose, or
/// its key is retired. The log tells which.
///
/// As a response it is [`SessionRejection::InvalidLink`], 400 `invalid_link`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeemError(());

impl RedeemError {
    const REJECTION: SessionRejection = SessionRejection::InvalidLink;
}

impl fmt::Display for RedeemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::REJECTION.fmt(f)
    }
}

impl std::error::Error for RedeemError {}

/// What an application's own error answers: 400.
impl From<RedeemError> for StatusCode {
    fn from(_: RedeemError) -> Self {
        RedeemError::REJECTION.status()
    }
}

impl From<RedeemError> for SessionRejection {
    fn from(_: RedeemError) -> Self {
        RedeemError::REJECTION
    }
}

impl IntoResponse for RedeemError {
    fn into_response(self) -> Response {
        Self::REJECTION.into_response()
    }
}
