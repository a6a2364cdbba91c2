//! Where a browser may be led: paths of this origin.

use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path of this origin, with or without a query: `/`, then neither `/` nor `\`, and visible ASCII without `\`. No
/// browser takes it for another origin (WHATWG URL Standard, section 4.4), so that a redirect to it stays here, whoever
/// wrote it.
///
/// ```
/// use stateless_session::LocalPath;
///
/// assert_eq!(&*LocalPath::new("/notes?page=2").unwrap(), "/notes?page=2");
/// for elsewhere in ["//evil.example", "/\\evil.example", "https://evil.example", "/a b", "notes", ""] {
///     assert_eq!(LocalPath::new(elsewhere), None);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalPath(String);

impl LocalPath {
    /// `None` for anything else.
    pub fn new(path: impl Into<String>) -> Option<Self> {
        let path = path.into();
        let is_local = match path.as_bytes() {
            [b'/', b'/', ..] => false,
            [b'/', rest @ ..] => rest
                .iter()
                .all(|byte| byte.is_ascii_graphic() && *byte != b'\\'),
            _ => false,
        };
        is_local.then_some(Self(path))
    }

    pub(crate) fn root() -> Self {
        Self("/".to_owned())
    }

    /// The one `to` of a query.
    pub(crate) fn of_query(query: Option<&str>) -> Option<Self> {
        let mut values = query?
            .split('&')
            .filter_map(|pair| pair.strip_prefix("to="));
        let (value, None) = (values.next()?, values.next()) else {
            return None;
        };
        Self::new(decoded(value)?)
    }
}

/// Percent-decoded, where it is percent-encoded and text (RFC 3986, section 2.1).
fn decoded(value: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        decoded.push(match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                rest = behind;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?
            }
            (b'%', _) => return None,
            _ => *first,
        });
    }
    String::from_utf8(decoded).ok()
}

/// As the value of a query: everything but `/` and what never means anything (RFC 3986, section 2.3) is percent-encoded.
pub(crate) struct InQuery<'a>(pub(crate) &'a LocalPath);

impl fmt::Display for InQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl Deref for LocalPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LocalPath {
    type Err = LocalPathError;

    fn from_str(path: &str) -> Result<Self, LocalPathError> {
        Self::new(path).ok_or(LocalPathError(()))
    }
}

impl TryFrom<String> for LocalPath {
    type Error = LocalPathError;

    fn try_from(path: String) -> Result<Self, LocalPathError> {
        Self::new(path).ok_or(LocalPathError(()))
    }
}

impl Serialize for LocalPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LocalPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        Self::new(path).ok_or_else(|| D::Error::custom("not a path of this origin"))
    }
}

/// Text that is no [`LocalPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPathError(());

impl fmt::Display for LocalPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a path of this origin, such as `/notes?page=2`")
    }
}

impl std::error::Error for LocalPathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_from_a_query_as_it_went_in() {
        for path in [
            "/",
            "/admin?q=a%20b",
            "/a?to=/b&c=d#e",
            "/%2F",
            "/a+b;c='\"<>`{}|^",
        ] {
            let path = LocalPath::new(path).unwrap();
            let query = format!("a=b&to={}&kept", InQuery(&path));
            assert_eq!(LocalPath::of_query(Some(&query)), Some(path), "{query}");
        }
    }

    #[test]
    fn anything_else_counts_as_absent() {
        for query in [
            "to=//evil.example",
            "to=/%5Cevil",
            "to=/\\evil",
            "to=https://evil.example",
            "to=/%09/evil",
            "to=%2F%2Fevil",
            "to=/%0D%0Aa:b",
            "to=",
            "to",
            "to=/%E2%80%A8",
            "to=/%",
            "to=/%zz",
            "to=/%4",
            "to=/%FF",
            "to=/a&to=/b",
            "TO=/a",
            "",
        ] {
            assert_eq!(LocalPath::of_query(Some(query)), None, "{query}");
        }
        assert_eq!(LocalPath::of_query(None), None);
    }
}
