//! One batch of measurements onto canonical series. No state: what is read again is computed again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::record::{Input, NativeRecord};
use super::{Measurement, NativeMapping, NativeMappings};
use crate::{Labels, METRIC_NAME, Provider, Sample, SampleRun, Timestamp};

/// What a batch gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aligned {
    /// Canonical samples, and raw ones of what no record takes; one run for each period and delay, times ascending inside a
    /// series. To be upserted by series and timestamp.
    pub runs: Vec<SampleRun>,
    /// How many measurements some record took.
    pub mapped: usize,
    /// How many were kept raw.
    pub unmapped: usize,
}

/// A canonical series in the making.
struct Series<'a> {
    record: &'a NativeRecord,
    labels: Labels,
    period: Duration,
    delay: Duration,
    inputs: Vec<BTreeMap<Timestamp, f64>>,
}

/// A series of one period: its labels are unique in a batch but for two records that feed it.
type SeriesKey = (*const NativeRecord, Labels, Duration);

impl NativeMappings {
    /// Computes the canonical samples that follow from a batch. Every input of a formula must be in it: a value whose inputs
    /// are not all there is missing, and so is what is divided by zero. A measurement that no record takes is kept raw,
    /// under `aws.ec2.cpu_utilization` with its resource, statistic and dimensions as labels.
    pub fn align(&self, source: &Arc<str>, measurements: &[Measurement]) -> Aligned {
        let mut series: Vec<Series<'_>> = Vec::new();
        let mut places: HashMap<SeriesKey, usize> = HashMap::new();
        let mut runs: BTreeMap<(Duration, Duration), Vec<Sample>> = BTreeMap::new();
        let (mut mapped, mut unmapped) = (0, 0);
        for measurement in measurements {
            let points: BTreeMap<Timestamp, f64> =
                measurement.points.iter().copied().filter(|(_, value)| value.is_finite()).collect();
            let mut is_taken = false;
            for (record, place, input) in self.takers(measurement) {
                is_taken = true;
                let labels = canonical_labels(record, measurement, source);
                let key = (std::ptr::from_ref(record), labels, measurement.period);
                let index = *places.entry(key).or_insert_with_key(|(_, labels, period)| {
                    let inputs = vec![BTreeMap::new(); record.inputs.len()];
                    series.push(Series {
                        record,
                        labels: labels.clone(),
                        period: *period,
                        delay: measurement.delay,
                        inputs,
                    });
                    series.len() - 1
                });
                let known = &mut series[index].inputs[place];
                for (at, value) in &points {
                    let folded = input
                        .fold
                        .zip(known.get(at))
                        .map_or(*value, |(fold, known)| fold.apply(*known, *value));
                    known.insert(*at, folded);
                }
            }
            if is_taken {
                mapped += 1;
            } else {
                unmapped += 1;
                let labels = raw_labels(measurement, self.mapping_of(measurement), source);
                let samples =
                    points.into_iter().map(|(at, value)| Sample { labels: labels.clone(), at, value });
                runs.entry((measurement.period, measurement.delay)).or_default().extend(samples);
            }
        }
        for one in &series {
            runs.entry((one.period, one.delay)).or_default().extend(one.samples());
        }
        let runs = runs.into_iter().filter(|(_, samples)| !samples.is_empty());
        let runs = runs.map(|((period, delay), samples)| SampleRun {
            source: source.clone(),
            period,
            delay,
            samples,
        });
        Aligned { runs: runs.collect(), mapped, unmapped }
    }

    fn mapping_of(&self, measurement: &Measurement) -> Option<&NativeMapping> {
        let (provider, _, _, kind, _) = measurement.resource.parts();
        self.get(provider, &measurement.namespace, kind)
    }

    /// The records that take the measurement, and as which input.
    fn takers<'a>(
        &'a self,
        measurement: &'a Measurement,
    ) -> impl Iterator<Item = (&'a NativeRecord, usize, &'a Input)> {
        let Measurement { metric, statistic, dimensions, .. } = measurement;
        let records = self.mapping_of(measurement).map_or(&[][..], |mapping| &mapping.records);
        records.iter().flat_map(move |record| {
            let taking = record.inputs.iter().enumerate();
            let taking = taking.filter(|(_, input)| input.takes(metric, statistic, dimensions));
            taking.map(|(place, input)| (&**record, place, input))
        })
    }
}

