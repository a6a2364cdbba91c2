use super::parse::{self, SerdeEntry};
use crate::arguments::{self, Argument, Root, Value};
use crate::attributes;
use crate::case::{camel_case, pascal_case};
use crate::errors::Errors;
use crate::lifetime::Lifetime;
use crate::suggest::suggest;
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, LitStr, Token, Type};

const KEYS: [&str; 9] = [
    "access", "refresh", "absolute", "path", "cookie", "issuer", "audience", "leeway", "crate",
];

/// The claims that the session itself writes.
const RESERVED: [&str; 10] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "act",
    "cnf",
];

/// What serde can be told about a field, but the refresh token does not know.
const NOT_FOR_THE_SUBJECT: [&str; 9] = [
    "default",
    "deserialize_with",
    "flatten",
    "serialize_with",
    "skip",
    "skip_deserializing",
    "skip_serializing",
    "skip_serializing_if",
    "with",
];

/// Types that are no counter, or no `u64` everywhere.
const NOT_A_GENERATION: [&str; 14] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u128", "usize",
    "Option", "String",
];

pub(super) struct Claims<'a> {
    pub(super) ident: &'a Ident,
    pub(super) cfgs: Vec<&'a Attribute>,
    pub(super) policy: Policy,
    /// `None` where no field can be it.
    pub(super) subject: Option<&'a Field>,
    pub(super) generation: Option<&'a Field>,
    pub(super) root: Root,
}

pub(super) struct Policy {
    pub(super) access: Lifetime,
    pub(super) refresh: Lifetime,
    pub(super) absolute: Option<Absolute>,
    pub(super) path: Option<LitStr>,
    pub(super) cookie: Option<Cookie>,
    pub(super) issuer: Option<LitStr>,
    pub(super) audience: Option<LitStr>,
    pub(super) leeway: Option<Lifetime>,
}

pub(super) enum Absolute {
    Never,
    After(Lifetime),
}

pub(super) enum Cookie {
    Name(LitStr),
    /// Behind the crate's name.
    Suffix(String),
}

/// Applies the rules. `None` is an item for which no impl would be right.
pub(super) fn claims<'a>(
    arguments: Vec<Argument>,
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<Claims<'a>> {
    let (policy, root) = policy(arguments, errors);
    let (subject, generation) = match named_fields(input, errors) {
        Some(fields) => {
            let container = parse::serde(&input.attrs);
            let fields: Vec<_> = fields
                .iter()
                .map(|field| ClaimField::new(field, &container))
                .collect();
            check_reserved(&fields, errors);
            (
                subject(&fields, &input.ident, errors),
                generation(&fields, errors),
            )
        }
        None => (None, None),
    };
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics,
            "claims cannot be generic, write the types out",
        );
        return None;
    }
    if let Data::Union(_) = input.data {
        return None;
    }
    Some(Claims {
        ident: &input.ident,
        cfgs: attributes::cfgs(&input.attrs),
        policy,
        subject,
        generation,
        root,
    })
}

