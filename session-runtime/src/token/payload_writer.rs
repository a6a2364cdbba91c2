//! Writes a payload: registered claims first, the user's struct behind them.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::claims::Wire;
use crate::issue_error::IssueError;
use crate::keys::key::TokenKind;
use crate::token::parties::Parties;
use crate::token::registered::{RESERVED, Registered};
use crate::token::subject::{self, WireString};

/// A JSON object in the making.
pub(crate) struct PayloadWriter {
    json: Vec<u8>,
}

impl PayloadWriter {
    pub(crate) fn new<S: Serialize>(
        kind: TokenKind,
        parties: &Parties,
        registered: &Registered,
        subject: &S,
    ) -> Result<Self, IssueError> {
        let mut json = Vec::with_capacity(512);
        json.extend_from_slice(parties.beginning(kind).as_bytes());
        let mut writer = Self { json };
        subject::with_wire(subject, |wire| writer.written(r#","sub":"#, wire))??;
        writer.written(r#","sid":"#, registered.sid.as_str())?;
        writer.written(r#","auth_time":"#, &registered.auth_time.as_secs())?;
        if !registered.auth_age.is_zero() {
            writer.written(r#","auth_age":"#, &registered.auth_age.as_secs())?;
        }
        writer.written(r#","iat":"#, &registered.iat.as_secs())?;
        writer.written(r#","exp":"#, &registered.exp.as_secs())?;
        Ok(writer)
    }

    /// A member whose name is written out.
    fn written<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), IssueError> {
        self.json.extend_from_slice(name.as_bytes());
        serde_json::to_writer(&mut self.json, value)?;
        Ok(())
    }

    /// Writes the fields of the user's struct, without `sub`, which is there already.
    pub(crate) fn claims<C: Wire>(&mut self, claims: &C) -> Result<(), IssueError> {
        claims.write(Claims(self))
    }

    pub(crate) fn member<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), IssueError> {
        self.json.push(b',');
        serde_json::to_writer(&mut self.json, name)?;
        self.json.push(b':');
        serde_json::to_writer(&mut self.json, value)?;
        Ok(())
    }

    fn claim<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), IssueError> {
        if let Some(reserved) = RESERVED.into_iter().find(|reserved| *reserved == name) {
            return Err(IssueError::Reserved(reserved));
        }
        if name == "sub" {
            return Ok(());
        }
        self.member(name, value)
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.json.push(b'}');
        self.json
    }
}

/// A serializer that accepts structs and maps only.
struct Claims<'a>(&'a mut PayloadWriter);

/// Derived structs: their names are distinct.
struct Fields<'a>(&'a mut PayloadWriter);

/// Maps, and structs with a flattened field: any name may come, and come twice.
struct Entries<'a> {
    writer: &'a mut PayloadWriter,
    names: Vec<String>,
}

macro_rules! refuse_values {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, IssueError> {
            Err(IssueError::NotAnObject)
        }
    )*};
}

impl<'a> Serializer for Claims<'a> {
    type Ok = ();
    type Error = IssueError;
    type SerializeSeq = Impossible<(), IssueError>;
    type SerializeTuple = Impossible<(), IssueError>;
    type SerializeTupleStruct = Impossible<(), IssueError>;
    type SerializeTupleVariant = Impossible<(), IssueError>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Impossible<(), IssueError>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, IssueError> {
        Ok(Fields(self.0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, IssueError> {
        Ok(Entries {
            writer: self.0,
            names: Vec::new(),
        })
    }

    /// A token is read as a map, which no newtype takes.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), IssueError> {
        Err(IssueError::NotAnObject)
    }

    refuse_values! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), IssueError> {
        Err(IssueError::NotAnObject)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), IssueError> {
        Err(IssueError::NotAnObject)
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = IssueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), IssueError> {
        self.0.claim(name, value)
    }

    fn end(self) -> Result<(), IssueError> {
        Ok(())
    }
}

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = IssueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), IssueError> {
        let name = name.serialize(WireString(str::to_owned))?;
        if self.names.contains(&name) {
            return Err(IssueError::Duplicate(name));
        }
        self.names.push(name);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), IssueError> {
        let name = self.names.last().map_or("", String::as_str);
        self.writer.claim(name, value)
    }

    fn end(self) -> Result<(), IssueError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;
    use crate::cookies::marker::Sid;
    use crate::policy::Policy;
    use crate::token::written_here::WrittenHere;

    const POLICY: Policy = Policy::new(
        "auth \"of\" ours",
        "app::Claims",
        Duration::from_secs(900),
        Duration::from_secs(86_400),
    );

    fn written(auth_age: u64, subject: &str, members: &[(&str, u64)]) -> Vec<u8> {
        let parties = Parties::of(&POLICY);
        let (at, kind) = (Timestamp::from_secs(1_800_000_000), TokenKind::Access);
        let sid = Sid::of_marker(b"AAAAAAAAAAAAAAAAAAAAAA");
        let registered = Registered {
            auth_age: Duration::from_secs(auth_age),
            ..Registered::issued(kind, &POLICY, sid, at, at)
        };
        let mut writer = PayloadWriter::new(kind, &parties, &registered, &subject).unwrap();
        for (name, value) in members {
            writer.member(name, value).unwrap();
        }
        let mut json = writer.finish().split_off(parties.beginning(kind).len());
        json[0] = b'{';
        json
    }

    /// Or all would go the general way, and nobody would see it but by the time it takes.
    #[test]
    fn what_the_writer_writes_is_found() {
        for auth_age in [0, 600] {
            for subject in ["7", "ada", "ädä"] {
                for members in [&[][..], &[("gen", 1)]] {
                    let mut json = written(auth_age, subject, members);
                    let found = WrittenHere::find(&json).unwrap();
                    assert_eq!(found.auth_time.as_secs(), 1_800_000_000);
                    assert_eq!(found.iat.as_secs(), 1_800_000_000);
                    assert_eq!(found.exp.as_secs(), 1_800_000_900);
                    assert_eq!(found.auth_age.unwrap_or(0), auth_age);
                    assert_eq!(found.sid.as_str(), "ilvbTMFRZBJsbvJmjendJA");
                    let rest: &[u8] = if members.is_empty() {
                        b"{}"
                    } else {
                        br#"{"gen":1}"#
                    };
                    assert_eq!(found.split(&mut json), Some((subject, rest)));
                }
            }
        }
    }
}
