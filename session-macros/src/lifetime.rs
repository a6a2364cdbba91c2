use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use std::fmt::{self, Display};
use std::str::FromStr;
use syn::LitStr;

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
    unit: &'static str,
    factors: &'static [u64],
    span: Span,
}

impl Lifetime {
    /// What a user wrote as a string.
    pub(crate) fn read(string: &LitStr) -> Result<Self, &'static str> {
        let lifetime: Self = string.value().parse()?;
        let span = string.span();
        Ok(Self { span, ..lifetime })
    }

    pub(crate) fn minutes(count: u64) -> Self {
        Self::new(count, UNITS[1])
    }

    pub(crate) fn days(count: u64) -> Self {
        Self::new(count, UNITS[3])
    }

    fn new(count: u64, (unit, factors): (&'static str, &'static [u64])) -> Self {
        let span = Span::call_site();
        Self {
            count,
            unit,
            factors,
            span,
        }
    }

    /// Where it was written.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.factors.iter().fold(self.count, |seconds, &factor| {
            seconds.saturating_mul(factor)
        })
    }
}

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a whole number followed by `s`, `m`, `h` or `d`, as in \"15m\"";
        const TOO_LONG: &str = "at most \"400d\"";

        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SHAPE)?;
        if count.is_empty() {
            return Err(SHAPE);
        }
        let lifetime = Self::new(count.parse().map_err(|_| TOO_LONG)?, *unit);
        if lifetime.seconds() > LONGEST {
            return Err(TOO_LONG);
        }
        Ok(lifetime)
    }
}

impl Display for Lifetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.count, self.unit)
    }
}

/// `::core::time::Duration::from_secs(15 * 60)`
impl ToTokens for Lifetime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let count = Literal::u64_unsuffixed(self.count);
        let factors = self.factors.iter().copied().map(Literal::u64_unsuffixed);
        tokens.extend(quote!(::core::time::Duration::from_secs(#count #(* #factors)*)));
    }
}

#[cfg(test)]
mod tests {
    use super::Lifetime;
    use quote::ToTokens;

    fn seconds(text: &str) -> Result<u64, &'static str> {
        text.parse().map(|lifetime: Lifetime| lifetime.seconds())
    }

    #[test]
    fn units_are_seconds_minutes_hours_and_days() {
        assert_eq!(seconds("0s"), Ok(0));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("400d"), Ok(34_560_000));
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
            assert!(seconds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn tokens_keep_the_unit_readable() {
        let printed = |text: &str| {
            let lifetime: Lifetime = text.parse().unwrap();
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
