//! Logins that begin elsewhere: what binds the way back to the browser that went.

pub(crate) mod begin;
pub(crate) mod callback;

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::claims::SessionClaims;
use crate::cookies::names::Short;
use crate::keys::key::TokenKey;
use crate::snapshot::Snapshot;
use crate::token::purpose_token::{Kind, PurposeTokens};

const LOGIN_STATE: Kind = Kind {
    typ: "ls+jwt",
    value: "kept",
    check: "state",
};

/// How long somebody may stay at the provider.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// 128 random bits are 22 characters of base64url.
const ENCODED: usize = 22;

/// The tokens of logins that come back to one path, and count nowhere else (RFC 9700, section 4.4).
fn tokens<'a, C: SessionClaims>(snapshot: &Snapshot<'a, C>, path: &str) -> PurposeTokens<'a> {
    let purpose = format!("#login:{path}");
    PurposeTokens::new(LOGIN_STATE, &purpose, LIFETIME, snapshot, &C::POLICY)
}

/// The `state` of one login, as it stands in URLs.
struct State(String);

impl State {
    fn generate() -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self(URL_SAFE_NO_PAD.encode_to_string(random)))
    }

    /// The one `state` of a query, as it was sent: none of its characters is ever escaped.
    fn of_query(query: &str) -> Option<Self> {
        let mut states = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("state="));
        let (state, None) = (states.next()?, states.next()) else {
            return None;
        };
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_one = state.len() == ENCODED && state.bytes().all(is_base64url);
        is_one.then(|| Self(state.to_owned()))
    }

    /// What the cookie holds of it. Who reads the cookie does not know the state.
    fn digest(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.0).into();
        let (first_half, _) = digest.split_at(16);
        URL_SAFE_NO_PAD.encode_to_string(first_half)
    }

    /// The verifier of RFC 7636, section 4.1: of the state and a key, so that nobody has to keep it.
    fn pkce_verifier(&self, key: &TokenKey) -> Option<String> {
        self.derived(key, "pkce")
    }

    /// The nonce of `OpenID` Connect, section 3.1.2.1.
    fn nonce(&self, key: &TokenKey) -> Option<String> {
        self.derived(key, "nonce")
    }

    fn derived(&self, key: &TokenKey, label: &str) -> Option<String> {
        let mac = key.mac(label, &[self.0.as_bytes()])?;
        Some(URL_SAFE_NO_PAD.encode_to_string(mac))
    }
}

/// The eight characters of a digest that stand in the cookie's name.
fn short(digest: &str) -> Short {
    Short::of(digest)
}
