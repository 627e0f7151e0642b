//! Inhibition: an alert that fires keeps others quiet that say less.
//!
//! Source: prometheus/alertmanager `inhibit` and `config/common` (0.34).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::{Labels, Matcher};

/// One entry of `inhibit_rules`. It inhibits an alert that its target matchers match while, for each of its sources, an
/// alert fires that this source matches and that has the same values of the source's `equal` labels.
///
/// So that an alert never inhibits itself nor two each other, what is a target and could be a source too is inhibited
/// only by alerts that are no targets.
#[derive(Clone, Debug, PartialEq)]
pub struct InhibitRule {
    /// Where it has one; need not be unique.
    pub name: Option<Arc<str>>,
    /// At least one; there must be an alert for each.
    pub sources: Vec<InhibitSource>,
    /// All must match the alert that is inhibited; none match every alert.
    pub target: Vec<Matcher>,
}

/// Which alerts inhibit.
#[derive(Clone, Debug, PartialEq)]
pub struct InhibitSource {
    /// All must match; none match every alert.
    pub matchers: Vec<Matcher>,
    /// Labels whose values must be the same on both sides; a missing one counts as empty.
    pub equal: BTreeSet<Arc<str>>,
}

/// By what an alert is inhibited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inhibitor {
    /// Place of the rule in the configuration, from 0.
    pub rule: usize,
    /// Fingerprint of an alert that fires.
    pub source: u64,
}

/// The rules, and which alerts are firing sources of which of them.
///
/// Asking costs one look per rule however many alerts fire; memory grows with the firing sources only.
#[derive(Clone, Debug)]
pub struct Inhibitions {
    rules: Arc<[InhibitRule]>,
    /// For each rule and each of its sources, the firing alerts by the values of their `equal` labels.
    firing: Vec<Vec<HashMap<Values, Firing>>>,
    /// Where each firing alert stands in `firing`.
    places: HashMap<u64, Vec<Place>>,
}

/// Values of labels in the order of their names, each ended by a byte that no text holds.
type Values = Vec<u8>;

/// Firing alerts with the same values; lowest fingerprint first, so that the answer does not depend on the order of events.
#[derive(Clone, Debug, Default)]
struct Firing {
    sources_only: BTreeSet<u64>,
    targets_too: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Place {
    rule: usize,
    source: usize,
    values: Values,
}

impl Inhibitions {
    /// Nothing fires yet.
    pub fn new(rules: impl Into<Arc<[InhibitRule]>>) -> Self {
        let rules = rules.into();
        let firing = rules.iter().map(|rule| vec![HashMap::new(); rule.sources.len()]).collect();
        Self { rules, firing, places: HashMap::new() }
    }

    /// The rules, in the order of the configuration.
    pub fn rules(&self) -> &[InhibitRule] {
        &self.rules
    }

    /// Takes note of an alert as it is now. Its labels may have changed; its fingerprint has not. One that is pending or
    /// resolved is no source.
    pub fn update(&mut self, fingerprint: u64, labels: &Labels, is_firing: bool) {
        self.forget(fingerprint);
        if !is_firing {
            return;
        }
        let mut places = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let mut is_target = None;
            for (number, source) in rule.sources.iter().enumerate() {
                if !all_match(&source.matchers, labels) {
                    continue;
                }
                let values = values(&source.equal, labels);
                let firing = self.firing[index][number].entry(values.clone()).or_default();
                if *is_target.get_or_insert_with(|| all_match(&rule.target, labels)) {
                    firing.targets_too.insert(fingerprint);
                } else {
                    firing.sources_only.insert(fingerprint);
                }
                places.push(Place { rule: index, source: number, values });
            }
        }
        if !places.is_empty() {
            self.places.insert(fingerprint, places);
        }
    }

    /// Takes an alert out that is not known any more.
    pub fn forget(&mut self, fingerprint: u64) {
        for Place { rule, source, values } in self.places.remove(&fingerprint).unwrap_or_default() {
            let by_values = &mut self.firing[rule][source];
            let Some(firing) = by_values.get_mut(&values) else { continue };
            firing.sources_only.remove(&fingerprint);
            firing.targets_too.remove(&fingerprint);
            if firing.sources_only.is_empty() && firing.targets_too.is_empty() {
                by_values.remove(&values);
            }
        }
    }

    /// What inhibits an alert with these labels: for every rule that does, in their order, one alert for each of its
    /// sources. Empty: it is not inhibited.
    pub fn inhibitors(&self, labels: &Labels) -> Vec<Inhibitor> {
        let mut inhibitors = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            if all_match(&rule.target, labels) {
                inhibitors.extend(self.inhibitors_by(index, labels).unwrap_or_default());
            }
        }
        inhibitors
    }

    /// One alert for each source of the rule, whose target the labels are; `None` when one of them has none.
    fn inhibitors_by(&self, index: usize, labels: &Labels) -> Option<Vec<Inhibitor>> {
        let rule = &self.rules[index];
        let is_source = rule.sources.iter().any(|source| all_match(&source.matchers, labels));
        let mut inhibitors = Vec::with_capacity(rule.sources.len());
        for (source, by_values) in rule.sources.iter().zip(&self.firing[index]) {
            let firing = by_values.get(&values(&source.equal, labels))?;
            let allowed = if is_source { None } else { firing.targets_too.first() };
            let source = *firing.sources_only.first().or(allowed)?;
            inhibitors.push(Inhibitor { rule: index, source });
        }
        inhibitors.dedup();
        Some(inhibitors)
    }
}

fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
}

fn values(names: &BTreeSet<Arc<str>>, labels: &Labels) -> Values {
    let mut values = Values::new();
    for name in names {
        values.extend_from_slice(labels.get(name).unwrap_or_default().as_bytes());
        values.push(0xff);
    }
    values
}

#[cfg(test)]
mod tests;
