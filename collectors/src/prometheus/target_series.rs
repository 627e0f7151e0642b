//! What one target's pages become: samples, staleness markers, and the series about the scrape itself. Pure: the page, the
//! time and how long it took are handed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, MetricMetadata, Sample, Timestamp, stale_marker};

use super::exposition::{Format, LineError, Metadata, MetadataCache, SampleLine, SeriesCache, Sink, parse};
use super::labels::LabelRules;
use super::limits::Limits;

/// Samples of more than this ahead are refused: they would hide everything that follows until then.
pub const AHEAD_MAX: Duration = Duration::from_secs(600);

/// The series about the scrape, in the order of [`Report::values`].
const REPORTS: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Texts kept beyond twice those of the last page before the cache is cleaned.
const GARBAGE_MIN: usize = 64;

/// The series of one target from scrape to scrape.
#[derive(Debug)]
pub struct TargetSeries {
    rules: LabelRules,
    honor_timestamps: bool,
    limits: Limits,
    cache: SeriesCache<Known>,
    metadata: MetadataCache,
    series: Vec<Series>,
    by_labels: HashMap<Labels, usize>,
    round: u64,
}

/// What a series text stands for.
#[derive(Debug)]
struct Known {
    /// Where in `series`; `None` when the rules drop it.
    series: Option<usize>,
    /// The last round it was on the page.
    round: u64,
}

#[derive(Debug)]
struct Series {
    labels: Labels,
    /// The last round it had a sample in, and that sample's time.
    round: u64,
    at: Timestamp,
    /// Whether that sample had the scrape's time. Series with times of their own end by themselves.
    tracked: bool,
    /// Whether it needs a staleness marker when it is gone.
    live: bool,
}

/// What one scrape brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scraped {
    /// Everything to store, staleness markers and the series about the scrape included.
    pub samples: Vec<Sample>,
    /// What the target says about its metrics, the same `Arc` while the pages' lines about them are the same; `None` when
    /// nothing of the page was taken.
    pub metadata: Option<Arc<[MetricMetadata]>>,
    /// Lines about metrics left out because the page has too many: see [`MetadataCache`].
    pub metadata_refused: u64,
    /// Samples left out because the page had the series already at that time.
    pub duplicates: u64,
    /// Samples left out because their timestamps are more than [`AHEAD_MAX`] ahead.
    pub ahead: u64,
    /// Why nothing of the page was taken.
    pub failure: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Report {
    up: bool,
    took: Duration,
    scraped: usize,
    kept: usize,
    added: usize,
}

impl TargetSeries {
    /// A target nothing is known of yet.
    pub fn new(rules: LabelRules, honor_timestamps: bool, limits: Limits) -> Self {
        let mut known = Self {
            rules,
            honor_timestamps,
            limits,
            cache: SeriesCache::default(),
            metadata: MetadataCache::default(),
            series: Vec::new(),
            by_labels: HashMap::new(),
            round: 0,
        };
        // The first series are those about the scrape: what a page says under their names is a duplicate.
        for name in REPORTS {
            let labels = known.rules.identify_report(name);
            known.add(labels);
        }
        known
    }

    /// Takes the page of the scrape at `at`. A page with a fault in it is a failed scrape: nothing of it is kept.
    pub fn take(&mut self, page: &[u8], format: Format, at: Timestamp, took: Duration) -> Scraped {
        self.round += 1;
        for report in &mut self.series[..REPORTS.len()] {
            (report.round, report.at) = (self.round, at);
        }
        self.cache.rewind();
        self.metadata.begin(format);
        let mut sink = PageSink { format, at, out: Scraped::default(), scraped: 0, target: self };
        sink.out.samples.reserve(sink.target.cache.len() + REPORTS.len());
        let parsed = parse(page, format, &mut sink);
        let (mut out, scraped) = (sink.out, sink.scraped);
        let mut report = Report { up: true, took, scraped, kept: out.samples.len(), added: 0 };
        match parsed {
            Ok(()) => {
                report.added = self.settle(at, &mut out.samples);
                (out.metadata, out.metadata_refused) = (Some(self.metadata.end()), self.metadata.refused());
            }
            Err(error) => {
                out.failure = Some(error.to_string());
                out.samples.clear();
                self.end(at, &mut out.samples);
                report.up = false;
            }
        }
        // After a refused page too: one that grows beyond its limit with other series each time would be kept whole.
        if self.cache.len() > 2 * scraped + GARBAGE_MIN {
            self.clean();
        }
        self.report(report, at, &mut out.samples);
        out
    }

    /// The scrape at `at` brought no page.
    pub fn fail(&mut self, at: Timestamp, took: Duration) -> Vec<Sample> {
        let mut samples = Vec::new();
        self.end(at, &mut samples);
        self.report(Report { took, ..Report::default() }, at, &mut samples);
        samples
    }

