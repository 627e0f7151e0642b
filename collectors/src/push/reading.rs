//! Pieces of JSON that several senders share: string maps that borrow, Go's zero time.

use std::borrow::Cow;
use std::fmt;

use isobar_normalizer::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// A text that is borrowed where the JSON holds no escapes in it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A map of texts, in the order they are written. `null` is the empty one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs<'a>(pub Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E: Error>(self) -> Result<Pairs<'de>, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(12));
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(PairsVisitor)
    }
}

/// A time that may be left out: absent, `null`, empty, and Go's zero time are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct When(pub Option<Timestamp>);

/// `0001-01-01T00:00:00Z`, how Go writes a time that is not set.
const GO_ZERO: Timestamp = Timestamp::from_millis(-62_135_596_800_000);

impl When {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let at = Timestamp::parse_rfc3339(text);
        let at = at.ok_or_else(|| format!("{} is not an RFC 3339 time", super::check::shown(text)))?;
        Ok(Self((at > GO_ZERO).then_some(at)))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<Text<'de>>::deserialize(deserializer)?.unwrap_or_default();
        Self::read(&text.0).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_not_set() {
        for text in ["null", "\"\"", "\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00.000Z\""] {
            assert_eq!(serde_json::from_str::<When>(text).unwrap(), When(None), "{text}");
        }
        let offset: When = serde_json::from_str("\"2017-08-03T15:17:37.804-04:00\"").unwrap();
        assert_eq!(offset.0.unwrap().to_string(), "2017-08-03T19:17:37.804Z");
        assert!(serde_json::from_str::<When>("\"yesterday\"").is_err());
    }

    #[test]
    fn pairs_keep_what_is_escaped() {
        let Pairs(pairs) = serde_json::from_str(r#"{"a":"x","b\n":"\u4e2d"}"#).unwrap();
        assert_eq!(pairs, [("a".into(), "x".into()), ("b\n".into(), "中".into())]);
        assert!(matches!(pairs[0].0, Cow::Borrowed(_)));
        assert!(serde_json::from_str::<Pairs<'_>>(r#"{"a":1}"#).is_err());
    }
}
