//! Mapping files: which source metrics feed which canonical metric, through which steps.
//!
//! A file is one YAML document per provider and service, read and checked as a whole: the units must lead to the
//! canonical unit, and every record must carry examples that come out right. `mappings/prometheus/node_exporter.yaml`
//! shows the grammar.

mod check;
mod example;
mod grammar;
mod record;

use std::collections::{BTreeSet, HashMap};

use crate::{ConfigError, Provider};

pub(crate) use check::SCHEMA;
pub(crate) use record::{Branch, Counter, Record};

/// One mapping file that was read and found right.
#[derive(Clone, Debug)]
pub struct Mapping {
    namespace: String,
    resource: ResourceRule,
    records: Vec<Record>,
}

/// How a series' labels name the resource it measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourceRule {
    pub(crate) provider: Provider,
    pub(crate) kind: String,
    /// The label that holds the native id.
    pub(crate) native_id: String,
    /// The metric and the label of it that hold the resource's name, where there is one.
    pub(crate) name: Option<(String, String)>,
    /// The label of that metric that holds the resource's service, where a target carries one.
    pub(crate) service: Option<String>,
}

impl Mapping {
    /// Reads a mapping file, checks units and labels, and runs its examples.
    ///
    /// # Errors
    /// The first thing wrong, with line and column: an unknown key or canonical metric, steps in an order that has no
    /// meaning, units that do not fit, an attribute whose label the steps remove, a target given twice, an example that
    /// is missing or comes out otherwise.
    pub fn load(text: &str) -> Result<Self, ConfigError> {
        let raw: grammar::RawMapping = serde_saphyr::from_str(text)?;
        let (mapping, examples) = check::check(raw)?;
        for (record, examples) in mapping.records.iter().zip(examples) {
            example::run(&mapping, record, &examples)?;
        }
        Ok(mapping)
    }

    /// The service it maps, `node_exporter`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Who runs its resources.
    pub fn provider(&self) -> Provider {
        self.resource.provider
    }

    /// The canonical metrics it feeds, each with the source metrics it takes, in the order of the file.
    pub fn targets(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.records.iter().map(|record| {
            let metrics = record.branches().map(|branch| branch.metric.as_str()).collect();
            (record.target.name(), metrics)
        })
    }
}

/// Mapping files together, ready to be looked up by source metric.
#[derive(Clone, Debug, Default)]
pub struct Mappings {
    mappings: Vec<Mapping>,
    uses: HashMap<String, Vec<Use>>,
}

/// One place where a source metric is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// As an operand of a record.
    Operand { record: RecordIndex, side: Side },
    /// To learn the name of a mapping's resources.
    Name { mapping: usize },
}

/// A record's place: its mapping and its number there. Earlier records win where two feed one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordIndex {
    pub(crate) mapping: usize,
    pub(crate) record: usize,
}

/// Which operand of a formula; a record without formula has the left one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Mappings {
    /// The mappings this version carries.
    pub fn builtin() -> Self {
        let texts = [
            include_str!("../mappings/prometheus/node_exporter.yaml"),
            include_str!("../mappings/prometheus/prometheus.yaml"),
        ];
        texts.into_iter().fold(Self::default(), |all, text| {
            all.with(Mapping::load(text).expect("the embedded mappings are read by the tests"))
        })
    }

    /// Adds a mapping; one of the same namespace is replaced, so that a user's file overrides the one carried.
    #[must_use]
    pub fn with(mut self, mapping: Mapping) -> Self {
        match self.mappings.iter_mut().find(|known| known.namespace == mapping.namespace) {
            Some(known) => *known = mapping,
            None => self.mappings.push(mapping),
        }
        self.uses.clear();
        for (index, mapping) in self.mappings.iter().enumerate() {
            for (number, record) in mapping.records.iter().enumerate() {
                let place = RecordIndex { mapping: index, record: number };
                for (branch, side) in record.branches().zip([Side::Left, Side::Right]) {
                    let uses = self.uses.entry(branch.metric.clone()).or_default();
                    uses.push(Use::Operand { record: place, side });
                }
            }
            if let Some((metric, _)) = &mapping.resource.name {
                self.uses.entry(metric.clone()).or_default().push(Use::Name { mapping: index });
            }
        }
        self
    }

    /// Every mapping, those carried first.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.iter()
    }

    /// The names of the source metrics any mapping takes, sorted: what to read back after a restart.
    pub fn source_metrics(&self) -> impl Iterator<Item = &str> {
        self.uses.keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    /// Where a source metric is wanted; empty for most.
    pub(crate) fn uses(&self, metric: &str) -> &[Use] {
        self.uses.get(metric).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn record(&self, index: RecordIndex) -> &Record {
        &self.mappings[index.mapping].records[index.record]
    }

    pub(crate) fn resource_rule(&self, mapping: usize) -> &ResourceRule {
        &self.mappings[mapping].resource
    }
}

#[cfg(test)]
mod tests;
