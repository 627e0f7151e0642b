//! Blocks that are damaged, and blocks that become one.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::select::Missing;

const START: i64 = 102 * HOUR;

/// The folders of all blocks, by sequence.
fn folders(folder: &TempDir) -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let days = entries(&folder.path().join("blocks/default"));
    let mut folders: Vec<PathBuf> = days.iter().flat_map(|day| entries(day)).collect();
    folders.sort_by_key(|folder| folder.file_name().unwrap().to_owned());
    folders
}

/// A store with one block of three series, each with so many samples, 100 ms apart.
fn with_block(samples: i64) -> (TempDir, Store, Vec<(&'static str, i64, f64)>) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder, START);
    let mut written = Vec::new();
    for name in ["a", "b", "c"] {
        // Values that compress badly, so that pages take room.
        written.extend((0..samples).map(|i| (name, START + i * 100, (i as f64 * 0.7).sin())));
    }
    for some in written.chunks(5_000) {
        assert_eq!(store.append(&[run(some)], at(START + HOUR)).unwrap().stored, some.len());
    }
    store.maintain(at(START + 4 * HOUR)).unwrap();
    assert_eq!(store.stats().blocks, 1);
    (folder, store, written)
}

fn missing(store: &Store) -> Vec<Missing> {
    store.read(&[], always()).unwrap().missing
}

fn overwrite(path: &Path, offset: usize, with: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset..offset + with.len()].copy_from_slice(with);
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_costs_the_series_it_hit_and_is_remembered_until_the_folder_goes() {
    let (folder, store, written) = with_block(30_000);
    let block = folders(&folder)[0].clone();
    // The columns stand one after the other, the values last: a sixth is in those of the first series.
    let length = fs::metadata(block.join("samples.parquet")).unwrap().len() as usize;
    overwrite(&block.join("samples.parquet"), length / 6, &[0x55; 64]);
    store.append(&[run(&[("d", START + 4 * HOUR, 1.0)])], at(START + 4 * HOUR)).unwrap();
    drop(store);
    let now = START + 4 * HOUR;
    let (store, recovery) = open(&folder, now);
    assert_eq!((recovery.damaged_blocks, store.damage()), (0, Damage::default()));

    let found = content(&store);
    let of = |name: &str| found.keys().filter(|(series, _)| series == name).count();
    assert_eq!((of("a"), of("c"), of("d")), (0, 30_000, 1), "{:?} of {length} bytes", missing(&store));
    let expected: BTreeMap<_, _> =
        written.iter().map(|(name, at, value)| (((*name).to_owned(), *at), value.to_bits())).collect();
    assert!(found.iter().all(|(key, value)| key.0 == "d" || expected.get(key) == Some(value)));
    let told = missing(&store);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].block.as_str(), told[0].range.start), ("default/1970-01-05/0000000001", at(START)));
    assert!(told[0].to_string().contains("checksum"), "{}", told[0]);
    let only_c = store.read(&[Matcher::equal("__name__", "c")], always()).unwrap();
    assert_eq!((only_c.series[0].values.len(), only_c.missing), (30_000, Vec::new()));
    assert_eq!(store.label_values("__name__", &[], always()).unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(store.damage().blocks, 1);
    drop(store);

    let (store, recovery) = open(&folder, now);
    assert_eq!((recovery.damaged_blocks, store.damage().blocks), (1, 1));
    fs::remove_dir_all(block).unwrap();
    store.maintain(at(now)).unwrap();
    assert_eq!(store.damage(), Damage::default());
    expect(&store, &[("d", now, 1.0)]);
    assert_eq!(missing(&store), []);
}

#[test]
fn a_block_without_its_files_or_its_meta_is_missing_and_the_rest_is_read() {
    for (gone, opens) in [("series.parquet", true), ("samples.parquet", true), ("meta.json", false)] {
        let (folder, store, _) = with_block(10);
        let now = START + 4 * HOUR;
        store.append(&[run(&[("d", now, 1.0)])], at(now)).unwrap();
        let block = folders(&folder)[0].clone();
        let read_once = |store: &Store| {
            expect(store, &[("d", now, 1.0)]);
            let told = missing(store);
            assert!(told.len() == 1 && told[0].to_string().contains(gone), "{told:?}");
            assert_eq!(store.damage().blocks, 1);
        };
        fs::remove_file(block.join(gone)).unwrap();
        if opens {
            read_once(&store);
        }
        drop(store);
        let (store, recovery) = open(&folder, now);
        assert_eq!(recovery.damaged_blocks, 1);
        read_once(&store);
        let much_later = TimeRange { start: at(START + 72 * HOUR), end: at(START + 80 * HOUR) };
        assert_eq!(store.read(&[], much_later).unwrap().missing, []);
        // Nothing is kept past retention, damaged or not.
        store.maintain(at(START + 80 * HOUR)).unwrap();
        assert_eq!((store.damage(), block.exists()), (Damage::default(), false));
    }
}

