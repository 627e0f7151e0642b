//! Finds series by matchers: for each label name and value the slots of the series that carry it.

use std::collections::{BTreeMap, HashMap};

use isobar_normalizer::{Labels, MatchOp, Matcher};

/// Postings of one shard's head. Lists ascend.
#[derive(Debug, Default)]
pub struct Index {
    names: HashMap<Box<str>, BTreeMap<Box<str>, Vec<u32>>>,
}

impl Index {
    /// Adds a series.
    pub fn insert(&mut self, slot: u32, labels: &Labels) {
        for (name, value) in labels.iter() {
            if !self.names.contains_key(name) {
                self.names.insert(name.into(), BTreeMap::new());
            }
            let values = self.names.get_mut(name).expect("the name was inserted above");
            match values.get_mut(value) {
                Some(slots) => {
                    if let Err(place) = slots.binary_search(&slot) {
                        slots.insert(place, slot);
                    }
                }
                None => {
                    values.insert(value.into(), vec![slot]);
                }
            }
        }
    }

    /// Removes a series.
    pub fn remove(&mut self, slot: u32, labels: &Labels) {
        for (name, value) in labels.iter() {
            let Some(values) = self.names.get_mut(name) else { continue };
            let Some(slots) = values.get_mut(value) else { continue };
            if let Ok(place) = slots.binary_search(&slot) {
                slots.remove(place);
            }
            if slots.is_empty() {
                values.remove(value);
            }
            if values.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// The slots of the series that all matchers accept, ascending; `None` stands for every slot.
    pub fn find(&self, matchers: &[Matcher]) -> Option<Vec<u32>> {
        let mut wanted: Option<Vec<u32>> = None;
        let mut unwanted: Vec<Vec<u32>> = Vec::new();
        for matcher in matchers {
            // A matcher that accepts the empty string accepts series without the label: it can only rule out.
            if matcher.matches("") {
                unwanted.push(self.union(matcher, false));
                continue;
            }
            let accepted = self.union(matcher, true);
            wanted = Some(match wanted {
                None => accepted,
                Some(mut slots) => {
                    slots.retain(|slot| accepted.binary_search(slot).is_ok());
                    slots
                }
            });
            if wanted.as_ref().is_some_and(Vec::is_empty) {
                return wanted;
            }
        }
        if wanted.is_none() && unwanted.iter().all(Vec::is_empty) {
            return None;
        }
        let mut slots = wanted.unwrap_or_else(|| self.all());
        for refused in &unwanted {
            slots.retain(|slot| refused.binary_search(slot).is_err());
        }
        Some(slots)
    }

    /// Slots whose value the matcher accepts, or does not.
    fn union(&self, matcher: &Matcher, accepts: bool) -> Vec<u32> {
        let Some(values) = self.names.get(matcher.name()) else { return Vec::new() };
        if accepts && matcher.op() == MatchOp::Equal {
            return values.get(matcher.value()).cloned().unwrap_or_default();
        }
        let lists =
            values.iter().filter(|(value, _)| matcher.matches(value) == accepts).map(|(_, slots)| slots);
        merged(lists)
    }

    fn all(&self) -> Vec<u32> {
        merged(self.names.values().flat_map(BTreeMap::values))
    }
}

fn merged<'a>(lists: impl Iterator<Item = &'a Vec<u32>>) -> Vec<u32> {
    let mut slots: Vec<u32> = lists.flatten().copied().collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher() -> impl Strategy<Value = Matcher> {
        let op = prop_oneof![
            Just(MatchOp::Equal),
            Just(MatchOp::NotEqual),
            Just(MatchOp::Matches),
            Just(MatchOp::NotMatches)
        ];
        ("[abc]", op, prop_oneof![Just(""), Just("x"), Just("y"), Just("x|"), Just(".+"), Just(".*")])
            .prop_map(|(name, op, value)| Matcher::new(&name, op, value).unwrap())
    }

    proptest! {
        #[test]
        fn the_index_finds_what_matching_each_series_finds(
            series in proptest::collection::vec(proptest::collection::btree_map("[abc]", "[xyz]", 1..4), 0..12),
            removed in proptest::collection::vec(any::<bool>(), 12),
            matchers in proptest::collection::vec(matcher(), 0..4),
        ) {
            let series: Vec<Labels> = series.iter().map(|pairs| Labels::from_pairs(pairs).unwrap()).collect();
            let mut index = Index::default();
            for (slot, labels) in series.iter().enumerate().rev() {
                index.insert(slot as u32, labels);
            }
            let mut left = Vec::new();
            for (slot, labels) in series.iter().enumerate() {
                if removed[slot] {
                    index.remove(slot as u32, labels);
                } else {
                    left.push((slot as u32, labels));
                }
            }
            let accepts = |labels: &Labels| {
                matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
            };
            let expected: Vec<u32> = left.iter().filter(|(_, labels)| accepts(labels)).map(|(slot, _)| *slot).collect();
            let found = index.find(&matchers).unwrap_or_else(|| left.iter().map(|(slot, _)| *slot).collect());
            prop_assert_eq!(found, expected);
        }
    }
}
