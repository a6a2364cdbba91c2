//! The attribute's arguments.

use crate::arguments::{self, Argument, Root, Value};
use crate::errors::Errors;
use crate::lifetime::Lifetime;
use crate::suggest::suggest;
use syn::{Ident, LitStr};

const KEYS: [&str; 9] = [
    "access", "refresh", "absolute", "path", "cookie", "issuer", "audience", "leeway", "crate",
];

/// What others call a lifetime.
const LIFETIMES: [&str; 6] = ["exp", "expires", "expiry", "lifetime", "timeout", "ttl"];

pub(in super::super) struct Policy {
    pub(in super::super) access: Lifetime,
    pub(in super::super) refresh: Lifetime,
    pub(in super::super) audience: Option<LitStr>,
    /// What differs from the defaults, with the method that sets it.
    pub(in super::super) settings: Vec<(Ident, Setting)>,
}

pub(in super::super) enum Setting {
    Nothing,
    Lifetime(Lifetime),
    Text(LitStr),
    /// Behind the crate's name.
    Suffix(String),
}

pub(in super::super) fn policy(
    mut arguments: Vec<Argument>,
    errors: &mut Errors,
) -> (Policy, Root) {
    let all_read = errors.is_empty();
    check_keys(&mut arguments, errors);
    let find = |key: &str| arguments.iter().find(|argument| argument.key == key);
    let missing: Vec<_> = [("access", "15m"), ("refresh", "7d")]
        .into_iter()
        .filter(|(key, _)| all_read && find(key).is_none())
        .map(|(key, example)| format!("`{key} = \"{example}\"`"))
        .collect();
    if !missing.is_empty() {
        errors.missing(format!("missing lifetime, as in {}", missing.join(" and ")));
    }

    let access = find("access").and_then(|argument| argument.positive_lifetime("15m", errors));
    let refresh = find("refresh").and_then(|argument| argument.positive_lifetime("7d", errors));
    let absolute = find("absolute").and_then(|argument| absolute(argument, errors));
    let leeway = find("leeway").and_then(|argument| argument.lifetime("5s", errors));
    check_lifetimes(access, refresh, absolute.as_ref(), leeway, errors);

    let mut text = |key: &str, example, check| text(find(key)?, example, check, errors);
    let path = text("path", "/auth", check_path);
    let cookie = text("cookie", "my-app", check_cookie);
    let issuer = text("issuer", "my-app", check_name);
    let audience = text("audience", "my-api", check_name);
    let suffix = path.as_ref().and_then(cookie_suffix);
    let suffix = suffix.filter(|_| find("cookie").is_none());

    let never = matches!(absolute, Some(Setting::Nothing));
    let set_absolute = if never {
        "without_absolute"
    } else {
        "with_absolute"
    };
    let settings = [
        ("absolute", set_absolute, absolute),
        ("path", "with_path", path.map(Setting::Text)),
        ("path", "with_cookie", suffix.map(Setting::Suffix)),
        ("cookie", "with_cookie", cookie.map(Setting::Text)),
        ("issuer", "with_issuer", issuer.map(Setting::Text)),
        ("leeway", "with_leeway", leeway.map(Setting::Lifetime)),
    ];
    // At the key, so that an editor shows there what it means.
    let at_key = |(key, method, setting): (&str, &str, Option<_>)| {
        Some((Ident::new(method, find(key)?.key.span()), setting?))
    };
    let policy = Policy {
        access: access.unwrap_or(Lifetime::minutes(15)),
        refresh: refresh.unwrap_or(Lifetime::days(7)),
        audience,
        settings: settings.into_iter().filter_map(at_key).collect(),
    };
    let root = find("crate").and_then(|argument| argument.root(errors));
    (policy, Root(root))
}

/// Reports unknown and duplicate keys. A misspelled key then counts as the one it stands for.
fn check_keys(arguments: &mut [Argument], errors: &mut Errors) {
    arguments::check_duplicates(arguments.iter().map(|argument| &argument.key), errors);
    for Argument { key, .. } in arguments {
        let name = key.to_string();
        if KEYS.contains(&name.as_str()) {
            continue;
        }
        let known = suggest(&name, &KEYS);
        let fix = match known {
            Some(known) => format!("did you mean `{known}`?"),
            None if LIFETIMES.contains(&name.as_str()) => {
                "lifetimes are `access`, `refresh` and `absolute`".to_owned()
            }
            None => format!("expected one of `{}`", KEYS.join("`, `")),
        };
        errors.push(&key, format!("unknown argument `{name}`, {fix}"));
        if let Some(known) = known {
            *key = Ident::new(known, key.span());
        }
    }
}

