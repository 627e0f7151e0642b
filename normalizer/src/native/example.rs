//! Runs the examples of a record when its file is read, so that a wrong scale never meets real data.

use super::check::Example;
use super::record::NativeRecord;
use crate::ConfigError;

/// How far the result may lie from the example, relative to it: the figures of an example are decimal.
const TOLERANCE: f64 = 1e-9;

/// Compares what each example gives with what it should, and with the values the canonical metric can take.
pub(super) fn run(record: &NativeRecord, examples: &[Example]) -> Result<(), ConfigError> {
    for example in examples {
        let got = record.value(&example.inputs, example.period);
        let is_right = match (got, example.gives) {
            (Some(got), Some(expected)) => (got - expected).abs() <= TOLERANCE * expected.abs(),
            (got, expected) => got == expected,
        };
        let name = record.target.name();
        if !is_right {
            let shown = got.map_or("nothing".to_owned(), |got| got.to_string());
            return Err(ConfigError::at(example.place, format!("the example of {name} gives {shown}")));
        }
        if let Some(value) = got.filter(|value| !record.target.range().admits(*value)) {
            let range = record.target.range();
            return Err(ConfigError::at(
                example.place,
                format!("{value} is no value of {name}: it takes {range}"),
            ));
        }
    }
    Ok(())
}
