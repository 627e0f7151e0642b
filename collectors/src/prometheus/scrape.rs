//! Scraping: follows discovery, fetches pages, and hands them to the targets' series.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::Retry;
use isobar_normalizer::{ConfigError, Sample, SampleRun, Timestamp};
use tokio::time::Instant;

use super::exposition::Format;
use super::fetch::{FetchFailure, Fetched};
use super::http::Http;
use super::job::Job;
use super::labels::{LabelRules, SOURCE};
use super::limits::Limits;
use super::target::{Discovered, Target};
use super::target_series::{AHEAD_MAX, Scraped, TargetSeries};
use crate::{CollectError, Collected, Collector, Part, Window};

/// More targets in one source are refused: at a scrape a second each they would need several machines.
const TARGETS_MAX: usize = 10_000;

/// The longest a target's `Retry-After` is honoured; after that it is asked again.
const HELD_MAX: Duration = Duration::from_secs(300);

/// A source that scrapes.
#[derive(Debug)]
pub(super) struct Scraper {
    source: Arc<str>,
    interval: Duration,
    jobs: Arc<[(Job, Http)]>,
    active: Mutex<HashMap<Arc<str>, Arc<Active>>>,
}

/// A target with its state.
#[derive(Debug)]
struct Active {
    target: Target,
    limits: Limits,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    series: TargetSeries,
    /// The target asked not to be scraped before this.
    held_until: Option<Timestamp>,
}

impl Scraper {
    /// Checks every target that is given and not discovered.
    pub(super) fn new(source: &str, interval: Duration, jobs: Vec<(Job, Http)>) -> Result<Self, ConfigError> {
        for (index, (job, _)) in jobs.iter().enumerate() {
            for discovered in &job.targets {
                Target::new(source, index, job, discovered).map_err(ConfigError::whole)?;
            }
        }
        Ok(Self { source: source.into(), interval, jobs: jobs.into(), active: Mutex::default() })
    }

    /// Makes `targets` the ones known; a target that stays keeps its state, one that left keeps it until it is forgotten.
    fn follow(&self, targets: Vec<Target>) -> Vec<Part> {
        let mut active = held(&self.active);
        let mut parts = Vec::with_capacity(targets.len());
        for target in targets {
            let (key, part) = (target.part.key.clone(), target.part.clone());
            if active.get(&key).is_none_or(|known| known.target != target) {
                let state = active.get(&key).map(|known| known.state.clone());
                active.insert(key, Arc::new(self.activate(target, state)));
            }
            parts.push(part);
        }
        parts
    }

    fn activate(&self, target: Target, state: Option<Arc<Mutex<State>>>) -> Active {
        let (job, _) = &self.jobs[target.job];
        let state = state.unwrap_or_else(|| {
            let external = job.external.iter().map(|(name, value)| (name.clone(), value.clone()));
            let rules = LabelRules {
                own: target.labels.clone(),
                fallback: external.chain([(SOURCE.to_owned(), self.source.to_string())]).collect(),
                honor_labels: job.honor_labels,
                rules: job.metric_relabel.clone(),
            };
            let series = TargetSeries::new(rules, job.honor_timestamps, job.limits.clone());
            Arc::new(Mutex::new(State { series, held_until: None }))
        });
        Active { limits: job.limits.clone(), target, state }
    }

    fn runs(&self, part: &Part, samples: Vec<Sample>) -> Vec<SampleRun> {
        if samples.is_empty() {
            return Vec::new();
        }
        let period = part.interval.unwrap_or(self.interval);
        vec![SampleRun { source: self.source.clone(), period, delay: Duration::ZERO, samples }]
    }

    /// Fetches the page, unless the target asked to be left alone.
    async fn fetch(&self, active: &Active, at: Timestamp) -> Result<Fetched, FetchFailure> {
        if let Some(until) = held(&active.state).held_until.filter(|until| at < *until) {
            let message = format!("not scraped: the target asked to wait until {until}");
            return Err(FetchFailure { message, retry: Retry::After(until.since(at)) });
        }
        let (_, http) = &self.jobs[active.target.job];
        http.get_page(&active.target.url, active.target.timeout, active.limits.body, at).await
    }
}

#[async_trait]
impl Collector for Scraper {
    async fn parts(&self) -> Result<Vec<Part>, CollectError> {
        let (source, jobs) = (self.source.clone(), self.jobs.clone());
        let discovering = tokio::task::spawn_blocking(move || discover(&source, &jobs));
        let found = discovering.await.unwrap_or_else(|error| Err(format!("discovery ended badly: {error}")));
        match found {
            Ok(targets) => Ok(self.follow(targets)),
            Err(message) => Err(CollectError { message, retry: Retry::Backoff }),
        }
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.jobs.iter().filter_map(|(job, _)| job.refresh).min()
    }

