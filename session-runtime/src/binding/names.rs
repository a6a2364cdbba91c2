//! Names in JSON that a stranger wrote.

use std::borrow::Cow;

use serde::de::{self, MapAccess};

use crate::token::text::Text;

/// The names of one object, none of which may stand there twice: of two readers, one would take the first and the other the
/// last.
#[derive(Default)]
pub(super) struct Names<'de>(Vec<Cow<'de, str>>);

impl<'de> Names<'de> {
    pub(super) fn next<A: MapAccess<'de>>(
        &mut self,
        entries: &mut A,
    ) -> Result<Option<Cow<'de, str>>, A::Error> {
        let Some(Text(name)) = entries.next_key()? else {
            return Ok(None);
        };
        if self.0.contains(&name) {
            return Err(de::Error::custom("a name that stands twice"));
        }
        self.0.push(name.clone());
        Ok(Some(name))
    }
}