    /// The target is gone: the markers that end its series, those about the scrape included.
    pub fn forget(&mut self, at: Timestamp) -> Vec<Sample> {
        let mut samples = Vec::new();
        self.end(at, &mut samples);
        if self.round > 0 {
            samples.extend(self.series[..REPORTS.len()].iter().map(|series| series.marker(at)));
        }
        samples
    }

    /// Compares a page that was read to its end with the one before; returns how many series are new.
    fn settle(&mut self, at: Timestamp, samples: &mut Vec<Sample>) -> usize {
        let mut added = 0;
        for series in &mut self.series[REPORTS.len()..] {
            let here = series.round == self.round && series.tracked;
            match (series.live, here) {
                (false, true) => added += 1,
                (true, false) if series.round != self.round => samples.push(series.marker(at)),
                _ => {}
            }
            series.live = here;
        }
        added
    }

    /// Ends every series the page had.
    fn end(&mut self, at: Timestamp, samples: &mut Vec<Sample>) {
        for series in &mut self.series[REPORTS.len()..] {
            if std::mem::take(&mut series.live) {
                samples.push(series.marker(at));
            }
        }
    }

    fn report(&mut self, report: Report, at: Timestamp, samples: &mut Vec<Sample>) {
        // `fail` has no round of its own, and yet its report is to be ended by `forget`.
        self.round = self.round.max(1);
        for (series, value) in self.series.iter().zip(report.values()) {
            samples.push(Sample { labels: series.labels.clone(), at, value });
        }
    }

    fn add(&mut self, labels: Labels) -> usize {
        let index = self.series.len();
        self.by_labels.insert(labels.clone(), index);
        self.series.push(Series { labels, round: 0, at: Timestamp::default(), tracked: false, live: false });
        index
    }

    /// Drops texts and series that the last page did not have.
    fn clean(&mut self) {
        let mut moved: Vec<Option<usize>> = Vec::with_capacity(self.series.len());
        let mut kept = 0;
        for (index, series) in self.series.iter().enumerate() {
            let keep = index < REPORTS.len() || series.round == self.round;
            moved.push(keep.then_some(kept));
            kept += usize::from(keep);
        }
        let round = self.round;
        self.cache.retain(|known| {
            let dropped_by_rules = known.series.is_none();
            known.series = known.series.and_then(|index| moved[index]);
            known.round == round && (dropped_by_rules || known.series.is_some())
        });
        let mut keep = moved.iter().map(Option::is_some);
        self.series.retain(|_| keep.next().unwrap_or(false));
        self.by_labels =
            self.series.iter().enumerate().map(|(index, series)| (series.labels.clone(), index)).collect();
    }
}

impl Series {
    fn marker(&self, at: Timestamp) -> Sample {
        Sample { labels: self.labels.clone(), at, value: stale_marker() }
    }
}

impl Report {
    fn values(self) -> [f64; REPORTS.len()] {
        let up = if self.up { 1.0 } else { 0.0 };
        [up, self.took.as_secs_f64(), self.scraped as f64, self.kept as f64, self.added as f64]
    }
}

struct PageSink<'t> {
    target: &'t mut TargetSeries,
    format: Format,
    at: Timestamp,
    scraped: usize,
    out: Scraped,
}

impl Sink for PageSink<'_> {
    fn likely(&self) -> &[u8] {
        self.target.cache.likely()
    }

    fn sample(&mut self, line: SampleLine<'_>) -> Result<(), LineError> {
        self.scraped += 1;
        let target = &mut *self.target;
        let known = match target.cache.get(line.series.as_bytes()) {
            Some(known) => {
                known.round = target.round;
                known.series
            }
            None => {
                let mut pairs = Vec::new();
                line.series.read(self.format, &mut pairs)?;
                let series = match target.rules.identify(pairs, &target.limits)? {
                    None => None,
                    Some(labels) => Some(match target.by_labels.get(&labels) {
                        Some(index) => *index,
                        None => target.add(labels),
                    }),
                };
                target.cache.insert(line.series.as_bytes(), Known { series, round: target.round });
                series
            }
        };
        let Some(index) = known else { return Ok(()) };
        let own_time = line.at_ms.filter(|_| target.honor_timestamps).map(Timestamp::from_millis);
        let at = own_time.unwrap_or(self.at);
        if at > self.at.plus(AHEAD_MAX) {
            self.out.ahead += 1;
            return Ok(());
        }
        let series = &mut target.series[index];
        if series.round == target.round && series.at == at {
            self.out.duplicates += 1;
            return Ok(());
        }
        (series.round, series.at, series.tracked) = (target.round, at, own_time.is_none());
        if self.out.samples.len() == target.limits.samples {
            let limit = target.limits.samples;
            return Err(LineError::Refused(format!("more samples than sample_limit, which is {limit}")));
        }
        self.out.samples.push(Sample { labels: series.labels.clone(), at, value: line.value });
        Ok(())
    }

    fn metadata(&mut self, metadata: Metadata<'_>) {
        self.target.metadata.take(metadata.line);
    }
}

#[cfg(test)]
mod tests;