#[test]
fn no_flipped_bit_is_taken_for_a_value() {
    let (folder, store, written) = with_block(40);
    drop(store);
    let written: BTreeMap<_, _> =
        written.iter().map(|(name, at, value)| (((*name).to_owned(), *at), value.to_bits())).collect();
    let block = folders(&folder)[0].clone();
    for file in ["samples.parquet", "series.parquet", "meta.json", "checksums.json"] {
        let clean = fs::read(block.join(file)).unwrap();
        for bit in (0..clean.len() * 8).step_by(211) {
            overwrite(&block.join(file), bit / 8, &[clean[bit / 8] ^ 1 << (bit % 8)]);
            let (store, _) = open(&folder, START + 4 * HOUR);
            let found = content(&store);
            assert!(found.iter().all(|(key, value)| written.get(key) == Some(value)), "{file}: bit {bit}");
            // A file name changed in checksums.json leaves that file unchecked, and as it is.
            assert!(found.len() == written.len() || store.damage().blocks == 1, "{file}: bit {bit}");
            assert!(file == "checksums.json" || store.damage().blocks == 1, "{file}: bit {bit}");
            drop(store);
            fs::write(block.join(file), &clean).unwrap();
            let _ = fs::remove_file(block.join("damaged"));
        }
        for length in (0..clean.len()).step_by(97) {
            fs::write(block.join(file), &clean[..length]).unwrap();
            let (store, _) = open(&folder, START + 4 * HOUR);
            assert!(content(&store).is_empty(), "{file}: cut at {length}");
            assert_eq!(store.damage().blocks, 1, "{file}: cut at {length}");
            drop(store);
            fs::write(block.join(file), &clean).unwrap();
            let _ = fs::remove_file(block.join("damaged"));
        }
    }
    let (store, _) = open(&folder, START + 4 * HOUR);
    assert_eq!((content(&store), store.damage()), (written, Damage::default()));
}

#[test]
fn a_block_from_before_there_were_checksums_is_read() {
    let (folder, store, written) = with_block(10);
    drop(store);
    fs::remove_file(folders(&folder)[0].join("checksums.json")).unwrap();
    expect(&open(&folder, START + 4 * HOUR).0, &written);
}

#[test]
fn the_table_of_series_is_read_once_and_kept_within_its_bytes() {
    let (folder, store, _) = with_block(10);
    assert_eq!(store.inner.indices.bytes(), 0);
    let before = content(&store);
    let kept = store.inner.indices.bytes();
    assert!(kept > 0);
    let series = folders(&folder)[0].join("series.parquet");
    let away = folder.path().join("away");
    fs::rename(&series, &away).unwrap();
    assert_eq!(content(&store), before, "the file is not read again");
    fs::rename(&away, &series).unwrap();
    drop(store);

    let small = StoreOptions { index_cache_bytes: kept - 1, ..options() };
    let (store, _) = Store::open(folder.path(), small, at(START)).unwrap();
    assert_eq!(content(&store), before);
    assert_eq!(store.inner.indices.bytes(), 0);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_cutting() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder, START);
    store.append(&[run(&[("a", START, 1.0)])], at(START)).unwrap();
    assert_eq!(store.maintain(at(START + 20 * HOUR)).unwrap().blocks_written, 1);
    store.append(&[run(&[("a", START + HOUR, 2.0)])], at(START + HOUR)).unwrap();
    assert_eq!(store.maintain(at(START + 4 * HOUR)).unwrap().blocks_written, 1);
}

/// Days of one sample an hour per series, some of it late and corrected, maintained every other hour.
fn filled(folder: &TempDir, days: i64) -> (Store, BTreeMap<(String, i64), u64>, i64) {
    let options = StoreOptions { retention: Duration::from_secs(30 * 86_400), ..StoreOptions::default() };
    let (store, _) = Store::open(folder.path(), options, at(START)).unwrap();
    let mut expected = BTreeMap::new();
    for hour in 0..days * 24 {
        let now = START + hour * HOUR;
        let mut samples = vec![("a", now, hour as f64), ("b", now, 0.5)];
        if hour % 7 == 0 {
            samples.push(("a", now - 5 * HOUR, -1.0));
        }
        if hour % 50 == 0 {
            samples.push(("late", now - 23 * HOUR, hour as f64));
        }
        samples.retain(|(_, at, _)| *at >= START);
        store.append(&[run(&samples)], at(now)).unwrap();
        expected
            .extend(samples.into_iter().map(|(name, at, value)| ((name.to_owned(), at), value.to_bits())));
        if hour % 2 == 1 {
            store.maintain(at(now)).unwrap();
        }
    }
    (store, expected, START + days * 24 * HOUR)
}

fn compacted(store: &Store) -> usize {
    let mut merges = 0;
    while let Some(done) = store.compact(|| true).unwrap() {
        assert!(done.blocks > 1 && done.samples > 0, "{done:?}");
        merges += 1;
    }
    merges
}

