//! Reads one typed part of a YAML document, so that its errors carry places in the whole document.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::ConfigError;

/// One step from a document's root towards a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into the value of this key of a mapping.
    Key(&'static str),
    /// Into this item of a sequence, from 0.
    Item(usize),
}

/// Reads the part of the document that the steps lead to; `None` when a key or item on the way is not there.
///
/// A table of settings is typed by a word beside it (`kind: …`), which serde only knows once the table has gone by.
/// Reading the document a second time for that part alone keeps line and column of every complaint.
///
/// # Errors
/// The part is not a `T`, or what leads to it is no mapping or sequence.
pub fn read_part<T: DeserializeOwned>(document: &str, steps: &[Step]) -> Result<Option<T>, ConfigError> {
    let read = serde_saphyr::with_deserializer_from_str(document, |deserializer| {
        Walk { steps, part: PhantomData }.deserialize(deserializer)
    });
    read.map_err(ConfigError::from)
}

struct Walk<'a, T> {
    steps: &'a [Step],
    part: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Walk<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        match self.steps.first() {
            None => T::deserialize(deserializer).map(Some),
            Some(Step::Key(_)) => deserializer.deserialize_map(self),
            Some(Step::Item(_)) => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Walk<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps.first() {
            Some(Step::Item(_)) => f.write_str("a sequence"),
            _ => f.write_str("a mapping"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match self.steps {
                [Step::Key(wanted), rest @ ..] if key == *wanted => {
                    found = map.next_value_seed(Walk { steps: rest, part: PhantomData })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        for index in 0.. {
            let more = match self.steps {
                [Step::Item(wanted), rest @ ..] if index == *wanted => sequence
                    .next_element_seed(Walk { steps: rest, part: PhantomData })?
                    .map(|part| found = part),
                _ => sequence.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        port: u16,
    }

    const STEPS: [Step; 3] = [Step::Key("sources"), Step::Item(1), Step::Key("settings")];

    #[test]
    fn a_part_is_read_and_the_rest_ignored() {
        let document = "a: {b: [1]}\nsources:\n  - settings: x\n  - {name: n, settings: {port: 9}}\nz: 1\n";
        assert_eq!(read_part::<Settings>(document, &STEPS), Ok(Some(Settings { port: 9 })));
        assert_eq!(read_part::<Settings>("sources: [{}]", &STEPS), Ok(None));
    }

    #[test]
    fn complaints_carry_the_place_in_the_whole_document() {
        let document = "sources:\n  - settings: x\n  - settings:\n      port: 9\n      prot: 1\n";
        let error = read_part::<Settings>(document, &STEPS).unwrap_err();
        assert_eq!((error.line, error.column), (5, 7), "{error}");
        let document = "sources:\n  - settings: x\n  - settings:\n      port: high\n";
        let error = read_part::<Settings>(document, &STEPS).unwrap_err();
        assert_eq!((error.line, error.column), (4, 13), "{error}");
    }
}
