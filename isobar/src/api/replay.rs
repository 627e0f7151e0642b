//! Replays stretches of the journal for the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isobar_alerting::{
    AlertingConfig, CentreHandle, PastSeries, Policies, Policy, Recording, ReplayError, ResourceLookup,
    RuleQuery, RuleQueryError, SilenceDraft, SourceWatermark, Stretch, parse_matchers, reevaluate, replay,
};
use isobar_dashboards::{ReplayRefused, ReplayRequest, ReplaySilence, ReplayView, Replays};
use isobar_journal::Journal;
use isobar_normalizer::{ConfigError, Labels, Matcher, Timestamp};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::clock;
use crate::rules::{EVALUATION_STEP, SharedRuleData};

/// The longest stretch: a month.
const STRETCH_MAX: Duration = Duration::from_secs(31 * 86_400);
/// A replay that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads the journal and the store, one replay at a time: it holds a whole stretch in memory.
#[derive(Debug)]
pub struct Replayer {
    journal: Arc<dyn Journal>,
    centre: CentreHandle,
    data: SharedRuleData,
    retention: Duration,
    room: Semaphore,
}

impl Replayer {
    /// Over this journal, and the series that are kept for so long.
    pub fn new(
        journal: Arc<dyn Journal>,
        centre: CentreHandle,
        data: SharedRuleData,
        retention: Duration,
    ) -> Self {
        Self { journal, centre, data, retention, room: Semaphore::new(1) }
    }
}

/// Ends the work of a request that nobody waits for any more.
struct Given(Arc<AtomicBool>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Replays for Replayer {
    async fn replay(&self, request: ReplayRequest) -> Result<ReplayView, ReplayRefused> {
        let now = clock::now();
        let (from, to) = (request.from.0, request.to.0.min(now));
        if from >= to || to.since(from) > STRETCH_MAX {
            let message = "a stretch ends after it begins, begins in the past, and is at most 31 days long";
            return Err(ReplayRefused::Invalid(message.to_owned()));
        }
        let config = match &request.alerting {
            Some(text) => {
                // What was sent, or is known already: no asker chooses files of the server's.
                let (sent, in_force) = (request.templates.unwrap_or_default(), self.centre.config());
                let files = |pattern: &str| match sent.get(pattern) {
                    Some(files) => Ok(files.clone().into_iter().collect()),
                    None => in_force.template_files(pattern),
                };
                AlertingConfig::parse_with(text, &files).map_err(|error| wrong("alerting", &error))?
            }
            None => (*self.centre.config()).clone(),
        };
        let silences = request.silences.map(|silences| drafts(silences, to)).transpose()?;
        let policies = request.policies.as_deref().map(policies).transpose()?;
        let _place = self.room.try_acquire().map_err(|_| ReplayRefused::Busy)?;

        let given_up = Arc::new(AtomicBool::new(false));
        let _given = Given(Arc::clone(&given_up));
        let deadline = Instant::now() + PATIENCE;
        let is_over = Arc::new(move || given_up.load(Ordering::Relaxed) || Instant::now() > deadline);
        let (journal, asked) = (Arc::clone(&self.journal), Arc::clone(&is_over));
        let mut recording = blocking(move || Recording::read(&*journal, from, to, &*asked)).await?;
        if let Some(silences) = silences {
            let replaced = recording.with_silences(silences);
            recording = replaced.map_err(|error| ReplayRefused::Invalid(format!("silences: {error}")))?;
        }
        let mut notes = Vec::new();
        if let Some(policies) = policies {
            let kept_since = now.minus(self.retention);
            if kept_since > from {
                notes.push(format!("samples are kept since {kept_since}: before it policies see none"));
            }
            let evaluated = reevaluate(recording, policies, &self.data, EVALUATION_STEP, &*is_over);
            recording = evaluated.await.map_err(failed)?;
        }
        let replayed = blocking(move || replay(recording, config, &*is_over)).await?;
        if let Some(begins_at) = replayed.begins_at {
            notes.push(format!(
                "the journal begins at {begins_at}: alerts and groups from before it are not known"
            ));
        }
        Ok(ReplayView::new(&replayed, notes))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReplayError> + Send + 'static,
) -> Result<T, ReplayRefused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(error) => Err(ReplayRefused::Failed(format!("the replay broke off: {error}"))),
    }
}

fn failed(error: ReplayError) -> ReplayRefused {
    match error {
        ReplayError::Journal(_) | ReplayError::Record { .. } => ReplayRefused::Failed(error.to_string()),
        ReplayError::TooManyEvents(_) | ReplayError::TooManyFlushes(_) | ReplayError::TookTooLong => {
            ReplayRefused::Invalid(error.to_string())
        }
    }
}

/// Reads a policy file. What it asks to be done is not done, so any runbook may be named.
fn policies(text: &str) -> Result<Vec<Policy>, ReplayRefused> {
    let document: Value =
        serde_saphyr::from_str(text).map_err(|error| wrong("policies", &ConfigError::from(error)))?;
    let listed = document["policies"].as_array().into_iter().flatten();
    let named = listed.filter_map(|policy| policy["respond"]["webhook"].as_str()).map(str::to_owned);
    let mut policies = Policies::with_runbooks(named);
    policies.add(text).map_err(|error| wrong("policies", &error))?;
    Ok(policies.into_vec())
}

/// Silences to try, over with the stretch unless they say otherwise.
fn drafts(silences: Vec<ReplaySilence>, to: Timestamp) -> Result<Vec<SilenceDraft>, ReplayRefused> {
    let read = |silence: ReplaySilence| {
        let matchers = parse_matchers(&silence.matchers)
            .map_err(|error| ReplayRefused::Invalid(format!("silences: {:?}: {error}", silence.matchers)))?;
        Ok(SilenceDraft {
            matchers,
            starts_at: silence.starts_at.map(|at| at.0),
            ends_at: silence.ends_at.map_or(to, |at| at.0),
            created_by: "replay".to_owned(),
            ..SilenceDraft::default()
        })
    };
    silences.into_iter().map(read).collect()
}

fn wrong(what: &str, error: &ConfigError) -> ReplayRefused {
    ReplayRefused::Invalid(format!("{what}:{error}"))
}

/// The rule data as it could be asked at a moment of the past.
struct AsOf<'a> {
    data: &'a SharedRuleData,
    now: Timestamp,
}

impl PastSeries for SharedRuleData {
    fn at(&self, now: Timestamp) -> Box<dyn RuleQuery + '_> {
        Box::new(AsOf { data: self, now })
    }
}

#[async_trait]
impl RuleQuery for AsOf<'_> {
    async fn instant(&self, expression: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, RuleQueryError> {
        self.data.instant(expression, at).await
    }

    /// Each source as punctual as its provider lets it be. Silence before this process began to look is ours.
    fn sources(&self, matchers: &[Matcher]) -> Vec<SourceWatermark> {
        let mut sources = self.data.sources(matchers);
        for source in &mut sources {
            source.watermark = source.watermark.min(self.now.minus(source.delay));
            source.complete_since = source.complete_since.min(source.watermark);
            source.behind = None;
        }
        sources
    }

    fn stretch(&self, source: &str, resource_id: &str) -> Option<Stretch> {
        let known = self.data.stretch(source, resource_id)?;
        let until = known.until.min(self.now);
        Some(Stretch { since: known.since.min(until), until })
    }

    fn resource(&self, resource_id: &str) -> ResourceLookup {
        match self.data.resource(resource_id) {
            ResourceLookup::Gone(at) if at > self.now => ResourceLookup::Unknown,
            known => known,
        }
    }
}