fn policy(mut arguments: Vec<Argument>, errors: &mut Errors) -> (Policy, Root) {
    let all_read = errors.is_empty();
    check_keys(&mut arguments, errors);
    let find = |key: &str| arguments.iter().find(|argument| argument.key == key);
    let value = |key| find(key).map(|argument| &argument.value);
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
    if let (Some(access), Some(refresh)) = (access, refresh)
        && access.seconds() >= refresh.seconds()
    {
        let message = format!(
            "the access lifetime `{access}` must be shorter than the refresh lifetime `{refresh}`"
        );
        errors.push(value("access"), message);
    }

    let absolute = find("absolute").and_then(|argument| match &argument.value {
        Value::Str(string) if string.value() == "never" => Some(Absolute::Never),
        _ => argument
            .positive_lifetime("30d", errors)
            .map(Absolute::After),
    });
    if let (Some(refresh), Some(Absolute::After(absolute))) = (refresh, &absolute)
        && refresh.seconds() > absolute.seconds()
    {
        let message = format!(
            "the refresh lifetime `{refresh}` must not be longer \
             than the absolute lifetime `{absolute}`"
        );
        errors.push(value("refresh"), message);
    }

    let leeway = find("leeway").and_then(|argument| argument.lifetime("5s", errors));
    if let Some(leeway) = leeway
        && leeway.seconds() > 60
    {
        errors.push(
            value("leeway"),
            format!("the leeway `{leeway}` must be at most \"60s\""),
        );
    }

    let path = find("path").and_then(|argument| text(argument, "/auth", check_path, errors));
    let cookie = match find("cookie") {
        Some(argument) => text(argument, "my-app", check_cookie, errors).map(Cookie::Name),
        None => path.as_ref().and_then(cookie_suffix).map(Cookie::Suffix),
    };
    let policy = Policy {
        access: access.unwrap_or(Lifetime::minutes(15)),
        refresh: refresh.unwrap_or(Lifetime::days(7)),
        absolute,
        path,
        cookie,
        issuer: find("issuer").and_then(|argument| text(argument, "my-app", check_name, errors)),
        audience: find("audience")
            .and_then(|argument| text(argument, "my-api", check_name, errors)),
        leeway,
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
        if let Some(known) = suggest(&name, &KEYS) {
            errors.push(
                &key,
                format!("unknown argument `{name}`, did you mean `{known}`?"),
            );
            *key = Ident::new(known, key.span());
        } else {
            let known = KEYS.join("`, `");
            errors.push(
                key,
                format!("unknown argument `{name}`, expected one of `{known}`"),
            );
        }
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
        errors.push(
            string,
            format!("invalid {key} `{text}`: expected {expected}, as in \"{example}\""),
        );
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

type NamedFields = Punctuated<Field, Token![,]>;

fn named_fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<&'a NamedFields> {
    let message = "claims are a struct with named fields, as in `struct Claims { sub: UserId }`";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(&fields.named),
            Fields::Unnamed(fields) => errors.push(fields, message),
            Fields::Unit => errors.push(&input.ident, message),
        },
        Data::Enum(data) => errors.push(data.enum_token, message),
        Data::Union(data) => errors.push(data.union_token, message),
    }
    None
}

/// A field and the names it has in a token.
struct ClaimField<'a> {
    field: &'a Field,
    serde: Vec<SerdeEntry>,
    written: String,
    read: String,
}

impl<'a> ClaimField<'a> {
    fn new(field: &'a Field, container: &[SerdeEntry]) -> Self {
        let serde = parse::serde(&field.attrs);
        let ident = field.ident.as_ref().map(Ident::unraw);
        let ident = ident.map(|ident| ident.to_string()).unwrap_or_default();
        let name = |direction| match serde_value(&serde, "rename", direction) {
            Some(name) => name,
            None => rename_all(
                &ident,
                serde_value(container, "rename_all", direction).as_deref(),
            ),
        };
        let (written, read) = (name("serialize"), name("deserialize"));
        Self {
            field,
            serde,
            written,
            read,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.written == name || self.read == name
    }

    /// Whether the field itself stands in a token.
    fn is_claim(&self) -> bool {
        let absent = |entry: &SerdeEntry| entry.name == "skip" || entry.name == "flatten";
        !self.serde.iter().any(absent)
    }
}

fn serde_value(entries: &[SerdeEntry], name: &str, direction: &str) -> Option<String> {
    let value = entries.iter().find(|entry| {
        let directed = entry.direction.as_ref();
        entry.name == name && directed.is_none_or(|directed| directed == direction)
    })?;
    value.value.as_ref().map(LitStr::value)
}

/// The rules of serde's `rename_all`, for fields.
fn rename_all(field: &str, rule: Option<&str>) -> String {
    match rule {
        Some("UPPERCASE" | "SCREAMING_SNAKE_CASE") => field.to_ascii_uppercase(),
        Some("PascalCase") => pascal_case(field),
        Some("camelCase") => camel_case(field),
        Some("kebab-case") => field.replace('_', "-"),
        Some("SCREAMING-KEBAB-CASE") => field.to_ascii_uppercase().replace('_', "-"),
        _ => field.to_owned(),
    }
}

fn check_reserved(fields: &[ClaimField], errors: &mut Errors) {
    for claim in fields.iter().filter(|field| field.is_claim()) {
        if let Some(name) = RESERVED.iter().find(|name| claim.is_called(name)) {
            let message = format!(
                "reserved claim `{name}`, which the session writes itself: rename the field"
            );
            errors.push(&claim.field.ident, message);
        }
    }
}

fn subject<'a>(
    fields: &[ClaimField<'a>],
    claims: &Ident,
    errors: &mut Errors,
) -> Option<&'a Field> {
    let mut subjects = fields.iter().filter(|field| field.is_called("sub"));
    let Some(subject) = subjects.next() else {
        let message = "no field `sub`: add the subject, as in `sub: UserId`, \
                       or put `#[serde(rename = \"sub\")]` on it";
        errors.push(claims, message);
        return None;
    };

