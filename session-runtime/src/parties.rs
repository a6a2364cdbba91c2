//! Who issues tokens and whom they are for (RFC 7519, sections 4.1.1 and 4.1.3).

use std::borrow::Cow;

use crate::key::TokenKind;
use crate::policy::Policy;

const REFRESH_AUDIENCE: &str = "#refresh";

/// `iss` and `aud`: the policy's, or what the deployment says instead.
#[derive(Clone, Debug)]
pub(crate) struct Parties {
    pub(crate) issuer: Cow<'static, str>,
    pub(crate) audience: Cow<'static, str>,
    /// Audiences of access tokens that are accepted as well, and never issued.
    pub(crate) other_audiences: Vec<String>,
}

impl Parties {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            issuer: policy.issuer.into(),
            audience: policy.audience.into(),
            other_audiences: Vec::new(),
        }
    }

    pub(crate) fn is_issuer(&self, iss: &str) -> bool {
        iss == self.issuer
    }

    /// `aud` of one kind of token.
    pub(crate) fn audience(&self, kind: TokenKind) -> Cow<'_, str> {
        match kind {
            TokenKind::Access => Cow::Borrowed(&self.audience),
            TokenKind::Refresh => format!("{}{REFRESH_AUDIENCE}", self.audience).into(),
        }
    }

    /// Whether `aud` is an audience of this kind of token here.
    pub(crate) fn is_audience(&self, aud: &str, kind: TokenKind) -> bool {
        match kind {
            TokenKind::Access => {
                aud == self.audience || self.other_audiences.iter().any(|other| aud == other)
            }
            TokenKind::Refresh => aud.strip_suffix(REFRESH_AUDIENCE) == Some(&*self.audience),
        }
    }
}
