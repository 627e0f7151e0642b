//! Decides what is on: evaluates policies in event time, at the watermark of the series they select, takes in what providers
//! say of their own alarms, folds what is the same, and tells what changed.

mod observation;
mod query;
mod report;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::{AlarmReport, Timestamp};

pub use query::{ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark, Stretch};

use crate::alert::{Alert, AlertState};
use crate::event::Transition;
use crate::fold::Fold;
use crate::native::{AlarmOrigin, NativeAlarms, NativeTable};
use crate::policy::Policy;
use watch::Watch;

/// Distance of the grid's instants unless configured: Prometheus' common scrape and evaluation interval.
pub const EVALUATION_INTERVAL: Duration = Duration::from_secs(15);

/// How a policy is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyHealth {
    /// The policy's name.
    pub policy: String,
    /// Event time of its newest evaluation, the least over its sources; `None` before the first.
    pub evaluated_at: Option<Timestamp>,
    /// Why its newest evaluation failed, with the source it was for.
    pub error: Option<String>,
    /// Groups it watches now.
    pub groups: usize,
}

/// Holds the state of every group of every policy and of every native alarm, and which of their alerts are one.
///
/// The owner journals what it returns, in order, before anyone hears of it; after a restart it hands the alerts back.
#[derive(Debug)]
pub struct Evaluator {
    watches: Vec<Watch>,
    interval: Duration,
    natives: NativeAlarms,
    fold: Fold,
}

impl Evaluator {
    /// Watches the policies; `interval` is the distance of the grid's instants, for sources that deliver as often.
    pub fn new(policies: Vec<Policy>, interval: Duration) -> Self {
        let watches = policies.into_iter().map(Watch::new).collect();
        Self { watches, interval, natives: NativeAlarms::default(), fold: Fold::default() }
    }

    /// Reads classes and severities of native alarms from this table from now on.
    pub fn set_native_table(&mut self, table: NativeTable) {
        self.natives.set_table(table);
    }

    /// Takes up the alerts of policies and native alarms as the journal's fold has them, those that ended lately included, so
    /// that what fires is neither fired again nor lost, and `for` goes on. Alerts about Isobar itself and those of outages are
    /// passed over. Returns the end of alerts whose policy is gone, or no longer gives them that identity.
    pub fn restore<'a>(
        &mut self,
        alerts: impl IntoIterator<Item = &'a Alert>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let judged = alerts.into_iter().filter(|alert| alert.is_judged());
        let mut kept: Vec<Alert> = judged.cloned().collect();
        for alert in kept.iter_mut().filter(|alert| alert.watched.metric.is_none() && alert.native.is_empty())
        {
            // Written by a version that did not say what an alert watches.
            let policy = self.watches.iter().map(Watch::policy).find(|policy| policy.name == alert.name());
            alert.watched.metric = policy.map(Policy::metric_name);
        }
        self.fold.restore(&kept);
        let mut ended = Vec::new();
        for alert in by_themselves(&kept) {
            if !alert.native.is_empty() {
                self.natives.restore(alert);
                continue;
            }
            let watch = self.watches.iter_mut().find(|watch| watch.policy().name == alert.name());
            let was_taken = watch.is_some_and(|watch| watch.take(alert));
            if !was_taken && alert.state != AlertState::Resolved {
                ended.push(watch::end(alert, "policy_removed", now));
            }
        }
        self.folded(ended)
    }

    /// Replaces the policies. A policy that keeps name, `by` and `labels` keeps its alerts; the alerts of others end.
    pub fn reload(&mut self, policies: Vec<Policy>, now: Timestamp) -> Vec<Transition> {
        let mut old = std::mem::take(&mut self.watches);
        for policy in policies {
            let same = old.iter().position(|watch| policy.has_identity_of(watch.policy()));
            self.watches.push(match same {
                Some(index) => old.swap_remove(index).with_policy(policy),
                None => Watch::new(policy),
            });
        }
        old.sort_by(|a, b| a.policy().name.cmp(&b.policy().name));
        let ended = old.iter().flat_map(Watch::alerts).map(|alert| watch::end(alert, "policy_removed", now));
        self.folded(ended.collect())
    }

    /// Ends what sources outside this set have reported: to be called with the configured sources after a restart and
    /// after a reload. A source that is merely down stays in the set, and its alerts stay on.
    pub fn retain_sources(&mut self, sources: &BTreeSet<String>, now: Timestamp) -> Vec<Transition> {
        let mut ended = self.natives.retain_sources(sources, now);
        ended.extend(self.watches.iter_mut().flat_map(|watch| watch.retain_sources(sources, now)));
        self.folded(ended)
    }

    /// Takes in what a part of a source says of its provider's alarms. A part that failed says nothing.
    pub fn report(
        &mut self,
        origin: &AlarmOrigin,
        report: &AlarmReport,
        query: &dyn RuleQuery,
        now: Timestamp,
    ) -> Vec<Transition> {
        let told = self.natives.report(origin, report, |id| query.resource(id), now);
        self.folded(told)
    }

    /// Ends the native alarms that other parts of the source than these reported: to be called when it is known which parts
    /// it has.
    pub fn retain_parts(
        &mut self,
        source: &str,
        parts: &BTreeSet<String>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let ended = self.natives.retain_parts(source, parts, now);
        self.folded(ended)
    }

    /// How many evaluations are due: instants up to the watermarks, over all policies and sources.
    pub fn due(&self, query: &dyn RuleQuery, now: Timestamp) -> usize {
        let runs = self.watches.iter().flat_map(|watch| watch.due(query, self.interval, now));
        runs.map(|run| run.instants().count()).sum()
    }

    /// Evaluates everything due and returns what changed, in the order it is to be journalled. A policy whose query
    /// fails stays where it is and is tried again on the next tick.
    pub async fn tick(&mut self, query: &dyn RuleQuery, now: Timestamp) -> Vec<Transition> {
        let mut transitions = self.natives.end_gone(|id| query.resource(id), now);
        for watch in &mut self.watches {
            watch.catch_up(query, self.interval, now, &mut transitions).await;
        }
        let transitions = self.folded(transitions);
        metrics::counter!("isobar_evaluate_transitions_total").increment(transitions.len() as u64);
        transitions
    }

    /// How each policy is doing, in their order.
    pub fn health(&self) -> Vec<PolicyHealth> {
        self.watches.iter().map(Watch::health).collect()
    }

    fn folded(&mut self, told: Vec<Transition>) -> Vec<Transition> {
        told.into_iter().flat_map(|transition| self.fold.take(transition)).collect()
    }
}

/// What every policy and native alarm said last, each by itself: of several records of one the newest counts. What was
/// pending inside another alert is not among them, because that is not written down when it is over.
pub(crate) fn by_themselves(kept: &[Alert]) -> Vec<&Alert> {
    let members = kept.iter().flat_map(|alert| {
        alert.made_of().iter().filter(|part| alert.members.is_empty() || part.state != AlertState::Pending)
    });
    let mut newest: BTreeMap<u64, &Alert> = BTreeMap::new();
    for alert in members {
        let known = newest.entry(alert.fingerprint()).or_insert(alert);
        if (alert.updated_at, alert.state.is_open()) > (known.updated_at, known.state.is_open()) {
            *known = alert;
        }
    }
    newest.into_values().collect()
}
