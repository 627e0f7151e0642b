//! Alert rules and what they have fired. What the rules fire is a pure function of time; what people do to alerts is kept.

mod answer;
mod rules;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::catalogue::{Catalogue, Resource};
use super::grain::{HOUR, MINUTE};
use super::metrics::mean;
use crate::estate::{Dice, Estate, Millis};

pub(crate) use answer::{ListOf, change_state, get, history, list, summary};
pub(crate) use rules::Rule;

/// The rules were enabled so long before the origin.
const ENABLED_BEFORE: Millis = 2 * HOUR;
/// Rules look at data that is at least so old.
const LATENCY: Millis = 2 * MINUTE;
/// Evaluations in a row that must be good before an alert is resolved.
/// Source: azure-monitor-docs, articles/azure-monitor/alerts/alerts-overview.md: resolved after three.
const GOOD_TO_RESOLVE: u32 = 3;
/// Changes people made that are kept; further ones are refused.
const CHANGES_MAX: usize = 10_000;

/// One alert: an episode of a rule and a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Episode {
    pub(crate) rule: usize,
    /// Its place among the resources; none for what is about the whole subscription.
    pub(crate) resource: Option<usize>,
    pub(crate) fired: Millis,
    /// The mean over the window when it fired.
    pub(crate) value: f64,
    pub(crate) resolved: Option<Millis>,
}

/// What someone did to an alert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) at: Millis,
    pub(crate) by: String,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) comments: Option<String>,
}

/// What a rule made of a resource so far.
#[derive(Debug)]
struct Watch {
    rule: usize,
    resource: usize,
    evaluated: Millis,
    good: u32,
    episodes: Vec<Episode>,
}

/// The alerts of the subscription.
#[derive(Debug)]
pub(crate) struct Alerts {
    catalogue: Arc<Catalogue>,
    dice: Dice,
    origin: Millis,
    watches: Mutex<Vec<Watch>>,
    changes: Mutex<HashMap<String, Vec<Change>>>,
}

impl Alerts {
    pub(crate) fn new(estate: &Estate, catalogue: Arc<Catalogue>) -> Self {
        let mut watches = Vec::new();
        for (rule, its) in rules::RULES.iter().enumerate() {
            let watched = catalogue.resources.iter().enumerate().filter(|(_, it)| it.kind == its.kind);
            watches.extend(watched.map(|(resource, _)| Watch {
                rule,
                resource,
                evaluated: (estate.origin() - ENABLED_BEFORE).div_euclid(MINUTE) * MINUTE,
                good: 0,
                episodes: Vec::new(),
            }));
        }
        Self {
            catalogue,
            dice: Dice::new(estate.seed()),
            origin: estate.origin(),
            watches: Mutex::new(watches),
            changes: Mutex::default(),
        }
    }

    /// The alerts until `now`, in the order they fired.
    pub(crate) fn episodes(&self, now: Millis) -> Vec<Episode> {
        let mut watches = self.watches.lock();
        let mut all: Vec<Episode> = rules::standing(self.origin).filter(|it| it.fired <= now).collect();
        for watch in watches.iter_mut() {
            let resource = &self.catalogue.resources[watch.resource];
            extend(watch, &rules::RULES[watch.rule], resource, now);
            // A clock that went back sees what there was.
            let known = watch.episodes.iter().filter(|it| it.fired <= now).cloned();
            all.extend(known.map(|it| Episode { resolved: it.resolved.filter(|at| *at <= now), ..it }));
        }
        all.sort_by_key(|it| (it.fired, it.rule, it.resource));
        all
    }

    /// The id of an alert: the same on every run with the same seed.
    pub(crate) fn id(&self, episode: &Episode) -> String {
        let target = episode.resource.map_or("subscription", |it| self.catalogue.resources[it].id.as_str());
        self.dice.uuid(&format!("azure alert {} {target} {}", episode.rule, episode.fired - self.origin))
    }

    pub(crate) fn rule(&self, episode: &Episode) -> &'static Rule {
        rules::rule(episode.rule)
    }

    pub(crate) fn resource(&self, episode: &Episode) -> Option<&Resource> {
        episode.resource.map(|it| &self.catalogue.resources[it])
    }

    /// What people did to an alert, oldest first.
    pub(crate) fn changes(&self, id: &str) -> Vec<Change> {
        self.changes.lock().get(id).cloned().unwrap_or_default()
    }

    /// Notes what someone did to an alert; false when too much is noted already.
    pub(crate) fn change(&self, id: &str, change: Change) -> bool {
        let mut changes = self.changes.lock();
        if changes.values().map(Vec::len).sum::<usize>() >= CHANGES_MAX {
            return false;
        }
        changes.entry(id.to_owned()).or_default().push(change);
        true
    }
}

/// Evaluates a rule once a minute until `now`.
fn extend(watch: &mut Watch, rule: &Rule, resource: &Resource, now: Millis) {
    let Some((_, series)) = resource.metric(rule.metric) else { return };
    while watch.evaluated + MINUTE <= now {
        watch.evaluated += MINUTE;
        let end = watch.evaluated - LATENCY;
        // Without data nothing is decided.
        let Some(sample) = mean(series, end - rule.window, end) else { continue };
        let value = rule.aggregation.of(sample);
        let firing = watch.episodes.last().is_some_and(|it| it.resolved.is_none());
        if value > rule.threshold {
            watch.good = 0;
            if !firing {
                let fired = watch.evaluated;
                let (rule, resource) = (watch.rule, Some(watch.resource));
                watch.episodes.push(Episode { rule, resource, fired, value, resolved: None });
            }
        } else {
            watch.good += 1;
            if firing
                && watch.good >= GOOD_TO_RESOLVE
                && let Some(last) = watch.episodes.last_mut()
            {
                last.resolved = Some(watch.evaluated);
            }
        }
    }
}

#[cfg(test)]
mod tests;
