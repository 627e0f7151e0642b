//! Answers of `Metrics - List` and `Metrics - Batch`.

use serde_json::{Map, Value, json};

use super::super::catalogue::{Metric, Resource, Series};
use super::super::error::ApiError;
use super::super::grain::{DAY, MINUTE, write_duration, write_time};
use super::super::sample::Aggregation;
use super::points::View;
use super::query::Query;
use crate::estate::{Dice, Millis};
use crate::faults::Fault;
use crate::server::Asked;

/// One item in five fails under the faults that let some fail.
const SOME: f64 = 0.2;

struct Answer<'a> {
    query: &'a Query,
    view: View,
    asked: &'a Asked,
    resource: &'a Resource,
    grain: Option<Millis>,
}

/// Dimensions with their values.
type Labels = Vec<(String, String)>;

/// One series of the answer.
struct Line {
    labels: Labels,
    weight: f64,
    data: Vec<Value>,
}

/// Answers `Metrics - List` for one resource.
pub(crate) fn list(
    query: &Query,
    asked: &Asked,
    begins: Millis,
    resource: &Resource,
) -> Result<Value, ApiError> {
    let (grain, value) = values(query, asked, begins, resource)?;
    let interval = write_duration(grain.unwrap_or(query.to - query.from));
    Ok(json!({
        "cost": cost(query, grain, value.len()),
        "timespan": format!("{}/{}", write_time(query.from), write_time(query.to)),
        "interval": interval,
        "value": value,
        "namespace": query.namespace.as_deref().unwrap_or(resource.kind),
        "resourceregion": resource.region,
    }))
}

/// Answers `Metrics - Batch` for one of its resources.
pub(crate) fn batch(
    query: &Query,
    asked: &Asked,
    begins: Millis,
    resource: &Resource,
) -> Result<Value, ApiError> {
    let (grain, value) = values(query, asked, begins, resource)?;
    let interval = write_duration(grain.unwrap_or(query.to - query.from));
    Ok(json!({
        "cost": cost(query, grain, value.len()),
        "starttime": write_time(query.from),
        "endtime": write_time(query.to),
        "interval": interval,
        "value": value,
        "namespace": resource.kind.to_lowercase(),
        "resourceregion": resource.region,
        "resourceid": resource.id,
    }))
}

/// What a query weighs: a minute less for each point, as far as anyone outside can tell.
fn cost(query: &Query, grain: Option<Millis>, metrics: usize) -> i64 {
    let points = grain.map_or(1, |grain| (query.to - query.from) / grain);
    (points * metrics as i64 - 1).max(0)
}

fn values(
    query: &Query,
    asked: &Asked,
    begins: Millis,
    resource: &Resource,
) -> Result<(Option<Millis>, Vec<Value>), ApiError> {
    query.check_namespace(resource)?;
    let metrics = query.metrics(resource)?;
    let plain: Vec<&Metric> = metrics.iter().map(|(metric, _)| metric).collect();
    let grain = query.grain(&plain)?;
    for metric in &plain {
        query.check_dimensions(metric)?;
    }
    let view = View { now: asked.now, late_ms: asked.late_ms, begins };
    let answer = Answer { query, view, asked, resource, grain };
    Ok((grain, metrics.into_iter().map(|(metric, series)| answer.metric(metric, series)).collect()))
}

