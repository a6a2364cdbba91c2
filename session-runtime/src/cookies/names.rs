//! What the cookies are called.

use std::fmt;

use crate::cookies::marker::Sid;
use crate::policy::Policy;

const SHORT: usize = 8;

/// The first eight characters of a session's name, or of a login state's digest, which tell cookies of one kind apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short([u8; SHORT]);

impl Short {
    /// Of a longer text in base64url.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Sid> for Short {
    fn from(sid: Sid) -> Self {
        Self::of(sid.as_str())
    }
}

/// A name that is written here: parts that never change, and behind them what tells sessions or logins apart.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    parts: [&'static str; 3],
    short: Option<Short>,
}

impl Name {
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        let short = self.short.as_ref().map(Short::as_str);
        self.parts.into_iter().chain(short)
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.pieces().map(str::len).sum()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}

pub(crate) fn marker_name(policy: &Policy) -> Name {
    Name {
        parts: ["__Host-", policy.cookie, ""],
        short: None,
    }
}

pub(crate) fn is_marker_name(name: &[u8], policy: &Policy) -> bool {
    name.strip_prefix(b"__Host-") == Some(policy.cookie.as_bytes())
}

pub(crate) fn refresh_name(policy: &Policy, short: Short) -> Name {
    Name {
        parts: refresh_parts(policy),
        short: Some(short),
    }
}

#[cfg(feature = "binding")]
pub(crate) fn bound_name(policy: &Policy, short: Short) -> Name {
    Name {
        parts: bound_parts(policy),
        short: Some(short),
    }
}

pub(crate) fn login_state_name(policy: &Policy, short: Short) -> Name {
    Name {
        parts: login_state_parts(policy),
        short: Some(short),
    }
}

pub(crate) fn access_name(policy: &Policy, short: Short) -> Name {
    Name {
        parts: access_parts(policy),
        short: Some(short),
    }
}

/// The eight characters that tell logins apart.
pub(crate) fn short_state_of_name(name: &[u8], policy: &Policy) -> Option<Short> {
    short_of_name(name, login_state_parts(policy))
}

pub(crate) fn short_sid_of_name(name: &[u8], policy: &Policy) -> Option<Short> {
    short_of_name(name, refresh_parts(policy))
}

#[cfg(feature = "binding")]
pub(crate) fn short_sid_of_bound_name(name: &[u8], policy: &Policy) -> Option<Short> {
    short_of_name(name, bound_parts(policy))
}

pub(crate) fn short_sid_of_access_name(name: &[u8], policy: &Policy) -> Option<Short> {
    short_of_name(name, access_parts(policy))
}

fn refresh_parts(policy: &Policy) -> [&'static str; 3] {
    ["__Secure-", policy.cookie, "-refresh-"]
}

#[cfg(feature = "binding")]
fn bound_parts(policy: &Policy) -> [&'static str; 3] {
    ["__Secure-", policy.cookie, "-bound-"]
}

fn login_state_parts(policy: &Policy) -> [&'static str; 3] {
    ["__Host-", policy.cookie, "-login-"]
}

fn access_parts(policy: &Policy) -> [&'static str; 3] {
    ["__Host-", policy.cookie, "-access-"]
}

/// The eight characters behind these parts of a name.
fn short_of_name(name: &[u8], parts: [&str; 3]) -> Option<Short> {
    let mut short = name;
    for part in parts {
        short = short.strip_prefix(part.as_bytes())?;
    }
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let short: [u8; SHORT] = short.try_into().ok()?;
    short.iter().all(is_base64url).then_some(Short(short))
}
