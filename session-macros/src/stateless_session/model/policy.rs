//! The attribute's arguments.

use crate::arguments::{self, Argument};
use crate::errors::{Errors, refuse};
use crate::lifetime::Lifetime;
use crate::suggest::suggest;
use proc_macro2::Span;
use syn::{Ident, LitStr, Path, Result};

const KEYS: [&str; 14] = [
    "access",
    "refresh",
    "absolute",
    "path",
    "pages",
    "cookie",
    "issuer",
    "audience",
    "leeway",
    "native",
    "revocation",
    "rotation",
    "binding",
    "crate",
];

/// A registry that answers is heard once a second, so less would stop the service for nothing.
const LEAST_REVOCATION: u64 = 3;

/// What others call a lifetime.
const LIFETIMES: [&str; 6] = ["exp", "expires", "expiry", "lifetime", "timeout", "ttl"];

pub(in super::super) struct Policy {
    pub(in super::super) access: Lifetime,
    pub(in super::super) refresh: Lifetime,
    pub(in super::super) audience: Option<LitStr>,
    /// What differs from the defaults, with the method that sets it.
    pub(in super::super) settings: Vec<(Ident, Setting)>,
    pub(in super::super) root: Path,
}

pub(in super::super) enum Setting {
    Nothing,
    Lifetime(Lifetime),
    BestEffort,
    Within(Lifetime),
    Text(LitStr),
    /// Behind the crate's name.
    Suffix(String),
}