impl Answer<'_> {
    fn metric(&self, metric: &Metric, series: &[Series]) -> Value {
        let asked = &self.query.aggregations;
        let aggregations = if asked.is_empty() { vec![metric.primary] } else { asked.clone() };
        let mut value = json!({
            "id": format!("{}/providers/Microsoft.Insights/metrics/{}", self.resource.id, metric.name),
            "type": "Microsoft.Insights/metrics",
            "name": {"value": metric.name, "localizedValue": metric.display},
            "displayDescription": metric.display,
            "unit": metric.unit,
        });
        let unsupported = aggregations.iter().find(|it| !metric.supported.contains(it));
        let failure = match (unsupported, self.failing(metric)) {
            (Some(it), _) => Some((
                "InvalidSamplingType",
                format!("Sampling type is not found. Metric:{}, SamplingType:{}.", metric.name, it.name()),
            )),
            (None, Some(fault)) => Some(fault),
            (None, None) => None,
        };
        let Some((code, message)) = failure else {
            value["timeseries"] = self.lines(metric, series, &aggregations).into();
            value["errorCode"] = "Success".into();
            return value;
        };
        value["timeseries"] = json!([]);
        value["errorMessage"] = message.into();
        value["errorCode"] = code.into();
        value
    }

    /// Whether this metric of this resource is one of those that fail just now.
    fn failing(&self, metric: &Metric) -> Option<(&'static str, String)> {
        let lot = Dice::new(0).unit(&format!("{} {}", self.resource.id, metric.name));
        let fault = |fault| lot < SOME && self.asked.has(fault);
        if fault(Fault::SomeFailing) {
            return Some(("InternalServerError", "An error occurred while reading the metric.".to_owned()));
        }
        fault(Fault::SomeForbidden).then(|| ("Forbidden", "Access to the metric is denied.".to_owned()))
    }

    /// The series: one for each combination of the dimensions filtered and not rolled up.
    fn lines(&self, metric: &Metric, series: &[Series], aggregations: &[Aggregation]) -> Vec<Value> {
        let place = |name: &str| metric.dimensions.iter().position(|it| it.eq_ignore_ascii_case(name));
        let is_rolled_up = |name: &str| self.query.rollup.iter().any(|it| it.eq_ignore_ascii_case(name));
        let wanted: Vec<(usize, &super::super::filter::Wanted)> =
            self.query.filter.iter().filter_map(|it| Some((place(&it.dimension)?, it))).collect();
        let split: Vec<usize> = wanted
            .iter()
            .map(|(place, _)| *place)
            .filter(|place| !is_rolled_up(metric.dimensions[*place]))
            .collect();
        let mut groups: Vec<(Labels, Vec<&Series>)> = Vec::new();
        for one in series {
            if !wanted.iter().all(|(place, wanted)| wanted.holds(&one.values[*place])) {
                continue;
            }
            // Names come back in lower case, whatever the definition says.
            let labels: Labels = split
                .iter()
                .map(|place| (metric.dimensions[*place].to_lowercase(), one.values[*place].clone()))
                .collect();
            match groups.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, members)) => members.push(one),
                None => groups.push((labels, vec![one])),
            }
        }
        let mut lines: Vec<Line> = groups
            .into_iter()
            .filter_map(|(labels, members)| self.line(metric, labels, &members, aggregations))
            .collect();
        if let Some((_, descending)) = self.query.order {
            lines.sort_by(|a, b| a.weight.total_cmp(&b.weight));
            if descending {
                lines.reverse();
            }
        }
        if !self.query.filter.is_empty() {
            lines.truncate(self.query.top);
        }
        lines.into_iter().map(|line| self.write(line)).collect()
    }

    fn line(
        &self,
        metric: &Metric,
        labels: Labels,
        members: &[&Series],
        aggregations: &[Aggregation],
    ) -> Option<Line> {
        let (first, step) = match self.grain {
            Some(grain) => (self.query.from.div_euclid(grain) * grain, grain),
            // One point: grains that begin in the span, stamped with its beginning.
            None => {
                let unit = metric.grain.max(MINUTE);
                let first = self.query.from.div_euclid(unit) * unit;
                (first, (self.query.to - first + unit - 1).div_euclid(unit) * unit)
            }
        };
        let mut samples = Vec::new();
        let mut at = first;
        // A grain that is not over is listed without a value; one that has not begun is not listed.
        while at < self.query.to && at < self.view.now {
            samples.push((at, self.view.point(self.resource, metric, members, at, step)));
            at += step;
        }
        let seen = samples.iter().filter_map(|(_, sample)| *sample);
        let whole = seen.reduce(super::super::sample::Sample::and);
        // A combination of dimensions without a single value is not listed; a metric without dimensions is.
        if whole.is_none() && !self.query.filter.is_empty() {
            return None;
        }
        let weight = self.query.order.zip(whole).map_or(0.0, |((by, _), whole)| by.of(whole));
        let data = samples.into_iter().map(|(at, sample)| {
            let mut point = Map::new();
            point.insert("timeStamp".to_owned(), write_time(at).into());
            for aggregation in aggregations {
                if let Some(sample) = sample {
                    point.insert(aggregation.key().to_owned(), self.number(aggregation.of(sample)));
                }
            }
            Value::Object(point)
        });
        Some(Line { labels, weight, data: data.collect() })
    }

    /// A number, or what a fault makes of it. Values that are no numbers come as words: so .NET writes them.
    fn number(&self, value: f64) -> Value {
        if self.asked.has(Fault::NotANumber) {
            return "NaN".into();
        }
        if self.asked.has(Fault::Infinite) {
            return "Infinity".into();
        }
        if self.asked.has(Fault::WrongType) {
            return json!({"value": value.to_string()});
        }
        value.into()
    }

    fn write(&self, mut line: Line) -> Value {
        let metadata: Vec<Value> = line
            .labels
            .iter()
            .map(|(name, value)| json!({"name": {"value": name, "localizedValue": name}, "value": value}))
            .collect();
        if self.asked.has(Fault::Duplicates) {
            line.data = line.data.iter().flat_map(|point| [point.clone(), point.clone()]).collect();
        }
        if self.asked.has(Fault::OutOfOrder) {
            line.data.reverse();
        }
        if self.asked.has(Fault::Future)
            && let Some(point) =
                line.data.iter_mut().rev().find(|point| point.as_object().is_some_and(|it| it.len() > 1))
        {
            point["timeStamp"] = write_time(self.view.now + DAY).into();
        }
        if self.query.metadata_only {
            return json!({"metadatavalues": metadata});
        }
        json!({"metadatavalues": metadata, "data": line.data})
    }
}
