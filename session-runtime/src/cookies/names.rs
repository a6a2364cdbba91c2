//! What the cookies are called.

use crate::policy::Policy;

const SHORT: usize = 8;

pub(crate) fn marker_name(policy: &Policy) -> String {
    format!("__Host-{}", policy.cookie)
}

pub(crate) fn is_marker_name(name: &[u8], policy: &Policy) -> bool {
    name.strip_prefix(b"__Host-") == Some(policy.cookie.as_bytes())
}

pub(crate) fn refresh_name(policy: &Policy, short_sid: &str) -> String {
    format!("__Secure-{}-refresh-{short_sid}", policy.cookie)
}

#[cfg(feature = "binding")]
pub(crate) fn bound_name(policy: &Policy, short_sid: &str) -> String {
    format!("__Secure-{}-bound-{short_sid}", policy.cookie)
}

pub(crate) fn login_state_name(policy: &Policy, short: &str) -> String {
    format!("__Host-{}-login-{short}", policy.cookie)
}

/// The eight characters that tell logins apart.
pub(crate) fn short_state_of_name<'a>(name: &'a [u8], policy: &Policy) -> Option<&'a str> {
    short_of_name(name, ["__Host-", policy.cookie, "-login-"])
}

pub(crate) fn access_name(policy: &Policy, short_sid: &str) -> String {
    format!("__Host-{}-access-{short_sid}", policy.cookie)
}

pub(crate) fn short_sid_of_name<'a>(name: &'a [u8], policy: &Policy) -> Option<&'a str> {
    short_of_name(name, ["__Secure-", policy.cookie, "-refresh-"])
}

#[cfg(feature = "binding")]
pub(crate) fn short_sid_of_bound_name<'a>(name: &'a [u8], policy: &Policy) -> Option<&'a str> {
    short_of_name(name, ["__Secure-", policy.cookie, "-bound-"])
}

pub(crate) fn short_sid_of_access_name<'a>(name: &'a [u8], policy: &Policy) -> Option<&'a str> {
    short_of_name(name, ["__Host-", policy.cookie, "-access-"])
}

/// The eight characters behind these parts of a name.
fn short_of_name<'a>(name: &'a [u8], parts: [&str; 3]) -> Option<&'a str> {
    let mut short = name;
    for part in parts {
        short = short.strip_prefix(part.as_bytes())?;
    }
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if short.len() != SHORT || !short.iter().all(is_base64url) {
        return None;
    }
    str::from_utf8(short).ok()
}