#[test]
fn many_blocks_become_a_few_and_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected, now) = filled(&folder, 12);
    let before = store.stats().blocks;
    assert!(before > 12 * 12, "{before}");
    assert_eq!(content(&store), expected);
    assert!(compacted(&store) > 0);
    // Five of 54 hours, and those of the last day and a half.
    let after = store.stats().blocks;
    assert!(after < 40, "{before} blocks became {after}");
    for slice in store.select(&[], always()).unwrap() {
        let periods: Vec<_> =
            slice.timestamps.iter().map(|time| slice.period_at(at(*time)).as_secs()).collect();
        assert!(periods.iter().all(|period| *period == 60), "{}: {periods:?}", slice.labels);
    }
    assert_eq!(content(&store), expected);
    assert_eq!(folders(&folder).len(), after, "the folders of merged blocks are gone");
    drop(store);
    let (store, recovery) = open(&folder, now);
    assert_eq!((recovery.blocks, recovery.damaged_blocks), (after, 0));
    drop(store);
    let options = StoreOptions { retention: Duration::from_secs(30 * 86_400), ..StoreOptions::default() };
    let (store, _) = Store::open(folder.path(), options, at(now)).unwrap();
    assert_eq!(content(&store), expected);
    // What was logged for a merged span and comes again late still wins.
    let late = ("a", now - 20 * HOUR, 7.0);
    store.append(&[run(&[late])], at(now)).unwrap();
    drop(store);
    let options = StoreOptions { retention: Duration::from_secs(30 * 86_400), ..StoreOptions::default() };
    let (store, _) = Store::open(folder.path(), options, at(now)).unwrap();
    assert_eq!(content(&store).get(&("a".to_owned(), late.1)), Some(&7.0_f64.to_bits()));
}

#[test]
fn what_changed_in_a_series_is_known_as_before_when_its_older_blocks_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { retention: Duration::from_secs(30 * 86_400), ..StoreOptions::default() };
    let (store, _) = Store::open(folder.path(), options, at(START)).unwrap();
    for hour in 0..72 {
        let now = START + hour * HOUR;
        let period = Duration::from_secs(if hour < 40 { 60 } else { 300 });
        let source = if hour < 60 { "one" } else { "two" };
        let run = SampleRun { period, source: source.into(), ..run(&[("a", now, hour as f64)]) };
        store.append(&[run], at(now)).unwrap();
        store.maintain(at(now)).unwrap();
    }
    // What is read is in blocks, of which the older ones will be merged.
    let told = |store: &Store| {
        let range = TimeRange { start: at(START + 30 * HOUR), end: at(START + 66 * HOUR) };
        let slice = store.select(&[], range).unwrap().remove(0);
        let periods: Vec<_> = slice.timestamps.iter().map(|time| slice.period_at(at(*time))).collect();
        (slice.source.clone(), slice.period, slice.timestamps.clone(), periods)
    };
    let before = told(&store);
    assert_eq!((&*before.0, before.1.as_secs()), ("two", 300));
    assert_eq!(before.3.iter().filter(|period| period.as_secs() == 60).count(), 10);
    assert!(compacted(&store) > 0);
    assert_eq!(told(&store), before);
}

#[test]
fn a_crash_while_blocks_become_one_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected, now) = filled(&folder, 3);
    drop(store);
    // Sources that came back: their removal had not reached the disk.
    let copies: Vec<(PathBuf, PathBuf)> = folders(&folder)
        .into_iter()
        .enumerate()
        .map(|(i, block)| {
            let copy = folder.path().join(format!("copy-{i}"));
            fs::create_dir(&copy).unwrap();
            for file in fs::read_dir(&block).unwrap() {
                let file = file.unwrap().path();
                fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
            }
            (block, copy)
        })
        .collect();
    let options = StoreOptions { retention: Duration::from_secs(30 * 86_400), ..StoreOptions::default() };
    let reopen = || Store::open(folder.path(), options.clone(), at(now)).unwrap().0;
    let store = reopen();
    assert!(compacted(&store) > 0);
    let (after, kept) = (store.stats().blocks, folders(&folder));
    drop(store);
    for (block, copy) in copies {
        if !block.exists() {
            fs::rename(copy, block).unwrap();
        }
    }
    fs::create_dir_all(folder.path().join("blocks/tmp/99")).unwrap();
    let store = reopen();
    assert_eq!((store.stats().blocks, folders(&folder)), (after, kept));
    assert_eq!(content(&store), expected);
}

#[test]
fn merging_stops_when_told_and_leaves_damaged_blocks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected, _) = filled(&folder, 3);
    let before = folders(&folder);
    assert_eq!(store.compact(|| false).unwrap(), None);
    store.set_writable(false);
    assert_eq!(store.compact(|| true).unwrap(), None);
    store.set_writable(true);
    assert_eq!(folders(&folder), before);
    assert_eq!(fs::read_dir(folder.path().join("blocks/tmp")).unwrap().count(), 0);

    let length = fs::metadata(before[0].join("samples.parquet")).unwrap().len() as usize;
    overwrite(&before[0].join("samples.parquet"), length / 2, &[0x55; 8]);
    assert_eq!(store.compact(|| true).unwrap(), None, "the first attempt finds the damage");
    assert_eq!(store.damage().blocks, 1);
    assert!(compacted(&store) > 0, "others are merged");
    assert!(before[0].exists());
    let found = content(&store);
    assert!(found.len() < expected.len());
    assert!(found.iter().all(|(key, value)| expected.get(key) == Some(value)));
}
