//! Who issues tokens and whom they are for (RFC 7519, sections 4.1.1 and 4.1.3).

use std::borrow::Cow;

use serde_json::Value;

use crate::keys::key::TokenKind;
use crate::policy::Policy;

const REFRESH_AUDIENCE: &str = "#refresh";
const NATIVE_AUDIENCE: &str = "#native";

/// `iss` and `aud`: the policy's, or what the deployment says instead.
#[derive(Clone, Debug)]
pub(crate) struct Parties {
    issuer: Cow<'static, str>,
    audience: Cow<'static, str>,
    /// Audiences of access tokens that are accepted as well, and never issued.
    other_audiences: Vec<String>,
    /// How the payloads of each kind of token begin.
    access: String,
    refresh: String,
    native: String,
}

impl Parties {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self::new(policy.issuer.into(), policy.audience.into(), Vec::new())
    }

    fn new(
        issuer: Cow<'static, str>,
        audience: Cow<'static, str>,
        other_audiences: Vec<String>,
    ) -> Self {
        Self {
            access: beginning(&issuer, &audience),
            refresh: beginning(&issuer, &format!("{audience}{REFRESH_AUDIENCE}")),
            native: beginning(&issuer, &format!("{audience}{NATIVE_AUDIENCE}")),
            issuer,
            audience,
            other_audiences,
        }
    }

    pub(crate) fn with_issuer(self, issuer: String) -> Self {
        Self::new(issuer.into(), self.audience, self.other_audiences)
    }

    pub(crate) fn with_audience(self, audience: String) -> Self {
        Self::new(self.issuer, audience.into(), self.other_audiences)
    }

    pub(crate) fn accept_audience(&mut self, audience: String) {
        self.other_audiences.push(audience);
    }

    #[cfg(feature = "registry")]
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// All for which access tokens count here.
    #[cfg(all(feature = "live", feature = "registry"))]
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        let others = self.other_audiences.iter().map(String::as_str);
        std::iter::once(&*self.audience).chain(others)
    }

    /// Whether access tokens for other audiences count as well.
    #[cfg(feature = "registry")]
    pub(crate) fn accept_others(&self) -> bool {
        !self.other_audiences.is_empty()
    }

    /// The first two members of every payload that is written here, with the brace before them and no comma behind.
    pub(crate) fn beginning(&self, kind: TokenKind) -> &str {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
            TokenKind::Native => &self.native,
        }
    }

    /// The audience of tokens that belong to no session: these sessions', and what such a token is for.
    pub(crate) fn audience_for(&self, purpose: &str) -> String {
        format!("{}{purpose}", self.audience)
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    #[inline]
    pub(crate) fn is_issuer(&self, iss: &str) -> bool {
        iss == self.issuer
    }

    /// Whether `aud` is an audience of this kind of token here.
    #[inline]
    pub(crate) fn is_audience(&self, aud: &str, kind: TokenKind) -> bool {
        match kind {
            TokenKind::Access => {
                aud == self.audience || self.other_audiences.iter().any(|other| aud == other)
            }
            TokenKind::Refresh => aud.strip_suffix(REFRESH_AUDIENCE) == Some(&*self.audience),
            TokenKind::Native => aud.strip_suffix(NATIVE_AUDIENCE) == Some(&*self.audience),
        }
    }
}

fn beginning(issuer: &str, audience: &str) -> String {
    let (issuer, audience) = (Value::from(issuer), Value::from(audience));
    format!(r#"{{"iss":{issuer},"aud":{audience}"#)
}
