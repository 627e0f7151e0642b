//! One entry of a `…_configs` list: the keys of its channel, and beside them those of ours that every channel takes.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use isobar_normalizer::ConfigError;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::keys::{Grammar, refuse_unsupported};
use super::value::parse_positive;
use crate::delivery::KeyScope;
use crate::notify::NotifierKind;
use crate::outbox::Rate;

/// Most messages one limit may count: each is remembered for as long as it counts.
const MESSAGES_MAX: u32 = 10_000;
/// No limit counts over longer: a page that waits for hours is none.
const PER_MAX: Duration = Duration::from_secs(3600);
/// The smallest `max_bytes`: a headline and a link mostly fit it. It is a wish, which gives way where nothing is so short.
const BYTES_MIN: usize = 1024;

/// A `T` and what stands beside its keys.
#[derive(Clone, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) own: T,
    pub(crate) terms: RawTerms,
}

/// Our own keys as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawTerms {
    rate_limit: Option<RawRate>,
    storm: Option<Spanned<Storm>>,
    max_bytes: Option<Spanned<usize>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRate {
    messages: Spanned<u32>,
    per: Spanned<String>,
}

/// What becomes of messages that exceed the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Storm {
    /// They are told in one.
    Digest,
}

/// How much an integration takes, and what becomes of more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Every one of them holds; what exceeds one waits, the most severe first. None for no limit.
    pub rates: Vec<Rate>,
    /// What waits is told in one message.
    pub is_digested: bool,
    /// Larger bodies lose details, then alerts, as far as there are any; `None` for what the channel itself takes.
    pub max_bytes: Option<usize>,
}

impl RawTerms {
    /// The terms of an entry of this channel: what it says, or what the channel is known for.
    pub(super) fn check(self, kind: &dyn NotifierKind) -> Result<Terms, ConfigError> {
        let rates = match self.rate_limit {
            None => kind.rate_limits().to_vec(),
            Some(raw) => vec![Rate::try_from(raw)?],
        };
        if let Some(storm) = &self.storm {
            let wrong = |what: String| Err(ConfigError::at(storm.referenced, what));
            if kind.key_scope() == KeyScope::Episode {
                let name = kind.name();
                return wrong(format!(
                    "storm: digest is not for {name}: it keeps one incident for each group; remove it"
                ));
            }
            if rates.is_empty() {
                return wrong(
                    "storm needs a limit: write rate_limit: {messages: 20, per: 1m} beside it".into(),
                );
            }
        }
        let max_bytes = match self.max_bytes {
            Some(max) if max.value < BYTES_MIN => {
                let wrong = format!("max_bytes is at least {BYTES_MIN}, not {}", max.value);
                return Err(ConfigError::at(max.referenced, wrong));
            }
            max => max.map(|max| max.value),
        };
        let is_digested = kind.key_scope() == KeyScope::Notification
            && !rates.is_empty()
            && (self.storm.is_some() || max_bytes.is_some());
        Ok(Terms { rates, is_digested, max_bytes })
    }
}

impl TryFrom<RawRate> for Rate {
    type Error = ConfigError;

    fn try_from(raw: RawRate) -> Result<Self, ConfigError> {
        if !(1..=MESSAGES_MAX).contains(&raw.messages.value) {
            let wrong = format!("messages is a number from 1 to {MESSAGES_MAX}");
            return Err(ConfigError::at(raw.messages.referenced, wrong));
        }
        let per = parse_positive("per", &raw.per)?;
        if per > PER_MAX {
            return Err(ConfigError::at(raw.per.referenced, "per is at most 1h"));
        }
        Ok(Self { messages: raw.messages.value, per })
    }
}

impl<'de, T: Grammar + Deserialize<'de>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor(PhantomData))
    }
}

struct EntryVisitor<T>(PhantomData<T>);

impl<'de, T: Grammar + Deserialize<'de>> Visitor<'de> for EntryVisitor<T> {
    type Value = Entry<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut terms = RawTerms::default();
        let own = EntryMap { map, unsupported: T::UNSUPPORTED, terms: &mut terms };
        let own = T::deserialize(MapAccessDeserializer::new(own))?;
        Ok(Entry { own, terms })
    }
}

/// Keeps our own keys and passes the others on. Positions inside stay exact.
struct EntryMap<'t, A> {
    map: A,
    unsupported: &'static [(&'static str, &'static str)],
    terms: &'t mut RawTerms,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for EntryMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(KeySeed { seed, unsupported: self.unsupported })? {
                None => return Ok(None),
                Some(Key::Own(key)) => return Ok(Some(key)),
                Some(Key::Term(term, unused)) => {
                    seed = unused;
                    match term {
                        Term::RateLimit => self.terms.rate_limit = Some(self.map.next_value()?),
                        Term::Storm => self.terms.storm = Some(self.map.next_value()?),
                        Term::MaxBytes => self.terms.max_bytes = Some(self.map.next_value()?),
                    }
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[derive(Clone, Copy)]
enum Term {
    RateLimit,
    Storm,
    MaxBytes,
}

/// A key of the channel, or one of ours with the seed that was not needed.
enum Key<V, K> {
    Own(V),
    Term(Term, K),
}

struct KeySeed<K> {
    seed: K,
    unsupported: &'static [(&'static str, &'static str)],
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        let term = match key.as_str() {
            "rate_limit" => Term::RateLimit,
            "storm" => Term::Storm,
            "max_bytes" => Term::MaxBytes,
            _ => {
                refuse_unsupported(&key, self.unsupported).map_err(D::Error::custom)?;
                return self.seed.deserialize(key.into_deserializer()).map(Key::Own);
            }
        };
        Ok(Key::Term(term, self.seed))
    }
}

#[cfg(test)]
mod tests;