    for other in subjects {
        let message = "duplicate claim `sub`, a session has one subject";
        errors.push(&other.field.ident, message);
    }
    if subject.written != subject.read {
        let message =
            "the subject must be called `sub` when it is serialized and when it is deserialized";
        errors.push(&subject.field.ident, message);
    }
    if last_segment(&subject.field.ty).is_some_and(|name| name == "Option") {
        let message = "the subject cannot be an `Option`, as there is no session without a subject";
        errors.push(&subject.field.ty, message);
    }
    let mut serializes_itself = true;
    for SerdeEntry { name, .. } in &subject.serde {
        if NOT_FOR_THE_SUBJECT.iter().any(|refused| name == refused) {
            let message = format!(
                "remove `{name}`, as the refresh token carries `sub` by its own type: \
                 wrap that in a newtype"
            );
            errors.push(name, message);
            serializes_itself &= name != "flatten" && !name.to_string().ends_with("with");
        }
    }
    serializes_itself.then_some(subject.field)
}

fn generation<'a>(fields: &[ClaimField<'a>], errors: &mut Errors) -> Option<&'a Field> {
    let is_generation = |field: &&Field| {
        let ident = field.ident.as_ref();
        ident.is_some_and(|ident| ident.unraw() == "generation")
    };
    let field = fields.iter().map(|field| field.field).find(is_generation)?;
    if last_segment(&field.ty)
        .is_some_and(|name| NOT_A_GENERATION.iter().any(|refused| name == refused))
    {
        errors.push(
            &field.ty,
            "`generation` must be `u8`, `u16`, `u32` or `u64`",
        );
        return None;
    }
    Some(field)
}

fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{check_cookie, check_path, cookie_suffix, rename_all};
    use proc_macro2::Span;
    use syn::{LitStr, parse_quote};

    #[test]
    fn fields_are_renamed_as_serde_does() {
        for (rule, renamed) in [
            ("lowercase", "auth_time"),
            ("snake_case", "auth_time"),
            ("UPPERCASE", "AUTH_TIME"),
            ("SCREAMING_SNAKE_CASE", "AUTH_TIME"),
            ("PascalCase", "AuthTime"),
            ("camelCase", "authTime"),
            ("kebab-case", "auth-time"),
            ("SCREAMING-KEBAB-CASE", "AUTH-TIME"),
        ] {
            assert_eq!(rename_all("auth_time", Some(rule)), renamed, "{rule}");
        }
        assert_eq!(rename_all("_sub", Some("camelCase")), "sub");
        assert_eq!(rename_all("sub", None), "sub");
    }

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
