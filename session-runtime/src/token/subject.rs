//! `sub` on the wire: always a string, with integers in decimal, as `serde_json` writes map keys.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{self, Impossible, Serialize, Serializer};

use crate::token::text::Text;

/// The longest `sub` that is issued or accepted, in bytes (`OpenID` Connect Core 1.0, section 2).
const LONGEST: usize = 255;

/// Why a value can't be the `sub` of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectError {
    /// It serializes to something that is neither a string nor an integer.
    Type,
    /// It is the empty string.
    Empty,
    /// It is longer than 255 bytes.
    TooLong,
    /// It holds a control character.
    ControlCharacter,
    /// It is another value when it is read back: its wire form is that of something else as well.
    Ambiguous,
}

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "`sub` must be a string or an integer",
            Self::Empty => "`sub` must not be empty",
            Self::TooLong => "`sub` must not be longer than 255 bytes",
            Self::ControlCharacter => "`sub` must not hold control characters",
            Self::Ambiguous => "`sub` must read back from a string as it was written",
        })
    }
}

impl std::error::Error for SubjectError {}

impl ser::Error for SubjectError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Type
    }
}

/// The wire form of a subject.
pub(crate) fn to_wire<S: Serialize + ?Sized>(subject: &S) -> Result<String, SubjectError> {
    with_wire(subject, str::to_owned)
}

/// What the function makes of the wire form of a subject.
pub(crate) fn with_wire<S: Serialize + ?Sized, T>(
    subject: &S,
    make: impl FnOnce(&str) -> T,
) -> Result<T, SubjectError> {
    subject.serialize(WireString(|wire: &str| check(wire).map(|()| make(wire))))?
}

fn check(wire: &str) -> Result<(), SubjectError> {
    if wire.is_empty() {
        Err(SubjectError::Empty)
    } else if wire.len() > LONGEST {
        Err(SubjectError::TooLong)
    } else if wire.bytes().any(|byte| byte.is_ascii_control()) {
        Err(SubjectError::ControlCharacter)
    } else {
        Ok(())
    }
}

/// A serializer that accepts strings and integers only, and hands them on as text.
pub(crate) struct WireString<F>(pub(crate) F);

macro_rules! write_integers {
    ($($method:ident($integer:ty))*) => {$(
        fn $method(self, value: $integer) -> Result<T, SubjectError> {
            Ok((self.0)(&value.to_string()))
        }
    )*};
}

macro_rules! refuse_values {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, SubjectError> {
            Err(SubjectError::Type)
        }
    )*};
}

impl<T, F: FnOnce(&str) -> T> Serializer for WireString<F> {
    type Ok = T;
    type Error = SubjectError;
    type SerializeSeq = Impossible<T, SubjectError>;
    type SerializeTuple = Impossible<T, SubjectError>;
    type SerializeTupleStruct = Impossible<T, SubjectError>;
    type SerializeTupleVariant = Impossible<T, SubjectError>;
    type SerializeMap = Impossible<T, SubjectError>;
    type SerializeStruct = Impossible<T, SubjectError>;
    type SerializeStructVariant = Impossible<T, SubjectError>;

    write_integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_str(self, value: &str) -> Result<T, SubjectError> {
        Ok((self.0)(value))
    }

    fn serialize_char(self, value: char) -> Result<T, SubjectError> {
        Ok((self.0)(value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<T, SubjectError> {
        Ok((self.0)(variant))
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &V,
    ) -> Result<T, SubjectError> {
        value.serialize(self)
    }

    refuse_values! {
        serialize_bool(bool) -> T;
        serialize_f32(f32) -> T;
        serialize_f64(f64) -> T;
        serialize_bytes(&[u8]) -> T;
        serialize_none() -> T;
        serialize_unit() -> T;
        serialize_unit_struct(&'static str) -> T;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<V: Serialize + ?Sized>(self, _: &V) -> Result<T, SubjectError> {
        Err(SubjectError::Type)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &V,
    ) -> Result<T, SubjectError> {
        Err(SubjectError::Type)
    }
}

/// Reads a `sub` from the wire for whatever type asks for it.
pub(crate) struct SubjectSeed<T>(pub(crate) T);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for SubjectSeed<T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        let Text(wire) = Text::deserialize(deserializer)?;
        self.read(wire)
    }
}

impl<'de, T: DeserializeSeed<'de>> SubjectSeed<T> {
    /// The same of a string that is no JSON any more.
    #[inline]
    pub(crate) fn read<E: de::Error>(self, wire: Cow<'de, str>) -> Result<T::Value, E> {
        check(&wire).map_err(de::Error::custom)?;
        self.0.deserialize(SubjectDeserializer {
            wire,
            error: PhantomData,
        })
    }
}

struct SubjectDeserializer<'de, E> {
    wire: Cow<'de, str>,
    error: PhantomData<E>,
}

macro_rules! read_integers {
    ($($method:ident => $visit:ident($integer:ty))*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match self.wire.parse::<$integer>() {
                // One subject has one spelling: no sign, no leading zeros.
                Ok(value) if is_canonical(&self.wire) => visitor.$visit(value),
                _ => Err(de::Error::custom("`sub` is not an integer of its type")),
            }
        }
    )*};
}

