//! A damaged log: whatever is cut off or flipped, the rest is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use isobar_normalizer::Labels;
use tempfile::TempDir;

use super::*;
use crate::contract::Contract;
use crate::directory;

/// Keeps what is read back by name and time.
#[derive(Debug, Default)]
struct Kept {
    series: Vec<Labels>,
    samples: BTreeMap<(String, i64), u64>,
}

impl Replay for Kept {
    fn series(&mut self, labels: Labels) -> u32 {
        self.series.push(labels);
        self.series.len() as u32 - 1
    }
    fn sample(&mut self, series: u32, _: &Contract, at: i64, value: f64) {
        let name = self.series[series as usize].name().unwrap().to_owned();
        self.samples.insert((name, at), value.to_bits());
    }
}

const BATCHES: i64 = 6;
const SERIES: usize = 5;

/// Writes batches of one sample per series; the last batches bring a new series each. Returns the segment's bytes.
fn written(folder: &Path) -> Vec<u8> {
    let labels: Vec<Labels> =
        (0..SERIES).map(|i| Labels::from_pairs([("__name__", format!("series_{i}"))]).unwrap()).collect();
    let commit = Arc::new(GroupCommit::default());
    let mut writer = ShardWriter::new(folder.to_owned(), u64::MAX, 1_000, BTreeMap::new(), 0, commit);
    let contract = [Contract { source: "s".into(), period_ms: 1, delay_ms: 0 }];
    for batch in 0..BATCHES {
        let known = SERIES.min(3 + batch as usize);
        let samples: Vec<Accepted> = (0..known as u32)
            .map(|slot| Accepted { contract: 0, slot, at: batch, value: f64::from(slot) + 0.1 })
            .collect();
        writer.append(&contract, &samples, |slot| labels[slot as usize].packed()).unwrap();
    }
    fs::read(writer::segment_path(folder, 1)).unwrap()
}

struct Setting {
    _temp: TempDir,
    shard: std::path::PathBuf,
    damaged: std::path::PathBuf,
}

impl Setting {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (shard, damaged) = (temp.path().join("0"), temp.path().join("damaged"));
        directory::make(&shard).unwrap();
        directory::make(&damaged).unwrap();
        Self { _temp: temp, shard, damaged }
    }

    fn replay(&self) -> (Found, Kept) {
        let mut kept = Kept::default();
        let found =
            replay(&self.shard, &self.damaged, 1_000, &Coverage::new(&[], i64::MIN), &mut kept).unwrap();
        (found, kept)
    }

    fn replay_of(&self, bytes: &[u8]) -> (Found, Kept) {
        fs::write(writer::segment_path(&self.shard, 1), bytes).unwrap();
        self.replay()
    }
}

#[test]
fn a_log_cut_at_any_byte_is_read_up_to_there() {
    let setting = Setting::new();
    let clean = written(&setting.shard);
    let (_, whole) = setting.replay();
    let mut most = 0;
    for end in 0..=clean.len() {
        let (found, kept) = setting.replay_of(&clean[..end]);
        assert_eq!(found.damaged_records, 0, "cut at {end}");
        assert!(kept.samples.len() >= most, "cut at {end}: fewer samples than before");
        most = kept.samples.len();
        assert!(
            kept.samples.iter().all(|(key, value)| whole.samples.get(key) == Some(value)),
            "cut at {end}"
        );
        assert_eq!(setting.replay().0.torn_bytes, 0, "cut at {end}: the tail was cut off by the first start");
    }
    assert_eq!(most, whole.samples.len());
}

#[test]
fn a_flipped_bit_costs_at_most_one_batch() {
    let setting = Setting::new();
    let clean = written(&setting.shard);
    let (_, whole) = setting.replay();
    assert_eq!(whole.samples.len(), 3 + 4 + 5 * 4);
    // A prime step takes every bit position of every record kind in turn.
    for bit in (0..clean.len() * 8).step_by(5) {
        let mut bytes = clean.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (found, kept) = setting.replay_of(&bytes);
        assert_eq!((found.damaged_records, found.torn_bytes), (1, 0), "bit {bit}");
        assert!(kept.samples.iter().all(|(key, value)| whole.samples.get(key) == Some(value)), "bit {bit}");
        let mut batches: Vec<i64> =
            whole.samples.keys().filter(|key| !kept.samples.contains_key(*key)).map(|(_, at)| *at).collect();
        batches.dedup();
        assert!(
            batches.iter().all(|at| *at == batches[0]),
            "bit {bit}: samples of batches {batches:?} are gone"
        );
        let (again, _) = setting.replay();
        assert_eq!(again.damaged_records, 0, "bit {bit}: damage is counted once");
    }
    assert!(fs::read_dir(&setting.damaged).unwrap().count() > 1);
}

#[test]
fn damaged_bytes_are_kept_and_the_rest_is_mended() {
    let setting = Setting::new();
    let mut bytes = written(&setting.shard);
    bytes[20] ^= 0xFF;
    let (found, _) = setting.replay_of(&bytes);
    let kept = fs::read(setting.damaged.join("0-0000000001-0")).unwrap();
    assert_eq!((found.damaged_bytes, found.damaged_records), (kept.len() as u64, 1));
    assert_eq!(kept, bytes[..kept.len()]);
}

#[test]
fn a_write_that_fails_leaves_the_log_usable() {
    let setting = Setting::new();
    let commit = Arc::new(GroupCommit::default());
    let missing = setting.shard.join("not-there");
    let mut writer = ShardWriter::new(missing.clone(), u64::MAX, 1_000, BTreeMap::new(), 0, commit);
    let labels = Labels::from_pairs([("__name__", "a")]).unwrap();
    let contract = [Contract { source: "s".into(), period_ms: 1, delay_ms: 0 }];
    let sample = [Accepted { contract: 0, slot: 0, at: 1, value: 1.0 }];
    writer.append(&contract, &sample, |_| labels.packed()).unwrap_err();
    directory::make(&missing).unwrap();
    writer.append(&contract, &sample, |_| labels.packed()).unwrap();
    let mut kept = Kept::default();
    let coverage = Coverage::new(&[], i64::MIN);
    let found = replay(&missing, &setting.damaged, 1_000, &coverage, &mut kept).unwrap();
    assert_eq!((found.samples, writer.segments()), (1, 1));
}
