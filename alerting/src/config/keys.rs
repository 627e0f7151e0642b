//! Keys of the foreign grammar that are known and not built: refused by name, at the place they stand.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A mapping of Alertmanager's grammar of which some keys are not supported yet.
pub(crate) trait Grammar: Sized {
    /// Each such key and what to do instead.
    const UNSUPPORTED: &'static [(&'static str, &'static str)];
}

/// Reads a `T`, telling "not supported yet" apart from "never heard of". Positions inside stay exact.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Checked<T>(pub(crate) T);

impl<'de, T: Grammar + Deserialize<'de>> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MappingVisitor(PhantomData))
    }
}

struct MappingVisitor<T>(PhantomData<T>);

impl<'de, T: Grammar + Deserialize<'de>> Visitor<'de> for MappingVisitor<T> {
    type Value = Checked<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let checked = CheckedMap { map, unsupported: T::UNSUPPORTED };
        T::deserialize(MapAccessDeserializer::new(checked)).map(Checked)
    }
}

/// Passes a mapping on and looks at every key on the way.
struct CheckedMap<A> {
    map: A,
    unsupported: &'static [(&'static str, &'static str)],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for CheckedMap<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.map.next_key_seed(KeySeed { seed, unsupported: self.unsupported })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Refuses inside the key, because that is when the parser knows the key's place.
struct KeySeed<K> {
    seed: K,
    unsupported: &'static [(&'static str, &'static str)],
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        refuse_unsupported(&key, self.unsupported).map_err(D::Error::custom)?;
        self.seed.deserialize(key.into_deserializer())
    }
}

/// Says what to do instead of a key that is not supported.
pub(super) fn refuse_unsupported(
    key: &str,
    unsupported: &[(&'static str, &'static str)],
) -> Result<(), String> {
    match unsupported.iter().find(|(name, _)| *name == key) {
        Some((_, instead)) => Err(format!("{key} is not supported yet; {instead}")),
        None => Ok(()),
    }
}