fn is_canonical(integer: &str) -> bool {
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    integer == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'))
}

impl<'de, E: de::Error> Deserializer<'de> for SubjectDeserializer<'de, E> {
    type Error = E;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.wire {
            Cow::Borrowed(wire) => visitor.visit_borrowed_str(wire),
            Cow::Owned(wire) => visitor.visit_string(wire),
        }
    }

    read_integers! {
        deserialize_i8 => visit_i8(i8)
        deserialize_i16 => visit_i16(i16)
        deserialize_i32 => visit_i32(i32)
        deserialize_i64 => visit_i64(i64)
        deserialize_i128 => visit_i128(i128)
        deserialize_u8 => visit_u8(u8)
        deserialize_u16 => visit_u16(u16)
        deserialize_u32 => visit_u32(u32)
        deserialize_u64 => visit_u64(u64)
        deserialize_u128 => visit_u128(u128)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_enum(self.wire.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn from_json<T: DeserializeOwned>(json: &str) -> Option<T> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        SubjectSeed(PhantomData).deserialize(&mut deserializer).ok()
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct UserId(i64);

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    enum Service {
        Billing,
        Other(u8),
    }

    #[test]
    fn integers_strings_and_newtypes_come_back_as_they_went() {
        assert_eq!(to_wire(&UserId(-7)).unwrap(), "-7");
        assert_eq!(from_json(r#""-7""#), Some(UserId(-7)));
        assert_eq!(to_wire(&u128::MAX).unwrap(), u128::MAX.to_string());
        assert_eq!(from_json(&format!("\"{}\"", u128::MAX)), Some(u128::MAX));
        assert_eq!(to_wire("ada").unwrap(), "ada");
        assert_eq!(from_json(r#""\u0061da""#), Some("ada".to_owned()));
        assert_eq!(to_wire(&Service::Billing).unwrap(), "Billing");
        assert_eq!(from_json(r#""Billing""#), Some(Service::Billing));
        assert_eq!(to_wire(&'x').unwrap(), "x");
        assert_eq!(from_json(r#""x""#), Some('x'));
    }

    #[test]
    fn an_integer_has_one_spelling() {
        for wire in ["007", "+7", "-0", "7.0", "7e0", " 7", "", "0x7"] {
            assert_eq!(from_json::<i64>(&format!("\"{wire}\"")), None, "{wire}");
        }
        assert_eq!(from_json("\"0\""), Some(0_u8));
        assert_eq!(from_json::<u8>("\"256\""), None);
    }

    #[test]
    fn a_number_on_the_wire_is_no_subject() {
        assert_eq!(from_json::<i64>("7"), None);
        assert_eq!(from_json::<String>("null"), None);
        assert_eq!(from_json::<String>("[\"7\"]"), None);
    }

    #[test]
    fn other_types_and_lengths_are_refused_on_both_sides() {
        assert_eq!(to_wire(&true), Err(SubjectError::Type));
        assert_eq!(to_wire(&1.5), Err(SubjectError::Type));
        assert_eq!(to_wire(&Some(1)), Err(SubjectError::Type));
        assert_eq!(to_wire(&Service::Other(1)), Err(SubjectError::Type));
        assert_eq!(to_wire(&[1, 2]), Err(SubjectError::Type));
        assert_eq!(to_wire(""), Err(SubjectError::Empty));
        for text in ["a\0", "a\n", "a\u{7f}"] {
            assert_eq!(to_wire(text), Err(SubjectError::ControlCharacter));
        }
        assert_eq!(to_wire(&"a".repeat(256)), Err(SubjectError::TooLong));
        assert!(to_wire(&"a".repeat(255)).is_ok());
        assert_eq!(from_json::<String>("\"\""), None);
        assert_eq!(from_json::<String>(r#""a\u0000""#), None);
        assert_eq!(
            from_json::<String>(&format!("\"{}\"", "a".repeat(256))),
            None
        );
    }
}
