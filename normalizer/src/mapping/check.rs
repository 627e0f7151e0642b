//! From the grammar to compiled records: the order of steps, the algebra of units, the labels that must survive.

use serde_saphyr::{Location, Spanned};

use super::grammar::{RawExample, RawGroup, RawMapping, RawOperand, RawRecord, RawResource, RawStep};
use super::record::{Affine, Branch, Counter, Fold, Formula, Group, Kept, Record};
use super::{Mapping, ResourceRule};
use crate::notation::read_matchers;
use crate::{ConfigError, Registry, Unit, Vantage};

/// The version of the grammar.
pub(crate) const SCHEMA: &str = "isobar.mapping/v1";

/// Labels that identify every canonical series and are no attributes.
pub(super) const IDENTITY: [&str; 3] = ["resource_id", "source", "isobar_vantage"];

/// The mapping without its examples, and the examples record by record.
pub(super) fn check(raw: RawMapping) -> Result<(Mapping, Vec<Vec<RawExample>>), ConfigError> {
    if raw.schema.value != SCHEMA {
        return Err(ConfigError::at(
            raw.schema.referenced,
            format!("unknown schema {:?}: write {SCHEMA}", raw.schema.value),
        ));
    }
    not_empty(&raw.namespace, "namespace")?;
    let resource = resource_rule(raw.resource)?;
    let mut mapping = Mapping { namespace: raw.namespace.value, resource, records: Vec::new() };
    let mut examples = Vec::new();
    for raw_record in raw.metrics {
        let place = raw_record.to.referenced;
        let (record, of_record) = record(raw_record, raw.vantage, &mapping.resource)?;
        let twin = mapping.records.iter().any(|known| {
            known.target == record.target
                && (&known.constants, &known.taken) == (&record.constants, &record.taken)
        });
        if twin {
            let twice = format!("{} with these attributes is mapped twice: keep one", record.target.name());
            return Err(ConfigError::at(place, twice));
        }
        mapping.records.push(record);
        examples.push(of_record);
    }
    Ok((mapping, examples))
}

fn not_empty(text: &Spanned<String>, what: &str) -> Result<(), ConfigError> {
    if text.value.is_empty() {
        Err(ConfigError::at(text.referenced, format!("{what} is empty")))
    } else {
        Ok(())
    }
}

fn resource_rule(raw: RawResource) -> Result<ResourceRule, ConfigError> {
    not_empty(&raw.native_id, "native_id")?;
    if raw.kind.value.is_empty() || raw.kind.value.contains(':') {
        return Err(ConfigError::at(
            raw.kind.referenced,
            "a resource type is a word without colon, like host",
        ));
    }
    if let Some(service) = raw.service.as_ref().filter(|_| raw.name.is_none()) {
        let message = "service is a label of the metric that gives the name: give name: {metric, label} too";
        return Err(ConfigError::at(service.referenced, message));
    }
    let provider = raw.provider.value.parse();
    Ok(ResourceRule {
        provider: provider.map_err(|error| ConfigError::at(raw.provider.referenced, format!("{error}")))?,
        kind: raw.kind.value,
        native_id: raw.native_id.value,
        name: raw.name.map(|name| (name.metric, name.label)),
        service: raw.service.map(|service| service.value),
    })
}

fn record(
    raw: RawRecord,
    vantage: Option<Vantage>,
    resource: &ResourceRule,
) -> Result<(Record, Vec<RawExample>), ConfigError> {
    let place = raw.to.referenced;
    let wrong = |message: String| Err(ConfigError::at(place, message));
    let Some(target) = Registry::builtin().by_name(&raw.to.value).cloned() else {
        return wrong(format!("{:?} is no canonical metric", raw.to.value));
    };
    let mut steps = Steps::new(raw.from, raw.unit);
    for step in raw.steps {
        steps.take(step)?;
    }
    let Ok(conversion) = steps.unit.conversion_to(target.unit()) else {
        return wrong(format!(
            "{} is measured in {}, and the steps give {}",
            target.name(),
            target.unit(),
            steps.unit
        ));
    };
    let (over, under) = conversion.parts();
    let (left, formula, finish) = steps.finish(over, under);

    for attribute in raw.attributes.keys().chain(raw.labels.keys()) {
        if !target.attributes().contains(attribute) {
            let known = target.attributes().join(", ");
            return wrong(format!("{} has no attribute {attribute}: it has [{known}]", target.name()));
        }
        if raw.attributes.contains_key(attribute) && raw.labels.contains_key(attribute) {
            return wrong(format!("{attribute} is both fixed and taken from a label: keep one"));
        }
    }
    let vantage = raw.vantage.or(vantage).map(|word| ("isobar_vantage".to_owned(), word.to_string()));
    let record = Record {
        target,
        left,
        formula,
        finish,
        constants: raw.attributes.into_iter().chain(vantage).collect(),
        taken: raw.labels.into_iter().collect(),
    };
    let needed = record.taken.iter().map(|(_, label)| label).chain([&resource.native_id]);
    for label in needed {
        if let Some(branch) = record.branches().find(|branch| !branch.keeps(label)) {
            return wrong(format!("the label {label} is needed, but the steps of {} drop it", branch.metric));
        }
    }
    if raw.examples.is_empty() {
        return wrong(format!("a record needs an example: what some samples of {} give", record.left.metric));
    }
    Ok((record, raw.examples))
}

