//! What sources say about metrics now: each part for as long as it is in the estate, each sender for as long as it repeats it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use isobar_normalizer::{MetricMetadata, Timestamp};
use parking_lot::Mutex;

/// How many bytes are kept in all: what 2,000 node_exporters say, and as much as is walked in a fraction of a second for
/// one answer.
const BYTES_MAX: usize = 128 << 20;

/// What one delivery says about metrics.
#[derive(Clone, Debug, Default)]
pub enum Said {
    /// Nothing; what was said before still holds.
    #[default]
    Nothing,
    /// Everything the part has to say, in place of what it said before; the same `Arc` as before is nothing new.
    All(Arc<[MetricMetadata]>),
    /// A piece of what a sender has to say, which it repeats every minute or so.
    Piece(Vec<MetricMetadata>),
}

/// The table. It is not durable: sources say everything again within a scrape or a minute.
#[derive(Debug)]
pub struct MetadataTable {
    known: Mutex<Known>,
    bytes_max: usize,
}

/// A source and a part of it.
type PartOf = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Known {
    parts: HashMap<PartOf, Arc<[MetricMetadata]>>,
    /// When each was said last.
    pieces: HashMap<MetricMetadata, Timestamp>,
    bytes: usize,
}

impl Default for MetadataTable {
    fn default() -> Self {
        Self { known: Mutex::default(), bytes_max: BYTES_MAX }
    }
}

impl MetadataTable {
    /// Takes in what a part of a source says. What does not fit any more is counted and left out.
    pub fn take(&self, source: &Arc<str>, part: &Arc<str>, said: Said, now: Timestamp) {
        let refused = match said {
            Said::Nothing => 0,
            Said::All(entries) => {
                self.known.lock().replace((source.clone(), part.clone()), entries, self.bytes_max)
            }
            Said::Piece(entries) => self.known.lock().add(entries, now, self.bytes_max),
        };
        if refused > 0 {
            metrics::counter!("isobar_metadata_refused_total").increment(refused as u64);
        }
    }

    /// Takes out what this part said.
    pub fn forget_part(&self, source: &Arc<str>, part: &Arc<str>) {
        self.known.lock().remove(&(source.clone(), part.clone()));
    }

    /// Takes out what no sender has repeated since `before`.
    pub fn forget_idle(&self, before: Timestamp) {
        let Known { pieces, bytes, .. } = &mut *self.known.lock();
        pieces.retain(|entry, said_at| {
            let keep = *said_at >= before;
            if !keep {
                *bytes -= weight(entry);
            }
            keep
        });
    }

    /// Everything that is said, by name; a name has several entries, in order, where sources disagree.
    pub fn by_name(&self) -> BTreeMap<String, Vec<MetricMetadata>> {
        let (parts, mut distinct): (Vec<_>, HashSet<MetricMetadata>) = {
            let known = self.known.lock();
            (known.parts.values().cloned().collect(), known.pieces.keys().cloned().collect())
        };
        for entry in parts.iter().flat_map(|entries| entries.iter()) {
            if !distinct.contains(entry) {
                distinct.insert(entry.clone());
            }
        }
        let mut by_name: BTreeMap<String, Vec<MetricMetadata>> = BTreeMap::new();
        for entry in distinct {
            by_name.entry(entry.name.clone()).or_default().push(entry);
        }
        by_name.values_mut().for_each(|entries| entries.sort_unstable());
        by_name
    }
}

impl Known {
    /// Returns how many entries were left out: all or none.
    fn replace(&mut self, key: PartOf, entries: Arc<[MetricMetadata]>, bytes_max: usize) -> usize {
        if self.parts.get(&key).is_some_and(|known| Arc::ptr_eq(known, &entries)) {
            return 0;
        }
        self.remove(&key);
        let bytes: usize = entries.iter().map(weight).sum();
        if self.bytes + bytes > bytes_max {
            return entries.len();
        }
        self.bytes += bytes;
        self.parts.insert(key, entries);
        0
    }

    fn remove(&mut self, key: &PartOf) {
        if let Some(entries) = self.parts.remove(key) {
            self.bytes -= entries.iter().map(weight).sum::<usize>();
        }
    }

