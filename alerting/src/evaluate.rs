//! Evaluates policies in event time, at the watermark of the series they select, and tells what changed.

mod observation;
mod query;
mod report;
mod schedule;
mod step;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use isobar_normalizer::{AlertClass, Timestamp};

pub use query::{ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark};

use crate::alert::Alert;
use crate::event::Transition;
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

/// Holds the state of every group of every policy.
///
/// The owner journals what it returns, in order, before anyone hears of it; after a restart it hands the alerts back.
#[derive(Debug)]
pub struct Evaluator {
    watches: Vec<Watch>,
    interval: Duration,
}

impl Evaluator {
    /// Watches the policies; `interval` is the distance of the grid's instants, for sources that deliver as often.
    pub fn new(policies: Vec<Policy>, interval: Duration) -> Self {
        Self { watches: policies.into_iter().map(Watch::new).collect(), interval }
    }

    /// Takes up the alerts of policies as the journal's fold has them, those that ended lately included, so that what
    /// fires is neither fired again nor lost, and `for` goes on. Alerts about Isobar itself are passed over.
    /// Returns the end of alerts whose policy is gone, or no longer gives them that identity.
    pub fn restore<'a>(
        &mut self,
        alerts: impl IntoIterator<Item = &'a Alert>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut ended = Vec::new();
        for alert in alerts.into_iter().filter(|alert| alert.class != AlertClass::Own) {
            let watch = self.watches.iter_mut().find(|watch| watch.policy().name == alert.name());
            let was_taken = watch.is_some_and(|watch| watch.take(alert));
            if !was_taken && alert.state != crate::AlertState::Resolved {
                ended.push(watch::end(alert, "policy_removed", now));
            }
        }
        ended
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
        old.iter().flat_map(Watch::alerts).map(|alert| watch::end(alert, "policy_removed", now)).collect()
    }

    /// Ends what sources outside this set have reported: to be called with the configured sources after a restart and
    /// after a reload. A source that is merely down stays in the set, and its alerts stay on.
    pub fn retain_sources(&mut self, sources: &BTreeSet<String>, now: Timestamp) -> Vec<Transition> {
        self.watches.iter_mut().flat_map(|watch| watch.retain_sources(sources, now)).collect()
    }

    /// How many evaluations are due: instants up to the watermarks, over all policies and sources.
    pub fn due(&self, query: &dyn RuleQuery, now: Timestamp) -> usize {
        let runs = self.watches.iter().flat_map(|watch| watch.due(query, self.interval, now));
        runs.map(|run| run.instants().count()).sum()
    }

    /// Evaluates everything due and returns what changed, in the order it is to be journalled. A policy whose query
    /// fails stays where it is and is tried again on the next tick.
    pub async fn tick(&mut self, query: &dyn RuleQuery, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for watch in &mut self.watches {
            watch.catch_up(query, self.interval, now, &mut transitions).await;
        }
        metrics::counter!("isobar_evaluate_transitions_total").increment(transitions.len() as u64);
        transitions
    }

    /// How each policy is doing, in their order.
    pub fn health(&self) -> Vec<PolicyHealth> {
        self.watches.iter().map(Watch::health).collect()
    }
}
