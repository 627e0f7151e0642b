//! Laws that hold for whatever a machine reports.

use proptest::prelude::*;

use super::*;

/// What one series of a scrape says: nothing, that it has ended, or a value.
#[derive(Clone, Copy, Debug)]
enum Said {
    Nothing,
    Stale,
    Value(u16),
}

/// The series of one machine that share flows in every way there is: groups, formulas, both, and neither.
const SERIES: [&[(&str, &str)]; 12] = [
    &[("__name__", "node_cpu_seconds_total"), ("cpu", "0"), ("mode", "idle")],
    &[("__name__", "node_cpu_seconds_total"), ("cpu", "1"), ("mode", "idle")],
    &[("__name__", "node_cpu_seconds_total"), ("cpu", "2"), ("mode", "idle")],
    &[("__name__", "node_memory_MemAvailable_bytes")],
    &[("__name__", "node_memory_MemTotal_bytes")],
    &[("__name__", "node_disk_read_time_seconds_total"), ("device", "sda")],
    &[("__name__", "node_disk_reads_completed_total"), ("device", "sda")],
    &[("__name__", "node_filesystem_avail_bytes"), ("device", "a"), ("fstype", "ext4"), ("mountpoint", "/")],
    &[("__name__", "node_filesystem_size_bytes"), ("device", "a"), ("fstype", "ext4"), ("mountpoint", "/")],
    // Mounted over the one above: both claim one canonical series of free bytes.
    &[("__name__", "node_filesystem_avail_bytes"), ("device", "b"), ("fstype", "ext4"), ("mountpoint", "/")],
    &[("__name__", "node_load1")],
    &[("__name__", "up")],
];

/// Place of the series that another one contests.
const OVERMOUNT: usize = 9;

const STEP_MS: i64 = 10_000;

/// One sample per series and scrape that says something, scrape by scrape.
fn scrapes(said: &[Vec<Said>]) -> Vec<Vec<Sample>> {
    let sample = |scrape: usize, series: usize, said: Said| {
        let pairs = SERIES[series].iter().copied().chain([("instance", "db-1:9100"), ("job", "node")]);
        let value = match said {
            Said::Nothing => return None,
            Said::Stale => crate::stale_marker(),
            Said::Value(value) => f64::from(value),
        };
        let at = Timestamp::from_millis(scrape as i64 * STEP_MS);
        Some(Sample { labels: Labels::from_pairs(pairs).unwrap(), at, value })
    };
    let scrape = |(number, said): (usize, &Vec<Said>)| {
        said.iter().enumerate().filter_map(|(series, said)| sample(number, series, *said)).collect()
    };
    said.iter().enumerate().map(scrape).collect()
}

fn value() -> impl Strategy<Value = Said> {
    prop_oneof![1 => Just(Said::Nothing), 12 => (0u16..2000).prop_map(Said::Value)]
}

fn value_or_end() -> impl Strategy<Value = Said> {
    prop_oneof![1 => Just(Said::Nothing), 1 => Just(Said::Stale), 8 => (0u16..2000).prop_map(Said::Value)]
}

fn many(said: impl Strategy<Value = Said>) -> impl Strategy<Value = Vec<Vec<Said>>> {
    proptest::collection::vec(proptest::collection::vec(said, SERIES.len()), 1..12)
}

/// Feeds runs one after the other and then a scrape later than all, so that every round before is closed.
fn fed(canonicaliser: Canonicaliser, runs: impl IntoIterator<Item = Vec<Sample>>) -> Stored {
    fed_after(Stored::new(), canonicaliser, runs)
}

/// The same into a store that holds something already.
fn fed_after(
    mut stored: Stored,
    mut canonicaliser: Canonicaliser,
    runs: impl IntoIterator<Item = Vec<Sample>>,
) -> Stored {
    let mut last = Timestamp::default();
    for samples in runs {
        last = samples.iter().map(|sample| sample.at).fold(last, Timestamp::max);
        store(&mut stored, &canonicaliser.apply(&run_of(samples)));
    }
    let closing = vec![Said::Value(1); SERIES.len()];
    let mut closing = scrapes(&[closing]).remove(0);
    for sample in &mut closing {
        sample.at = last.plus(Duration::from_millis(STEP_MS as u64));
    }
    store(&mut stored, &canonicaliser.apply(&run_of(closing)));
    stored.values_mut().for_each(drop_idle_markers);
    stored
}

