//! "16m", as the attributes write it.

use std::time::Duration;

/// # Panics
///
/// Where it is none.
#[track_caller]
pub(crate) fn lifetime(text: &str) -> Duration {
    let read = || {
        let unit = text.chars().last()?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        number.checked_mul(seconds).map(Duration::from_secs)
    };
    match read() {
        Some(lifetime) => lifetime,
        None => panic!(
            "invalid lifetime `{text}`: expected a whole number followed by `s`, `m`, `h` or `d`, as in \"16m\""
        ),
    }
}