fn absolute(argument: &Argument, errors: &mut Errors) -> Option<Setting> {
    match &argument.value {
        Value::Str(string) if string.value() == "never" => Some(Setting::Nothing),
        _ => argument
            .positive_lifetime("30d", errors)
            .map(Setting::Lifetime),
    }
}

fn check_lifetimes(
    access: Option<Lifetime>,
    refresh: Option<Lifetime>,
    absolute: Option<&Setting>,
    leeway: Option<Lifetime>,
    errors: &mut Errors,
) {
    if let (Some(access), Some(refresh)) = (access, refresh)
        && access.seconds() >= refresh.seconds()
    {
        let message = format!(
            "the access lifetime `{access}` must be shorter than the refresh lifetime `{refresh}`"
        );
        errors.at(access.span(), message);
    }
    if let (Some(refresh), Some(Setting::Lifetime(absolute))) = (refresh, absolute)
        && refresh.seconds() > absolute.seconds()
    {
        let message = format!(
            "the refresh lifetime `{refresh}` must not be longer \
             than the absolute lifetime `{absolute}`"
        );
        errors.at(refresh.span(), message);
    }
    if let Some(leeway) = leeway
        && leeway.seconds() > 60
    {
        let message = format!("the leeway `{leeway}` must be at most \"60s\"");
        errors.at(leeway.span(), message);
    }
}

/// The value as it was written, where `check` finds it valid.
fn text(
    argument: &Argument,
    example: &str,
    check: fn(&str) -> Result<(), &'static str>,
    errors: &mut Errors,
) -> Option<LitStr> {
    let string = argument.string(example, errors)?;
    let (key, text) = (&argument.key, string.value());
    if let Err(expected) = check(&text) {
        let message = format!("invalid {key} `{text}`: expected {expected}, as in \"{example}\"");
        errors.push(string, message);
        return None;
    }
    Some(string.clone())
}

/// What RFC 6265 lets stand in a `Path`, in its one normal form.
fn check_path(path: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let Some(segments) = path.strip_prefix('/') else {
        return Err("a `/` at the start");
    };
    for segment in segments.split('/') {
        match segment {
            "" => return Err("no empty segment and no `/` at the end"),
            "." | ".." => return Err("no segment `.` or `..`"),
            _ if !segment.bytes().all(allowed) => {
                return Err("letters, digits and `-._~` between the slashes");
            }
            _ => {}
        }
    }
    Ok(())
}

/// A token of RFC 6265, before the prefixes that the session adds.
fn check_cookie(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Err("a name without prefix, which the session adds itself");
    }
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err("letters, digits, `-`, `_` and `.`");
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("a name");
    }
    Ok(())
}

/// Sessions at different paths of one host need cookies of different names.
fn cookie_suffix(path: &LitStr) -> Option<String> {
    let path = path.value();
    // Whatever else a path may hold, a cookie's name may, so that no two paths become one.
    let in_a_name = |letter: char| match letter {
        '/' => '-',
        '-' => '+',
        _ => letter,
    };
    (path != "/auth").then(|| path.chars().map(in_a_name).collect())
}

#[cfg(test)]
mod tests {
    use super::{check_cookie, check_path, cookie_suffix};
    use proc_macro2::Span;
    use syn::{LitStr, parse_quote};

    #[test]
    fn a_path_has_one_form() {
        for path in ["/auth", "/admin/auth", "/v1.2/_a-b~c", "/..."] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in [
            "", "/", "auth", "/auth/", "//auth", "/a//b", "/.", "/a/..", "/a b", "/a;b", "/ä",
            "/%61", "/{id}", "/a?b", "/a#b",
        ] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_cookie_is_a_token_without_prefix() {
        for name in ["app", "my-app_2.0", "__Host", "host-app"] {
            assert_eq!(check_cookie(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "a b",
            "a=b",
            "a;b",
            "a,b",
            "\"a\"",
            "ä",
            "__Host-a",
            "__SECURE-a",
        ] {
            assert!(check_cookie(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_path_of_its_own_gives_cookies_of_their_own() {
        assert_eq!(cookie_suffix(&parse_quote!("/auth")), None);
        let suffix = |path: &str| cookie_suffix(&LitStr::new(path, Span::call_site())).unwrap();
        assert_eq!(suffix("/v1.0/_admin~x"), "-v1.0-_admin~x");
        let paths = [
            "/a/b", "/a-b", "/a.b", "/a_b", "/a~b", "/a-/b", "/a/-b", "/a--b",
        ];
        let mut names = paths.map(suffix).to_vec();
        assert!(names.iter().all(|name| check_cookie(name).is_ok()));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), paths.len());
    }
}
