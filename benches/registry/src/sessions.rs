//! The same claims under three policies, and a registry that has ended so many sessions.

use std::convert::Infallible;
use std::future::pending;
use std::time::{SystemTime, UNIX_EPOCH};

use floor::samples;
use serde::{Deserialize, Serialize};
use stateless_session::{
    Ending, Rotation, Seen, SessionClaims, SessionRecord, SessionRegistry, Sessions,
    stateless_session,
};

macro_rules! claims {
    ($name:ident $($key:ident = $value:literal)*) => {
        #[stateless_session(
            access = "15m", refresh = "7d", issuer = "bench", audience = "bench", cookie = "bench" $(, $key = $value)*
        )]
        #[derive(Clone, Serialize, Deserialize)]
        pub struct $name {
            pub sub: String,
            pub name: String,
            pub role: String,
        }

        impl Sample for $name {
            fn sample(user: usize) -> Self {
                Self {
                    sub: format!("24828976{user:04}"),
                    name: "Jane Doe".to_owned(),
                    role: "administrator of the shop".to_owned(),
                }
            }
        }
    };
}

pub trait Sample: SessionClaims<Subject = String> {
    fn sample(user: usize) -> Self;
}

claims!(Without);
claims!(Revoked revocation = "best-effort");
#[cfg(feature = "engines")]
claims!(Rotated revocation = "best-effort" rotation = "30s");

/// Says at its first read that so many sessions of others have ended, and nothing more.
pub struct Full {
    entries: usize,
    /// Whether all sessions of a subject have, too.
    with_subject: bool,
}

impl SessionRegistry for Full {
    type Error = Infallible;

    async fn seen(&self, seen: &Seen<'_>) -> Result<SessionRecord, Infallible> {
        Ok(SessionRecord {
            sid: seen.sid.to_owned(),
            auth_time: seen.auth_time,
            seen_at: seen.at,
            user_agent: None,
            ended_at: None,
            rotation: Rotation::first(seen),
        })
    }

    async fn end(&self, _: &Ending) -> Result<(), Infallible> {
        Ok(())
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<SessionRecord>, Infallible> {
        Ok(Vec::new())
    }

    async fn feed(
        &self,
        position: Option<&str>,
        _: u64,
    ) -> Result<(Vec<Ending>, String), Infallible> {
        if position.is_some() {
            return pending().await;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let ending = |sid: Option<String>| Ending {
            audience: "bench".to_owned(),
            subject: "somebody else".to_owned(),
            sid,
            at: now,
            ends_at: now + 1_000,
        };
        let sids = (0..self.entries).map(|number| Some(sid(number)));
        Ok((
            sids.chain(self.with_subject.then_some(None))
                .map(ending)
                .collect(),
            "end".to_owned(),
        ))
    }
}

/// 22 characters of base64url, spread as digests are.
fn sid(number: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = u64::try_from(number).expect("64 bits") + 1;
    let mut letter = |of: &[u8]| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(of[usize::try_from(state >> 33).expect("31 bits") % of.len()])
    };
    let start: String = (0..21).map(|_| letter(LETTERS)).collect();
    // Two of the last letter's bits belong to the number.
    start + &letter(b"AQgw").to_string()
}

pub fn without() -> Sessions<Without> {
    Sessions::new(samples::keys())
}

/// Beside a set of so many entries, and the runtime that follows the registry.
pub fn beside(entries: usize, with_subject: bool) -> (Sessions<Revoked>, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let registry = Full {
        entries,
        with_subject,
    };
    let sessions = runtime.block_on(Sessions::with_registry(samples::keys(), registry));
    (sessions.expect("a registry"), runtime)
}

pub fn token<C: Sample>(sessions: &Sessions<C>) -> String {
    let login = sessions
        .login_checked_elsewhere(C::sample(1001))
        .expect("good claims");
    login.access_token().to_owned()
}
