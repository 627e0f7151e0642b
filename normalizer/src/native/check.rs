//! From the grammar to compiled records: names, units, and the dimensions that must lead somewhere.

use std::sync::Arc;
use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::NativeMapping;
use super::expression::Expression;
use super::grammar::{RawExample, RawFold, RawGiven, RawInput, RawMissing, RawNative, RawRecord};
use super::identity::Naming;
use super::record::{Fold, Input, NativeRecord};
use crate::notation::read_matchers;
use crate::{ConfigError, MatchOp, Registry, Unit, Vantage};

/// The version of the grammar.
pub(crate) const SCHEMA: &str = "isobar.cloud-mapping/v1";

/// What a record's only input is called.
const ONLY: &str = "x";

/// An example, compiled.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) inputs: Vec<Option<f64>>,
    pub(super) period: Duration,
    pub(super) gives: Option<f64>,
    pub(super) place: Location,
}

/// The defaults of a file.
struct File<'a> {
    dimensions: &'a [String],
    id: Option<&'a str>,
    vantage: Option<Vantage>,
    period: Duration,
}

/// The mapping, and the examples record by record.
pub(super) fn check(raw: RawNative) -> Result<(NativeMapping, Vec<Vec<Example>>), ConfigError> {
    if raw.schema.value != SCHEMA {
        let message = format!("unknown schema {:?}: write {SCHEMA}", raw.schema.value);
        return Err(ConfigError::at(raw.schema.referenced, message));
    }
    let provider = raw
        .provider
        .value
        .parse()
        .map_err(|error| ConfigError::at(raw.provider.referenced, format!("{error}")))?;
    let Spanned { value: kind, referenced: kind_place, .. } = raw.resource.kind;
    if kind.is_empty() || kind.contains(':') {
        return Err(ConfigError::at(
            kind_place,
            "a resource type is a word without colon, like compute.instance",
        ));
    }
    if raw.namespace.value.is_empty() {
        return Err(ConfigError::at(raw.namespace.referenced, "namespace is empty"));
    }
    let name = Naming::read(raw.resource.id.as_ref(), raw.resource.inventory.as_ref())?;
    let mut mapping = NativeMapping {
        provider,
        namespace: raw.namespace.value,
        kind,
        name,
        period: raw.period.0,
        delay: raw.delay.0,
        records: Vec::new(),
    };
    let mut examples = Vec::new();
    for raw_record in raw.metrics {
        let place = raw_record.to.referenced;
        let file = File {
            dimensions: &raw.dimensions,
            id: mapping.native_name().dimension(),
            vantage: raw.vantage,
            period: mapping.period,
        };
        let (record, of_record) = record(raw_record, &file)?;
        let twin = mapping.records.iter().any(|known| {
            known.target == record.target
                && (&known.constants, &known.taken) == (&record.constants, &record.taken)
        });
        if twin {
            let twice = format!("{} with these attributes is mapped twice: keep one", record.target.name());
            return Err(ConfigError::at(place, twice));
        }
        mapping.records.push(Arc::new(record));
        examples.push(of_record);
    }
    Ok((mapping, examples))
}

fn record(raw: RawRecord, file: &File<'_>) -> Result<(NativeRecord, Vec<Example>), ConfigError> {
    let place = raw.to.referenced;
    let wrong = |message: String| ConfigError::at(place, message);
    let Some(target) = Registry::builtin().by_name(&raw.to.value).cloned() else {
        return Err(wrong(format!("{:?} is no canonical metric", raw.to.value)));
    };
    let only = match (raw.from, raw.statistic, raw.unit) {
        (Some(from), Some(statistic), Some(unit)) => Some(RawInput {
            from,
            statistic,
            unit,
            period: raw.period,
            dimensions: raw.dimensions,
            filter: raw.filter,
            fold: raw.fold,
            missing: RawMissing::Unknown,
        }),
        (None, None, None) => None,
        _ => return Err(wrong("from, statistic and unit belong together".to_owned())),
    };
    let named: Vec<(String, RawInput)> = match (only, raw.inputs) {
        (Some(only), inputs) if inputs.is_empty() => vec![(ONLY.to_owned(), only)],
        (None, inputs) if !inputs.is_empty() => inputs.into_iter().collect(),
        _ => return Err(wrong("a record has either from, statistic and unit, or inputs".to_owned())),
    };
    let (mut inputs, mut units) = (Vec::new(), Vec::new());
    for (name, raw_input) in named {
        let (base, to_base) = raw_input.unit.base();
        units.push(base);
        inputs.push(input(name, raw_input, to_base, file, raw.labels.values(), place)?);
    }
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let (value, value_place) = match &raw.value {
        Some(text) => {
            let read = Expression::read(&text.value, &names);
            (read.map_err(|message| ConfigError::at(text.referenced, message))?, text.referenced)
        }
        None if inputs.len() == 1 => (Expression::only_input(), place),
        None => {
            return Err(wrong(format!(
                "how {} become one value is missing: write value",
                names.join(" and ")
            )));
        }
    };
    let has_zero = inputs.iter().any(|input| input.is_zero_when_missing);
    if inputs.iter().all(|input| input.is_zero_when_missing) {
        return Err(wrong(
            "an input must be one whose absence means that nobody knows: no zero is made up".to_owned(),
        ));
    }
    if let Some(unread) = (0..inputs.len()).find(|input| !value.reads(*input)).filter(|_| !has_zero) {
        return Err(ConfigError::at(value_place, format!("{} is not read", inputs[unread].name)));
    }
    let unit: Unit = value.unit(&units).map_err(|message| ConfigError::at(value_place, message))?;
    let finish = unit.conversion_to(target.unit()).map_err(|_| {
        wrong(format!("{} is measured in {}, and this gives {unit}", target.name(), target.unit()))
    })?;
    for attribute in raw.attributes.keys().chain(raw.labels.keys()) {
        if !target.attributes().contains(attribute) {
            let known = target.attributes().join(", ");
            return Err(wrong(format!("{} has no attribute {attribute}: it has [{known}]", target.name())));
        }
        if raw.attributes.contains_key(attribute) && raw.labels.contains_key(attribute) {
            return Err(wrong(format!("{attribute} is both fixed and taken from a dimension: keep one")));
        }
    }
    let vantage = raw.vantage.or(file.vantage).map(|word| ("isobar_vantage".to_owned(), word.to_string()));
    if raw.examples.is_empty() {
        return Err(wrong(format!(
            "a record needs an example: what some value of {} gives",
            inputs[0].metric
        )));
    }
    let examples = raw.examples.into_iter().map(|raw| example(raw, &inputs, file.period, place));
    let examples = examples.collect::<Result<_, _>>()?;
    let constants = raw.attributes.into_iter().chain(vantage).collect();
    let taken = raw.labels.into_iter().collect();
    Ok((NativeRecord { target, inputs, value, finish, constants, taken }, examples))
}

