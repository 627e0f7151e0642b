//! One policy at work: its groups, and how far each reporter has been evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};
use tracing::warn;

use super::PolicyHealth;
use super::observation::Observation;
use super::query::{ResourceLookup, RuleQuery, RuleQueryError, Stretch};
use super::report::{Group, Scene};
use super::schedule::{self, Reporter, Run};
use super::step::step;
use crate::alert::{Alert, AlertState};
use crate::event::Transition;
use crate::policy::{NoData, Policy, RESOURCE_ID};

/// Groups one policy may watch: ten times the estates this is built for. More are left out and counted.
const GROUPS_MAX: usize = 100_000;

/// How far before the freshness window the first evaluation looks for groups that are already silent: what fell silent
/// while Isobar was restarted is found, what was switched off yesterday is not dug up.
const DISCOVERY: Duration = Duration::from_secs(60 * 60);

/// One policy and everything it watches.
#[derive(Debug)]
pub(super) struct Watch {
    policy: Policy,
    groups: BTreeMap<Labels, Group>,
    cursors: BTreeMap<Reporter, Timestamp>,
    /// By source, the parts whose past was looked at.
    pasts: BTreeMap<Arc<str>, usize>,
    error: Option<String>,
}

/// What the queries of one instant brought.
struct Seen {
    values: BTreeMap<Labels, f64>,
    /// Groups with a sample inside the freshness window; `None` when nobody needed to know.
    fresh: Option<BTreeSet<Labels>>,
}