impl Series<'_> {
    fn samples(&self) -> impl Iterator<Item = Sample> {
        let times: BTreeSet<Timestamp> = self.inputs.iter().flat_map(BTreeMap::keys).copied().collect();
        times.into_iter().filter_map(|at| {
            let inputs: Vec<Option<f64>> = self.inputs.iter().map(|input| input.get(&at).copied()).collect();
            let value = self.record.value(&inputs, self.period)?;
            Some(Sample { labels: self.labels.clone(), at, value })
        })
    }
}

fn canonical_labels(record: &NativeRecord, measurement: &Measurement, source: &str) -> Labels {
    let mut labels = Labels::empty().edit();
    labels.set(METRIC_NAME, record.target.name());
    labels.set("resource_id", measurement.resource.as_str());
    labels.set("source", source);
    for (attribute, value) in &record.constants {
        labels.set(attribute.as_str(), value.as_str());
    }
    for (attribute, dimension) in &record.taken {
        labels.set(attribute.as_str(), measurement.dimensions.get(dimension).unwrap_or_default());
    }
    labels.build()
}

/// Labels of what no record takes. Dimensions come as label names; the one that names the resource is left out.
fn raw_labels(measurement: &Measurement, mapping: Option<&NativeMapping>, source: &str) -> Labels {
    let (provider, ..) = measurement.resource.parts();
    let named_by = mapping.and_then(|mapping| mapping.native_name().dimension());
    let mut labels = Labels::empty().edit();
    for (dimension, value) in measurement.dimensions.iter().filter(|(name, _)| Some(*name) != named_by) {
        labels.set(snake(dimension), value);
    }
    labels.set(METRIC_NAME, raw_name(provider, &measurement.namespace, &measurement.metric));
    labels.set("resource_id", measurement.resource.as_str());
    labels.set("source", source);
    labels.set("statistic", snake(&measurement.statistic));
    labels.build()
}

/// `aws.ec2.cpu_utilization` for `CPUUtilization` of `AWS/EC2`.
fn raw_name(provider: Provider, namespace: &str, metric: &str) -> String {
    let own =
        namespace.strip_prefix("AWS/").or_else(|| namespace.strip_prefix("Microsoft.")).unwrap_or(namespace);
    let own: Vec<String> = own.split(['/', '.']).map(snake).collect();
    format!("{provider}.{}.{}", own.join("."), snake(metric))
}

/// `CPUUtilization` as `cpu_utilization`: a capital begins a word after a small letter, and before one.
fn snake(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut snake = String::with_capacity(text.len() + 4);
    for (place, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            continue;
        }
        let before = place.checked_sub(1).map(|before| letters[before]);
        let is_start = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                let next_is_small = letters.get(place + 1).is_some_and(char::is_ascii_lowercase);
                before.is_ascii_lowercase() || (before.is_ascii_alphanumeric() && next_is_small)
            });
        if is_start && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    let end = snake.trim_end_matches('_').len();
    snake.truncate(end);
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_spellings_become_one() {
        for (metric, expected) in [
            ("CPUUtilization", "cpu_utilization"),
            ("HTTPCode_Target_5XX_Count", "http_code_target_5xx_count"),
            ("Percentage CPU", "percentage_cpu"),
            ("mem_used_percent", "mem_used_percent"),
            ("NumberOfMessagesSent", "number_of_messages_sent"),
            ("p99.9", "p99_9"),
            ("Data/Sent (total)", "data_sent_total"),
        ] {
            assert_eq!(snake(metric), expected);
        }
        assert_eq!(raw_name(Provider::Aws, "AWS/EC2", "CPUUtilization"), "aws.ec2.cpu_utilization");
        let azure = raw_name(Provider::Azure, "Microsoft.Compute/virtualMachines", "Percentage CPU");
        assert_eq!(azure, "azure.compute.virtual_machines.percentage_cpu");
    }
}