fn input<'a>(
    name: String,
    raw: RawInput,
    to_base: crate::Conversion,
    file: &File<'_>,
    mut taken: impl Iterator<Item = &'a String>,
    place: Location,
) -> Result<Input, ConfigError> {
    let mut dimensions = raw.dimensions.unwrap_or_else(|| file.dimensions.to_vec());
    dimensions.sort();
    dimensions.dedup();
    let filters = match &raw.filter {
        Some(text) => {
            read_matchers(&text.value).map_err(|error| ConfigError::at(text.referenced, error.to_string()))?
        }
        None => Vec::new(),
    };
    if let Some(unknown) = filters.iter().find(|filter| dimensions.iter().all(|one| one != filter.name())) {
        let known = dimensions.join(", ");
        let message = format!("{} has no dimension {}: it has [{known}]", raw.from, unknown.name());
        return Err(ConfigError::at(raw.filter.as_ref().map_or(place, |text| text.referenced), message));
    }
    let taken: Vec<&String> = taken.by_ref().collect();
    if let Some(missing) = taken.iter().find(|label| !dimensions.contains(label)) {
        return Err(ConfigError::at(place, format!("{} has no dimension {missing} to take", raw.from)));
    }
    let leads_nowhere = |dimension: &&String| {
        let is_pinned =
            || filters.iter().any(|filter| filter.name() == **dimension && filter.op() == MatchOp::Equal);
        file.id != Some(dimension.as_str()) && !taken.contains(dimension) && !is_pinned()
    };
    if let Some(loose) = dimensions.iter().find(leads_nowhere).filter(|_| raw.fold.is_none()) {
        let message = format!(
            "{} has a series per {loose}: say which with where, make it an attribute with labels, or say how they become one with fold",
            raw.from
        );
        return Err(ConfigError::at(place, message));
    }
    let period = raw.period.map_or(file.period, |period| period.0);
    if period.is_zero() {
        return Err(ConfigError::at(
            place,
            format!("the period of {} is longer than nothing: write 60s", raw.from),
        ));
    }
    let fold = raw.fold.map(|fold| match fold {
        RawFold::Sum => Fold::Sum,
        RawFold::Max => Fold::Max,
        RawFold::Min => Fold::Min,
    });
    Ok(Input {
        name,
        metric: raw.from,
        statistic: raw.statistic,
        dimensions,
        period,
        filters,
        fold,
        is_zero_when_missing: matches!(raw.missing, RawMissing::Zero),
        to_base,
    })
}

fn example(
    raw: RawExample,
    inputs: &[Input],
    period: Duration,
    place: Location,
) -> Result<Example, ConfigError> {
    let place = raw.gives.as_ref().map_or(place, |gives| gives.referenced);
    let period = raw.period.map_or(period, |period| period.0);
    let values = match raw.given {
        RawGiven::Only(value) if inputs.len() == 1 => vec![Some(value)],
        RawGiven::Only(_) => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(ConfigError::at(
                place,
                format!("say whose value this is: one of {}", names.join(", ")),
            ));
        }
        RawGiven::ByName(values) => {
            if let Some(unknown) = values.keys().find(|name| inputs.iter().all(|input| input.name != **name))
            {
                return Err(ConfigError::at(place, format!("there is no input {unknown}")));
            }
            inputs.iter().map(|input| values.get(&input.name).copied()).collect()
        }
    };
    Ok(Example { inputs: values, period, gives: raw.gives.map(|gives| gives.value), place })
}
