use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use std::fmt::{self, Display};
use syn::{Error, LitStr, Result};

const UNITS: [(&str, &[u64]); 4] = [
    ("s", &[]),
    ("m", &[60]),
    ("h", &[60, 60]),
    ("d", &[24, 60, 60]),
];

/// Browsers keep no cookie longer, RFC 6265bis section 5.5.
const LONGEST: u64 = 400 * 24 * 60 * 60;

/// A duration as users write it, such as `15m`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    count: u64,
    unit: (&'static str, &'static [u64]),
    span: Span,
}

impl Lifetime {
    /// What a user wrote as a string.
    pub(crate) fn read(string: &LitStr) -> Result<Self> {
        const SHAPE: &str = "a whole number followed by `s`, `m`, `h` or `d`, as in \"15m\"";

        let (text, span) = (string.value(), string.span());
        let invalid = |expected| {
            let message = format!("invalid lifetime `{text}`: expected {expected}");
            Error::new(span, message)
        };
        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit = UNITS.into_iter().find(|(name, _)| *name == unit);
        let unit = unit.filter(|_| !count.is_empty());
        let lifetime = Self {
            // Digits alone fail to parse only where they are too many.
            count: count.parse().unwrap_or(u64::MAX),
            unit: unit.ok_or_else(|| invalid(SHAPE))?,
            span,
        };
        if lifetime.seconds() > LONGEST {
            return Err(invalid("at most \"400d\""));
        }
        Ok(lifetime)
    }

    pub(crate) fn minutes(count: u64) -> Self {
        let (unit, span) = (UNITS[1], Span::call_site());
        Self { count, unit, span }
    }

    pub(crate) fn days(count: u64) -> Self {
        let (unit, span) = (UNITS[3], Span::call_site());
        Self { count, unit, span }
    }

    /// Where it was written.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn seconds(&self) -> u64 {
        let factors = self.unit.1.iter();
        factors.fold(self.count, |seconds, &factor| {
            seconds.saturating_mul(factor)
        })
    }
}

impl Display for Lifetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.count, self.unit.0)
    }
}

/// `::core::time::Duration::from_secs(15 * 60)`
impl ToTokens for Lifetime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let count = Literal::u64_unsuffixed(self.count);
        let factors = self.unit.1.iter().copied().map(Literal::u64_unsuffixed);
        tokens.extend(quote!(::core::time::Duration::from_secs(#count #(* #factors)*)));
    }
}

#[cfg(test)]
mod tests {
    use super::Lifetime;
    use proc_macro2::Span;
    use quote::ToTokens;
    use syn::LitStr;

    fn read(text: &str) -> Option<Lifetime> {
        Lifetime::read(&LitStr::new(text, Span::call_site())).ok()
    }

    fn seconds(text: &str) -> Option<u64> {
        read(text).map(|lifetime| lifetime.seconds())
    }

    #[test]
    fn units_are_seconds_minutes_hours_and_days() {
        assert_eq!(seconds("0s"), Some(0));
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("15m"), Some(900));
        assert_eq!(seconds("24h"), Some(86_400));
        assert_eq!(seconds("400d"), Some(34_560_000));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "m",
            "15",
            "15 m",
            " 15m",
            "15m ",
            "15M",
            "15min",
            "1.5h",
            "-1s",
            "+1s",
            "1h30m",
            "٣m",
            "401d",
            "34560001s",
            "18446744073709551616s",
            "18446744073709551615d",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn tokens_keep_the_unit_readable() {
        let printed = |text: &str| {
            let lifetime = read(text).unwrap();
            lifetime.to_token_stream().to_string().replace(' ', "")
        };
        assert_eq!(printed("30s"), "::core::time::Duration::from_secs(30)");
        assert_eq!(printed("15m"), "::core::time::Duration::from_secs(15*60)");
        assert_eq!(
            printed("7d"),
            "::core::time::Duration::from_secs(7*24*60*60)"
        );
    }
}