    /// Returns how many entries were left out.
    fn add(&mut self, entries: Vec<MetricMetadata>, now: Timestamp, bytes_max: usize) -> usize {
        let mut refused = 0;
        for entry in entries {
            if let Some(said_at) = self.pieces.get_mut(&entry) {
                *said_at = now;
                continue;
            }
            let bytes = weight(&entry);
            if self.bytes + bytes > bytes_max {
                refused += 1;
                continue;
            }
            self.bytes += bytes;
            self.pieces.insert(entry, now);
        }
        refused
    }
}

/// What an entry takes, in bytes.
fn weight(entry: &MetricMetadata) -> usize {
    size_of::<MetricMetadata>() + entry.name.len() + entry.help.len() + entry.unit.len()
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::MetricType;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000);

    fn gauge(name: &str, help: &str) -> MetricMetadata {
        let (kind, unit) = (MetricType::Gauge, String::new());
        MetricMetadata { name: name.to_owned(), kind, help: help.to_owned(), unit }
    }

    fn table(entries_max: usize) -> MetadataTable {
        MetadataTable { bytes_max: entries_max * weight(&gauge("a", "x")), ..MetadataTable::default() }
    }

    fn take(table: &MetadataTable, part: &str, said: Said, now: Timestamp) {
        table.take(&"lab".into(), &part.into(), said, now);
    }

    fn all(entries: &[MetricMetadata]) -> Said {
        Said::All(entries.into())
    }

    #[track_caller]
    fn check(table: &MetadataTable, expected: &[(&str, &[&str])]) {
        let by_name = table.by_name();
        let shown: Vec<(&str, Vec<&str>)> = by_name
            .iter()
            .map(|(name, entries)| (name.as_str(), entries.iter().map(|entry| entry.help.as_str()).collect()))
            .collect();
        let expected: Vec<(&str, Vec<&str>)> =
            expected.iter().map(|(name, helps)| (*name, helps.to_vec())).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn parts_that_agree_are_one_entry_and_those_that_do_not_are_several() {
        let table = table(100);
        take(&table, "1", all(&[gauge("a", "x"), gauge("b", "y")]), NOW);
        take(&table, "2", all(&[gauge("a", "x"), gauge("b", "other")]), NOW);
        check(&table, &[("a", &["x"]), ("b", &["other", "y"])]);
        take(&table, "2", Said::Nothing, NOW);
        take(&table, "1", all(&[gauge("b", "z")]), NOW);
        check(&table, &[("a", &["x"]), ("b", &["other", "z"])]);
        table.forget_part(&"lab".into(), &"2".into());
        check(&table, &[("b", &["z"])]);
    }

    #[test]
    fn pieces_add_up_and_end_when_they_are_not_repeated() {
        let table = table(100);
        take(&table, "", Said::Piece(vec![gauge("a", "x")]), NOW);
        take(&table, "", Said::Piece(vec![gauge("b", "y")]), NOW);
        take(&table, "", Said::Piece(vec![gauge("a", "x")]), LATER);
        check(&table, &[("a", &["x"]), ("b", &["y"])]);
        table.forget_idle(LATER);
        check(&table, &[("a", &["x"])]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_until_there_is_room() {
        let table = table(2);
        take(&table, "1", all(&[gauge("a", "x")]), NOW);
        take(&table, "", Said::Piece(vec![gauge("b", "x"), gauge("c", "x")]), NOW);
        take(&table, "2", all(&[gauge("d", "x")]), NOW);
        check(&table, &[("a", &["x"]), ("b", &["x"])]);
        table.forget_idle(LATER);
        take(&table, "2", all(&[gauge("d", "x")]), NOW);
        check(&table, &[("a", &["x"]), ("d", &["x"])]);
        // What grows beyond the limit is not kept as it was either.
        take(&table, "2", all(&[gauge("d", "x"), gauge("e", "x")]), NOW);
        check(&table, &[("a", &["x"])]);
        for part in ["1", "2"] {
            table.forget_part(&"lab".into(), &part.into());
        }
        assert_eq!(table.known.lock().bytes, 0);
    }
}