    /// A scrape that fails is data: `up` is 0, the target's series end, and the reason stands in `failures`.
    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError> {
        let at = window.end;
        let active = held(&self.active).get(&part.key).cloned().ok_or_else(|| CollectError {
            message: format!("{} is not a target of {}", part.key, self.source),
            retry: Retry::Never,
        })?;
        let started = Instant::now();
        let fetched = self.fetch(&active, at).await;
        let shown = active.target.shown();
        // Decompressing and parsing a large page takes longer than an async thread may be kept.
        let scraping = tokio::task::spawn_blocking(move || scrape(&active, fetched, at, started));
        let scraped = scraping.await.map_err(|error| CollectError {
            message: format!("{shown}: the scrape ended badly: {error}"),
            retry: Retry::Backoff,
        })?;
        count(&scraped);
        let mut failures = Vec::new();
        let failed = scraped.failure.is_some();
        if let Some(failure) = scraped.failure {
            failures.push(format!("{shown}: {failure}"));
        }
        if scraped.ahead > 0 {
            failures.push(format!(
                "{shown}: {} samples refused, their timestamps are more than {} s ahead",
                scraped.ahead,
                AHEAD_MAX.as_secs()
            ));
        }
        let runs = self.runs(part, scraped.samples);
        let (resources, metadata) = (Vec::new(), scraped.metadata);
        Ok(Collected {
            runs,
            resources,
            metadata,
            failures,
            failed,
            watermark: Some(at),
            ..Collected::default()
        })
    }

    fn forget(&self, part: &Part, at: Timestamp) -> Vec<SampleRun> {
        let mut active = held(&self.active);
        // A target whose interval changed is another part with the same key: its series go on.
        let Some(known) = active.get(&part.key).filter(|known| known.target.part == *part).cloned() else {
            return Vec::new();
        };
        active.remove(&part.key);
        self.runs(part, held(&known.state).series.forget(at))
    }
}

fn discover(source: &str, jobs: &[(Job, Http)]) -> Result<Vec<Target>, String> {
    let mut targets: HashMap<Arc<str>, Target> = HashMap::new();
    for (index, (job, _)) in jobs.iter().enumerate() {
        let mut found: Vec<Discovered> = job.targets.clone();
        for pattern in &job.files {
            found.extend(pattern.read()?);
        }
        for discovered in &found {
            if let Some(target) = Target::new(source, index, job, discovered)? {
                targets.entry(target.part.key.clone()).or_insert(target);
            }
            if targets.len() > TARGETS_MAX {
                return Err(format!(
                    "more than {TARGETS_MAX} targets: split the source, or shard it by hashmod"
                ));
            }
        }
    }
    Ok(targets.into_values().collect())
}

fn scrape(
    active: &Active,
    fetched: Result<Fetched, FetchFailure>,
    at: Timestamp,
    started: Instant,
) -> Scraped {
    let mut state = held(&active.state);
    let page = fetched.map_err(|failure| {
        if let Retry::After(wait) = failure.retry {
            let until = at.plus(wait.min(HELD_MAX));
            state.held_until = Some(state.held_until.filter(|held| at < *held).unwrap_or(until));
        }
        failure.message
    });
    let page = page.and_then(|fetched| {
        let format = Format::of_content_type(fetched.content_type())
            .ok_or("answered protobuf, only text formats were asked for")?;
        let took = fetched.elapsed;
        Ok((fetched.decoded(active.limits.body)?, format, took))
    });
    match page {
        Ok((page, format, took)) => {
            state.held_until = None;
            state.series.take(&page, format, at, took)
        }
        Err(message) => {
            let samples = state.series.fail(at, started.elapsed());
            Scraped { samples, failure: Some(message), ..Scraped::default() }
        }
    }
}

fn count(scraped: &Scraped) {
    let result = if scraped.failure.is_some() { "failed" } else { "ok" };
    metrics::counter!("isobar_scrape_pages_total", "result" => result).increment(1);
    if scraped.metadata_refused > 0 {
        metrics::counter!("isobar_scrape_metadata_refused_total").increment(scraped.metadata_refused);
    }
    for (reason, refused) in [("duplicate", scraped.duplicates), ("ahead", scraped.ahead)] {
        if refused > 0 {
            metrics::counter!("isobar_scrape_samples_refused_total", "reason" => reason).increment(refused);
        }
    }
}

/// A state stays usable when a thread panicked while it held it: every change of it is complete in itself.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