impl Watch {
    pub(super) fn new(policy: Policy) -> Self {
        let (groups, cursors, pasts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { policy, groups, cursors, pasts, error: None }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The alerts that are on.
    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.groups.values().filter_map(|group| group.alert.as_ref())
    }

    /// Takes up an alert of an earlier process; false when this policy does not give it that identity.
    pub(super) fn take(&mut self, alert: &Alert) -> bool {
        let Some(labels) = self.policy.group_of(&alert.identity) else {
            return false;
        };
        self.groups.insert(labels, Group::restored(alert, &self.policy));
        true
    }

    /// Goes on under a changed policy of the same identity.
    pub(super) fn with_policy(mut self, policy: Policy) -> Self {
        if self.policy.matchers != policy.matchers {
            self.groups.retain(|_, group| group.alert.is_some());
            self.groups.values_mut().for_each(|group| group.unconfirmed = true);
            self.cursors.clear();
        }
        self.policy = policy;
        self
    }

    pub(super) fn retain_sources(&mut self, sources: &BTreeSet<String>, now: Timestamp) -> Vec<Transition> {
        let Self { policy, groups, cursors, .. } = self;
        let is_left = |reporter: &Reporter| reporter.source().is_some_and(|source| !sources.contains(source));
        cursors.retain(|reporter, _| !is_left(reporter));
        let mut ended = Vec::new();
        for (labels, group) in groups.iter_mut() {
            let left: Vec<Reporter> =
                group.states.keys().filter(|reporter| is_left(reporter)).cloned().collect();
            for reporter in left {
                // The operator's decision, hence now.
                let end = End { reason: "source_removed", at: now, decided_at: now };
                ended.extend(end.of(policy, labels, group, &reporter));
            }
        }
        groups.retain(|_, group| !group.states.is_empty());
        ended
    }

    /// Ends what was reported of resources that left the inventory together with everything that moved their source's
    /// watermark: no instant will ever come at which they could be seen to be gone.
    fn end_orphans(&mut self, query: &dyn RuleQuery, now: Timestamp, transitions: &mut Vec<Transition>) {
        let Self { policy, groups, .. } = self;
        let mut watched = None;
        for (labels, group) in groups.iter_mut().filter(|(_, group)| group.alert.is_some()) {
            let Some(ResourceLookup::Gone(since)) = labels.get(RESOURCE_ID).map(|id| query.resource(id))
            else {
                continue;
            };
            let watched = watched.get_or_insert_with(|| query.sources(&policy.matchers));
            let is_orphaned = |reporter: &&Reporter| {
                let is_watched = |source: &str| watched.iter().any(|watermark| *watermark.source == *source);
                reporter.source().is_some_and(|source| !is_watched(source))
            };
            let orphaned: Vec<Reporter> = group.states.keys().filter(is_orphaned).cloned().collect();
            for reporter in orphaned {
                let end = End { reason: "resource_gone", at: since, decided_at: now };
                transitions.extend(end.of(policy, labels, group, &reporter));
            }
        }
        groups.retain(|_, group| !group.states.is_empty());
    }

    /// What is due now.
    pub(super) fn due(&self, query: &dyn RuleQuery, interval: Duration, now: Timestamp) -> Vec<Run> {
        let sources = query.sources(&self.policy.matchers);
        schedule::due(&self.policy, &sources, &self.cursors, interval, now)
    }

    /// Evaluates every due instant of every reporter; stops a reporter's run where a query fails.
    pub(super) async fn catch_up(
        &mut self,
        query: &dyn RuleQuery,
        interval: Duration,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let mut failure = None;
        self.rewind(query);
        for run in self.due(query, interval, now) {
            if run.skipped > 0 {
                metrics::counter!("isobar_evaluate_skipped_instants_total").increment(run.skipped);
                let source = run.reporter.name();
                warn!(policy = self.policy.name, source, run.skipped, "the watermark jumped");
            }
            for at in run.instants() {
                let is_first = run.is_first && !self.cursors.contains_key(&run.reporter);
                match self.ask(query, &run, is_first, at).await {
                    Ok(seen) => {
                        self.observe(query, &run, &seen, at, now, transitions);
                        self.cursors.insert(run.reporter.clone(), at);
                    }
                    Err(error) => {
                        failure = Some(format!("{}: {error}", run.reporter.name()));
                        break;
                    }
                }
            }
        }
        self.end_orphans(query, now, transitions);
        self.note(failure);
        metrics::gauge!("isobar_evaluate_groups", "policy" => self.policy.name.clone())
            .set(self.groups.len() as f64);
    }

    /// Begins anew where a part brought its past: a region that is read first after others. What was judged at an instant is
    /// not judged there again, so that only what that part sees is.
    fn rewind(&mut self, query: &dyn RuleQuery) {
        for watermark in query.sources(&self.policy.matchers) {
            let known = self.pasts.insert(watermark.source.clone(), watermark.pasts);
            if known.is_some_and(|known| watermark.pasts > known) {
                let reporter = match self.policy.is_by_resource() {
                    true => Reporter::Source(watermark.source),
                    false => Reporter::Policy,
                };
                self.cursors.remove(&reporter);
            }
        }
    }

    /// Keeps how the tick went, and tells of a failure once, not on every tick.
    fn note(&mut self, failure: Option<String>) {
        if let Some(failure) = &failure {
            metrics::counter!("isobar_evaluate_failures_total").increment(1);
            if self.error.as_ref() != Some(failure) {
                warn!(policy = self.policy.name, failure, "evaluation failed, its alerts hold");
            }
        }
        self.error = failure;
    }

    /// The queries of one instant: the values, and only where it matters who still delivers.
    async fn ask(
        &mut self,
        query: &dyn RuleQuery,
        run: &Run,
        is_first: bool,
        at: Timestamp,
    ) -> Result<Seen, RuleQueryError> {
        let source = run.reporter.source();
        let expression = self.policy.expression(source, run.period);
        let values: BTreeMap<Labels, f64> = query.instant(&expression, at).await?.into_iter().collect();
        let has_unconfirmed = self.groups.values().any(|group| group.unconfirmed);
        if is_first && (self.policy.no_data == NoData::Alert || has_unconfirmed) {
            let expression = self.policy.freshness_expression(source, run.freshness + DISCOVERY);
            for (labels, _) in query.instant(&expression, at).await? {
                if let Some(group) = self.groups.get_mut(&labels) {
                    group.unconfirmed = false;
                }
                if self.policy.no_data == NoData::Alert {
                    self.admit(&labels, &run.reporter);
                }
            }
        }
        let missing = self
            .groups
            .iter()
            .any(|(labels, group)| group.states.contains_key(&run.reporter) && !values.contains_key(labels));
        // A value proves a sample inside `over`; where the grace is shorter it does not prove a fresh one.
        let doubtful = missing || run.freshness < self.policy.over.max(run.period);
        let matters = self.policy.no_data != NoData::Hold;
        let fresh = if doubtful && matters {
            let expression = self.policy.freshness_expression(source, run.freshness);
            let fresh = query.instant(&expression, at).await?;
            Some(fresh.into_iter().map(|(labels, _)| labels).collect())
        } else {
            None
        };
        Ok(Seen { values, fresh })
    }

    /// Makes sure the group is watched, unless there are too many.
    fn admit(&mut self, labels: &Labels, reporter: &Reporter) {
        if !self.groups.contains_key(labels) && self.groups.len() >= GROUPS_MAX {
            metrics::counter!("isobar_evaluate_groups_dropped_total").increment(1);
            return;
        }
        self.groups.entry(labels.clone()).or_default().states.entry(reporter.clone()).or_default();
    }

    /// Steps every group this reporter speaks for.
    fn observe(
        &mut self,
        query: &dyn RuleQuery,
        run: &Run,
        seen: &Seen,
        at: Timestamp,
        now: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        for labels in seen.values.keys() {
            self.admit(labels, &run.reporter);
        }
        let policy = &self.policy;
        let mut idle = Vec::new();
        for (labels, group) in &mut self.groups {
            let Some(state) = group.states.get(&run.reporter) else { continue };
            let lookup = labels.get(RESOURCE_ID).map_or(ResourceLookup::Unknown, |id| query.resource(id));
            let is_gone = matches!(lookup, ResourceLookup::Gone(since) if since <= at);
            let stretch = stretch(query, run, labels);
            if !is_gone && stretch.is_some_and(|stretch| run.is_beyond(stretch.until, at)) {
                // What the window still holds of it says nothing about this instant, and neither does that it holds nothing.
                continue;
            }
            let since = stretch.map_or(run.complete_since, |stretch| stretch.since);
            let observation = seen.observation(labels, run, since, at);
            let observation = match observation {
                _ if is_gone => Observation::Ended("resource_gone"),
                Observation::Silent(_) | Observation::Missing if group.unconfirmed => {
                    Observation::Ended("policy_changed")
                }
                Observation::Silent(_) | Observation::Missing if is_deselected(policy, &lookup) => {
                    Observation::Ended("not_selected")
                }
                other => other,
            };
            group.unconfirmed &= !matches!(observation, Observation::Value(_));
            let described = match lookup {
                ResourceLookup::Known(described) => described,
                ResourceLookup::Gone(_) | ResourceLookup::Unknown => Labels::empty(),
            };
            let criteria = policy.criteria_for(&joined(labels, &described));
            let (next, change) = step(state, &observation, at, criteria, policy.no_data);
            group.states.insert(run.reporter.clone(), next);
            let period = run.period;
            let scene = Scene { policy, labels, described: &described, period, at, decided_at: now };
            transitions.extend(change.and_then(|change| group.transition(&scene, &run.reporter, change)));
            // Only no-data needs to remember who was there; everybody else comes back with the next value.
            let is_forgettable =
                policy.no_data != NoData::Alert || matches!(observation, Observation::Ended(_));
            if is_forgettable && group.is_idle(at) {
                idle.push(labels.clone());
            }
        }
        for labels in idle {
            self.groups.remove(&labels);
        }
    }

    pub(super) fn health(&self) -> PolicyHealth {
        PolicyHealth {
            policy: self.policy.name.clone(),
            evaluated_at: self.cursors.values().min().copied(),
            error: self.error.clone(),
            groups: self.groups.len(),
        }
    }
}

/// An end that no observation tells of.
struct End {
    reason: &'static str,
    /// Event time.
    at: Timestamp,
    decided_at: Timestamp,
}

impl End {
    /// Ends what one reporter said of a group, after everything that was evaluated, and forgets it.
    fn of(
        &self,
        policy: &Policy,
        labels: &Labels,
        group: &mut Group,
        reporter: &Reporter,
    ) -> Option<Transition> {
        let state = group.states.get(reporter)?;
        let after = state.evaluated_at.map(|at| at.plus(Duration::from_millis(1)));
        let at = after.map_or(self.at, |after| self.at.max(after));
        let (next, change) =
            step(state, &Observation::Ended(self.reason), at, &policy.criteria, policy.no_data);
        group.states.insert(reporter.clone(), next);
        let described = &Labels::empty();
        let period = Duration::ZERO;
        let scene = Scene { policy, labels, described, period, at, decided_at: self.decided_at };
        let ended = change.and_then(|change| group.transition(&scene, reporter, change));
        group.states.remove(reporter);
        ended
    }
}

impl Seen {
    fn observation(&self, labels: &Labels, run: &Run, since: Timestamp, at: Timestamp) -> Observation {
        let is_stale = self.fresh.as_ref().is_some_and(|fresh| !fresh.contains(labels));
        // Silence counts only where we were listening all the time.
        if is_stale && at.since(since) >= run.freshness {
            return Observation::Silent(run.freshness);
        }
        self.values.get(labels).map_or(Observation::Missing, |value| Observation::Value(*value))
    }
}

/// Over which stretch the part of the source that sees the group's resource was read: its region may fail while others
/// deliver, or be read first long after them.
fn stretch(query: &dyn RuleQuery, run: &Run, labels: &Labels) -> Option<Stretch> {
    query.stretch(run.reporter.source()?, labels.get(RESOURCE_ID)?)
}

/// Whether the policy selects the resource no longer because it is described otherwise now (another tag, another service).
/// Only what describes resources is looked at; a tag that was taken off is not in the description any more.
fn is_deselected(policy: &Policy, lookup: &ResourceLookup) -> bool {
    let ResourceLookup::Known(described) = lookup else { return false };
    policy.matchers.iter().any(|matcher| {
        let value = described.get(matcher.name());
        let describes = value.is_some() || matcher.name().starts_with("tag_");
        describes && !matcher.matches(value.unwrap_or_default())
    })
}

/// Descriptive labels and the group's own, which win.
fn joined(labels: &Labels, described: &Labels) -> Labels {
    if described.is_empty() {
        return labels.clone();
    }
    let mut joined = described.edit();
    for (name, value) in labels.iter() {
        joined.set(name, value);
    }
    joined.build()
}

/// The end of an alert that no policy watches any more.
pub(super) fn end(alert: &Alert, reason: &str, now: Timestamp) -> Transition {
    let mut ended = alert.clone();
    ended.state = AlertState::Resolved;
    // The operator's decision, hence now and not event time.
    ended.updated_at = now.max(alert.updated_at);
    ended.ends_at = Some(ended.updated_at);
    Transition { from: Some(alert.state), reason: reason.to_owned(), decided_at: now, alert: ended }
}