/// A chain of steps as far as it has been read.
struct Steps {
    left: Branch,
    formula: Option<(Formula, Branch)>,
    finish: Affine,
    unit: Unit,
    phase: Phase,
}

/// How far a chain has come; it never goes back, because a step that comes too late would have no meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Filtering,
    Each,
    Whole,
    Result,
}

impl Steps {
    fn new(metric: String, unit: Unit) -> Self {
        let left = Branch {
            metric,
            filters: Vec::new(),
            counter: None,
            each: Affine::IDENTITY,
            group: None,
            whole: Affine::IDENTITY,
        };
        Self { left, formula: None, finish: Affine::IDENTITY, unit, phase: Phase::Filtering }
    }

    fn take(&mut self, step: Spanned<RawStep>) -> Result<(), ConfigError> {
        let Spanned { value: step, referenced: place, .. } = step;
        let wrong = |message: &str| Err(ConfigError::at(place, message));
        match step {
            RawStep::Filter(_) if self.phase > Phase::Filtering => {
                wrong("a filter stands before every other step")
            }
            RawStep::Filter(text) => {
                let filters =
                    read_matchers(&text).map_err(|error| ConfigError::at(place, error.to_string()))?;
                self.left.filters.extend(filters);
                Ok(())
            }
            RawStep::Rate | RawStep::Delta if self.phase > Phase::Filtering => wrong(
                "rate and delta read the counter itself: only filters may stand before them, \
                       because other steps would hide its resets",
            ),
            RawStep::Rate => {
                self.left.counter = Some(Counter::Rate);
                self.unit = self.unit.per_second();
                self.phase = Phase::Each;
                Ok(())
            }
            RawStep::Delta => {
                self.left.counter = Some(Counter::Delta);
                self.phase = Phase::Each;
                Ok(())
            }
            RawStep::Scale(scale) if !scale.factor.is_finite() || scale.factor == 0.0 => {
                wrong("a factor is a finite number other than 0")
            }
            RawStep::Scale(scale) => {
                self.unit = self.unit.times(&scale.unit);
                self.map(|affine| affine.scaled(scale.factor, 1.0));
                Ok(())
            }
            RawStep::Invert if !self.unit.is_ratio() => {
                let message = format!("only a ratio can be inverted, and this is in {}", self.unit);
                Err(ConfigError::at(place, message))
            }
            RawStep::Invert => {
                let whole = self.unit.whole();
                self.map(|affine| affine.inverted(whole));
                Ok(())
            }
            RawStep::Sum(group) => self.group(Fold::Sum, group, place),
            RawStep::Avg(group) => self.group(Fold::Avg, group, place),
            RawStep::Count(group) => self.group(Fold::Count, group, place),
            RawStep::Ratio(operand) => self.join(Formula::Ratio, operand, place),
            RawStep::Difference(operand) => self.join(Formula::Difference, operand, place),
        }
    }

    /// Adds to the affine part of wherever the chain has come to.
    fn map(&mut self, change: impl FnOnce(Affine) -> Affine) {
        self.phase = self.phase.max(Phase::Each);
        let place = match self.phase {
            Phase::Filtering | Phase::Each => &mut self.left.each,
            Phase::Whole => &mut self.left.whole,
            Phase::Result => &mut self.finish,
        };
        *place = change(*place);
    }

    fn group(&mut self, fold: Fold, raw: RawGroup, place: Location) -> Result<(), ConfigError> {
        if self.phase >= Phase::Whole {
            let message = "series are grouped once, and before a formula: a ratio of sums is right, a sum of ratios is not";
            return Err(ConfigError::at(place, message));
        }
        let kept = match (raw.by, raw.without) {
            (Some(labels), None) => Kept::By(labels),
            (None, Some(labels)) => Kept::Without(labels),
            _ => {
                return Err(ConfigError::at(
                    place,
                    "a group needs the labels it keeps or drops: write by or without",
                ));
            }
        };
        if fold == Fold::Count {
            self.unit = Unit::thing();
        }
        self.left.group = Some(Group { fold, kept });
        self.phase = Phase::Whole;
        Ok(())
    }

    fn join(&mut self, formula: Formula, operand: RawOperand, place: Location) -> Result<(), ConfigError> {
        let wrong = |message: String| Err(ConfigError::at(place, message));
        if self.formula.is_some() {
            return wrong("a formula has two operands: this would be the third".to_owned());
        }
        let mut right = Self::new(operand.from, operand.unit);
        for step in operand.steps {
            right.take(step)?;
        }
        if right.formula.is_some() {
            return wrong("an operand of a formula is no formula itself".to_owned());
        }
        self.unit = match formula {
            Formula::Ratio => self.unit.over(&right.unit),
            Formula::Difference if self.unit == right.unit => self.unit.clone(),
            Formula::Difference => {
                return wrong(format!("{} cannot be taken from {}", right.unit, self.unit));
            }
        };
        self.formula = Some((formula, right.left));
        self.phase = Phase::Result;
        Ok(())
    }

    /// Adds the conversion to the canonical unit and hands over the parts.
    fn finish(mut self, over: f64, under: f64) -> (Branch, Option<(Formula, Branch)>, Affine) {
        self.finish = self.finish.scaled(over, under);
        (self.left, self.formula, self.finish)
    }
}