/// A marker where nothing has been says nothing: a reader cannot see it.
fn drop_idle_markers(values: &mut BTreeMap<Timestamp, u64>) {
    let mut was_there = false;
    values.retain(|_, bits| {
        let is_value = !is_stale(f64::from_bits(*bits));
        let is_seen = is_value || was_there;
        was_there = is_value;
        is_seen
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// One scrape in several requests, its series in any order.
    #[test]
    fn splitting_a_scrape_changes_nothing(
        said in many(value_or_end()),
        order in proptest::collection::vec(any::<u32>(), SERIES.len()),
        cuts in proptest::collection::vec(any::<bool>(), SERIES.len()),
    ) {
        let whole = scrapes(&said);
        let mut split = Vec::new();
        for scrape in &whole {
            let mut shuffled: Vec<(u32, Sample)> = order.iter().copied().zip(scrape.iter().cloned()).collect();
            shuffled.sort_by_key(|(key, _)| *key);
            let mut request = Vec::new();
            for ((_, sample), cut) in shuffled.into_iter().zip(&cuts) {
                request.push(sample);
                if *cut {
                    split.push(std::mem::take(&mut request));
                }
            }
            split.push(request);
        }
        prop_assert_eq!(fed(canonicaliser(), split), fed(canonicaliser(), whole));
    }

    /// A sender's queues run apart: each series in order, some series up to five scrapes behind the others.
    #[test]
    fn queues_that_run_apart_change_nothing(
        mut said in many(value()),
        behind in proptest::collection::vec(0usize..6, SERIES.len()),
    ) {
        // Who feeds a series that two could feed is only known when both have been seen.
        said.iter_mut().for_each(|scrape| scrape[OVERMOUNT] = Said::Nothing);
        let whole = scrapes(&said);
        let rank_of = |sample: &Sample| {
            let series = SERIES.iter().position(|pairs| pairs.iter().all(|(name, value)| sample.labels.get(name) == Some(value)));
            sample.at.millis() / STEP_MS + behind[series.unwrap()] as i64
        };
        let mut apart: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
        for sample in whole.iter().flatten() {
            apart.entry(rank_of(sample)).or_default().push(sample.clone());
        }
        prop_assert_eq!(fed(canonicaliser(), apart.into_values()), fed(canonicaliser(), whole));
    }

    /// What comes after a restart is what would have come without it, whether the past is read back by scrape or, as a
    /// store has it, by series.
    #[test]
    fn a_restart_changes_nothing(mut said in many(value_or_end()), at in 0usize..12, by_series in any::<bool>()) {
        if by_series {
            said.iter_mut().for_each(|scrape| scrape[OVERMOUNT] = Said::Nothing);
        }
        let whole = scrapes(&said);
        let (past, rest) = whole.split_at(at.min(whole.len()));
        let mut stored = Stored::new();
        let mut unbroken = canonicaliser();
        past.iter().for_each(|scrape| store(&mut stored, &unbroken.apply(&run_of(scrape.clone()))));
        let mut restarted = canonicaliser();
        let mut slices: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
        for sample in past.iter().flatten() {
            slices.entry(sample.labels.clone()).or_default().push(sample.clone());
        }
        let read_back = if by_series { slices.into_values().collect() } else { past.to_vec() };
        read_back.into_iter().for_each(|samples| restarted.restore(&run_of(samples)));
        let after_restart = fed_after(stored.clone(), restarted, rest.to_vec());
        prop_assert_eq!(after_restart, fed_after(stored, unbroken, rest.to_vec()));
    }

    /// The same scrapes again, as a sender that got no answer sends them, give no other values.
    #[test]
    fn repeating_changes_nothing(said in many(value())) {
        let whole = scrapes(&said);
        let twice: Vec<Vec<Sample>> = whole.iter().flat_map(|scrape| [scrape.clone(), scrape.clone()]).collect();
        prop_assert_eq!(fed(canonicaliser(), twice), fed(canonicaliser(), whole));
    }
}