pub(in super::super) fn policy(mut arguments: Vec<Argument>, errors: &mut Errors) -> Policy {
    let all_read = errors.is_empty();
    check_keys(&mut arguments, errors);
    let find = |key: &str| arguments.iter().find(|argument| argument.key == key);
    let missing: Vec<_> = [("access", "15m"), ("refresh", "7d")]
        .into_iter()
        .filter(|(key, _)| all_read && find(key).is_none())
        .map(|(key, example)| format!("`{key} = \"{example}\"`"))
        .collect();
    if !missing.is_empty() {
        let message = format!("missing lifetime, as in {}", missing.join(" and "));
        errors.at(Span::call_site(), message);
    }

    let is_never = |argument: &&Argument| argument.string("").is_ok_and(|s| s.value() == "never");
    let never = find("absolute").filter(is_never).map(|_| Setting::Nothing);
    let mut lifetime = |key, example| errors.take(find(key)?.positive_lifetime(example));
    let access = lifetime("access", "15m");
    let refresh = lifetime("refresh", "7d");
    let absolute = match never {
        Some(_) => None,
        None => lifetime("absolute", "30d"),
    };
    let leeway = find("leeway").and_then(|leeway| errors.take(leeway.lifetime("5s")));
    check_lifetimes([access, refresh, absolute, leeway], errors);
    let revocation =
        find("revocation").and_then(|revocation| errors.take(read_revocation(revocation)));
    let rotation =
        find("rotation").and_then(|rotation| errors.take(rotation.positive_lifetime("30s")));
    check_registry([find("revocation"), find("rotation")], errors);
    check_revocation(revocation.as_ref(), [access, leeway], errors);
    check_rotation(rotation, [access, leeway], errors);

    let binding = find("binding").and_then(|binding| errors.take(read_binding(binding)));

    let mut text = |key, example, wanted| errors.take(text(find(key)?, example, wanted));
    let path = text("path", "/auth", wanted_path);
    let pages = text("pages", "/login", wanted_path);
    let cookie = text("cookie", "my-app", wanted_cookie);
    let issuer = text("issuer", "my-app", wanted_name);
    let audience = text("audience", "my-api", wanted_name);
    let native = find("native").and_then(|native| errors.take(native.nothing()));
    let suffix = path.as_ref().and_then(cookie_suffix);
    let suffix = suffix.filter(|_| find("cookie").is_none());

    let settings = [
        ("absolute", "with_absolute", absolute.map(Setting::Lifetime)),
        ("absolute", "without_absolute", never),
        ("path", "with_path", path.map(Setting::Text)),
        ("pages", "with_pages", pages.map(Setting::Text)),
        ("path", "with_cookie", suffix.map(Setting::Suffix)),
        ("cookie", "with_cookie", cookie.map(Setting::Text)),
        ("issuer", "with_issuer", issuer.map(Setting::Text)),
        ("leeway", "with_leeway", leeway.map(Setting::Lifetime)),
        ("revocation", "with_revocation", revocation),
        ("rotation", "with_rotation", rotation.map(Setting::Lifetime)),
        ("native", "with_native", native.map(|()| Setting::Nothing)),
        (
            "binding",
            "with_binding",
            binding.map(|()| Setting::Nothing),
        ),
    ];
    // At the key, so that an editor shows there what it means.
    let at_key = |(key, method, setting): (&str, &str, Option<_>)| {
        Some((Ident::new(method, find(key)?.key.span()), setting?))
    };
    Policy {
        access: access.unwrap_or(Lifetime::minutes(15)),
        refresh: refresh.unwrap_or(Lifetime::days(7)),
        audience,
        settings: settings.into_iter().filter_map(at_key).collect(),
        root: arguments::root(find("crate"), errors),
    }
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

fn check_lifetimes(
    [access, refresh, absolute, leeway]: [Option<Lifetime>; 4],
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
    if let (Some(refresh), Some(absolute)) = (refresh, absolute)
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

/// `"best-effort"`, or how long a node may hear nothing of the registry.
fn read_revocation(argument: &Argument) -> Result<Setting> {
    let string = argument.string("best-effort")?;
    if string.value() == "best-effort" {
        return Ok(Setting::BestEffort);
    }
    if !string
        .value()
        .starts_with(|first: char| first.is_ascii_digit())
    {
        let message = format!(
            "invalid revocation `{}`: expected \"best-effort\" or a lifetime, as in \"10s\"",
            string.value()
        );
        return refuse(string, message);
    }
    argument.positive_lifetime("10s").map(Setting::Within)
}

/// `"offered"`: a browser that cannot is served all the same.
fn read_binding(argument: &Argument) -> Result<()> {
    let string = argument.string("offered")?;
    if string.value() != "offered" {
        let message = format!("invalid binding `{}`: expected \"offered\"", string.value());
        return refuse(string, message);
    }
    // A front end that names the same struct has no sessions to speak of.
    if cfg!(all(feature = "server", not(any(feature = "binding", test)))) {
        let message = "binding needs the feature `binding` of `stateless-session`";
        return refuse(&argument.key, message);
    }
    Ok(())
}

/// Reports keys that need a feature or one another.
fn check_registry([revocation, rotation]: [Option<&Argument>; 2], errors: &mut Errors) {
    if let (None, Some(rotation)) = (revocation, rotation) {
        let message = "rotation needs a session registry: add `revocation = \"best-effort\"`";
        errors.push(&rotation.key, message);
    }
    // A front end that names the same struct has no sessions to speak of.
    if cfg!(all(
        feature = "server",
        not(any(feature = "registry", test))
    )) && let Some(key) = revocation.or(rotation).map(|argument| &argument.key)
    {
        errors.push(
            key,
            format!("{key} needs the feature `registry` of `stateless-session`"),
        );
    }
}

fn check_revocation(
    revocation: Option<&Setting>,
    [access, leeway]: [Option<Lifetime>; 2],
    errors: &mut Errors,
) {
    if let (Some(_), Some(leeway)) = (revocation, leeway)
        && leeway.seconds() < 1
    {
        let message = format!(
            "the leeway `{leeway}` must be at least \"1s\" beside `revocation`, \
             because a login behind `end_all` is dated a second later"
        );
        errors.at(leeway.span(), message);
    }
    let Some(Setting::Within(lag)) = revocation else {
        return;
    };
    if lag.seconds() < LEAST_REVOCATION {
        let message = format!(
            "the revocation `{lag}` must be at least \"3s\", because the registry is heard once a second"
        );
        errors.at(lag.span(), message);
    }
    if let Some(access) = access
        && lag.seconds() >= access.seconds()
    {
        let message = format!(
            "the revocation `{lag}` must be shorter than the access lifetime `{access}`; \
             longer is the same as \"best-effort\""
        );
        errors.at(lag.span(), message);
    }
}

fn check_rotation(
    rotation: Option<Lifetime>,
    [access, leeway]: [Option<Lifetime>; 2],
    errors: &mut Errors,
) {
    let Some(grace) = rotation else { return };
    if grace.seconds() <= leeway.map_or(5, |leeway| leeway.seconds()) {
        let leeway = leeway.map_or("5s".to_owned(), |leeway| leeway.to_string());
        let message = format!("the rotation `{grace}` must be longer than the leeway `{leeway}`");
        errors.at(grace.span(), message);
    }
    if let Some(access) = access
        && grace.seconds() >= access.seconds()
    {
        let message =
            format!("the rotation `{grace}` must be shorter than the access lifetime `{access}`");
        errors.at(grace.span(), message);
    }
}

/// The value as it was written, unless `wanted` tells what it should be.
fn text(argument: &Argument, example: &str, wanted: Wanted) -> Result<LitStr> {
    let string = argument.string(example)?;
    let (key, text) = (&argument.key, string.value());
    if let Some(wanted) = wanted(&text) {
        let message = format!("invalid {key} `{text}`: expected {wanted}, as in \"{example}\"");
        return refuse(string, message);
    }
    Ok(string)
}

type Wanted = fn(&str) -> Option<&'static str>;

/// What RFC 6265 lets stand in a `Path`, in its one normal form.
fn wanted_path(path: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let Some(segments) = path.strip_prefix('/') else {
        return Some("a `/` at the start");
    };
    segments.split('/').find_map(|segment| match segment {
        "" => Some("no empty segment and no `/` at the end"),
        "." | ".." => Some("no segment `.` or `..`"),
        _ if segment.bytes().all(allowed) => None,
        _ => Some("letters, digits and `-._~` between the slashes"),
    })
}

/// A token of RFC 6265, before the prefixes that the session adds.
fn wanted_cookie(name: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Some("a name without prefix, which the session adds itself");
    }
    let valid = !name.is_empty() && name.bytes().all(allowed);
    (!valid).then_some("letters, digits, `-`, `_` and `.`")
}

fn wanted_name(name: &str) -> Option<&'static str> {
    name.is_empty().then_some("a name")
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
    use super::{cookie_suffix, wanted_cookie, wanted_path};
    use proc_macro2::Span;
    use syn::{LitStr, parse_quote};

    #[test]
    fn a_path_has_one_form() {
        for path in ["/auth", "/admin/auth", "/v1.2/_a-b~c", "/..."] {
            assert_eq!(wanted_path(path), None, "{path}");
        }
        for path in [
            "", "/", "auth", "/auth/", "//auth", "/a//b", "/.", "/a/..", "/a b", "/a;b", "/ä",
            "/%61", "/{id}", "/a?b", "/a#b",
        ] {
            assert!(wanted_path(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_cookie_is_a_token_without_prefix() {
        for name in ["app", "my-app_2.0", "__Host", "host-app"] {
            assert_eq!(wanted_cookie(name), None, "{name}");
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
            assert!(wanted_cookie(name).is_some(), "{name}");
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
        assert!(names.iter().all(|name| wanted_cookie(name).is_none()));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), paths.len());
    }
}
