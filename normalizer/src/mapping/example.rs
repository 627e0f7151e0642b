//! Runs the examples of a record when its file is read, so that a wrong scale or label never meets real data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_saphyr::{Location, Spanned};

use super::check::IDENTITY;
use super::grammar::RawExample;
use super::record::Record;
use super::{Mapping, Mappings};
use crate::notation::{Line, read_line};
use crate::{Canonicaliser, ConfigError, Labels, METRIC_NAME, Sample, SampleRun, Timestamp};

/// Values without a time of their own stand this far apart.
const STEP: Duration = Duration::from_secs(10);

/// How far the result may lie from the example, relative to it: the figures of an example are decimal.
const TOLERANCE: f64 = 1e-9;

/// Attributes and time to value.
type Given = BTreeMap<(Labels, Timestamp), f64>;

/// Feeds the samples of each example to the record alone and compares what comes out, series by series.
pub(super) fn run(mapping: &Mapping, record: &Record, examples: &[RawExample]) -> Result<(), ConfigError> {
    let alone = Mapping { records: vec![record.clone()], ..mapping.clone() };
    let mappings = Arc::new(Mappings::default().with(alone));
    for example in examples {
        let mut samples = Vec::new();
        for text in &example.given {
            let line = read(text)?;
            let mut labels = line.labels.edit();
            if line.labels.get(&mapping.resource.native_id).is_none() {
                labels.set(mapping.resource.native_id.as_str(), "example");
            }
            let labels = labels.build();
            samples.extend(line.values.iter().map(|(at, value)| Sample {
                labels: labels.clone(),
                at: *at,
                value: *value,
            }));
        }
        let run = SampleRun { source: "example".into(), period: STEP, delay: Duration::ZERO, samples };
        let canonical = Canonicaliser::new(mappings.clone()).apply(&run);
        let got: Given = canonical.runs.into_iter().flat_map(|run| run.samples).map(described).collect();
        let place =
            example.gives.first().or(example.given.first()).map_or(Location::UNKNOWN, |text| text.referenced);
        let mut expected = Given::new();
        for text in &example.gives {
            let line = read(text)?;
            expected.extend(line.values.iter().map(|(at, value)| ((line.labels.clone(), *at), *value)));
        }
        if !agree(&got, &expected) {
            let message = format!("the example of {} gives {}", record.target.name(), shown(&got));
            return Err(ConfigError::at(place, message));
        }
        if let Some(value) =
            got.values().find(|value| !crate::is_stale(**value) && !record.target.range().admits(**value))
        {
            let message = format!(
                "{value} is no value of {}: it takes {}",
                record.target.name(),
                record.target.range()
            );
            return Err(ConfigError::at(place, message));
        }
    }
    Ok(())
}

fn read(text: &Spanned<String>) -> Result<Line, ConfigError> {
    read_line(&text.value, STEP).map_err(|error| ConfigError::at(text.referenced, error.to_string()))
}

/// A canonical sample by the attributes that distinguish it inside one record and one resource.
fn described(sample: Sample) -> ((Labels, Timestamp), f64) {
    let mut labels = sample.labels.edit();
    labels.retain(|label, _| label != METRIC_NAME && !IDENTITY.contains(&label));
    ((labels.build(), sample.at), sample.value)
}

fn agree(got: &Given, expected: &Given) -> bool {
    let close = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a - b).abs() <= TOLERANCE * b.abs();
    got.len() == expected.len() && got.iter().zip(expected).all(|((a, x), (b, y))| a == b && close(*x, *y))
}

fn shown(got: &Given) -> String {
    let value = |value: f64| if crate::is_stale(value) { "stale".to_owned() } else { value.to_string() };
    let lines = got.iter().map(|((labels, at), got)| format!("{labels} {}@{}ms", value(*got), at.millis()));
    if got.is_empty() { "nothing".to_owned() } else { lines.collect::<Vec<_>>().join(", ") }
}
