//! Keys of the foreign grammar that are taken and change nothing here: noted, at the place they stand.

use std::fmt;
use std::marker::PhantomData;

use isobar_normalizer::ConfigError;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

/// A mapping that may hold keys without effect.
pub(crate) trait Lenient {
    /// Each such key and why nothing comes of it.
    const WITHOUT_EFFECT: &'static [(&'static str, &'static str)];
}

/// A `T`, read from what is left without these keys, and a note of each that was there.
#[derive(Debug, Default)]
pub(crate) struct Noted<T> {
    pub(crate) value: T,
    pub(crate) notes: Vec<ConfigError>,
}

impl<'de, T: Lenient + Deserialize<'de>> Deserialize<'de> for Noted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MappingVisitor(PhantomData))
    }
}

struct MappingVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient + Deserialize<'de>> Visitor<'de> for MappingVisitor<T> {
    type Value = Noted<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut notes = Vec::new();
        let rest = NotingMap { map, without_effect: T::WITHOUT_EFFECT, notes: &mut notes };
        let value = T::deserialize(MapAccessDeserializer::new(rest))?;
        Ok(Noted { value, notes })
    }
}

/// Passes a mapping on, all but the keys without effect.
struct NotingMap<'n, A> {
    map: A,
    without_effect: &'static [(&'static str, &'static str)],
    notes: &'n mut Vec<ConfigError>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for NotingMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(KeySeed { seed, without_effect: self.without_effect })? {
                None => return Ok(None),
                Some(Key::Other(key)) => return Ok(Some(key)),
                Some(Key::WithoutEffect(note, unused)) => {
                    self.map.next_value::<IgnoredAny>()?;
                    self.notes.push(note);
                    seed = unused;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key that is passed on, or the note of one that is not, with the seed it did not need.
enum Key<V, K> {
    Other(V),
    WithoutEffect(ConfigError, K),
}

struct KeySeed<K> {
    seed: K,
    without_effect: &'static [(&'static str, &'static str)],
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Spanned { value: key, referenced, .. } = Spanned::<String>::deserialize(deserializer)?;
        match self.without_effect.iter().find(|(name, _)| *name == key) {
            Some((_, why)) => {
                let note = ConfigError::at(referenced, format!("{key} has no effect: {why}"));
                Ok(Key::WithoutEffect(note, self.seed))
            }
            None => self.seed.deserialize(key.into_deserializer()).map(Key::Other),
        }
    }
}
