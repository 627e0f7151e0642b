//! What a metric query asks for.

use super::super::catalogue::{Metric, Resource};
use super::super::error::ApiError;
use super::super::filter::{self, Wanted};
use super::super::grain::{GRAINS, HOUR, MINUTE, parse_grain, parse_time};
use super::super::params::{Params, invalid};
use super::super::sample::Aggregation;
use crate::estate::Millis;

/// Names in one query.
/// Source: azure-rest-api-specs, Microsoft.Insights/stable/2024-02-01/metrics_API.json, metricnames: "Limit 20 metrics".
const NAMES_MAX: usize = 20;
/// Series that come unless `top` says otherwise; same page.
const TOP: usize = 10;
/// Points of one series; a whole day by the minute twice over is more than a chart shows.
const POINTS_MAX: Millis = 3_000;

/// How long the grains of the answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    /// One point for the whole span.
    Full,
    Grain(Millis),
}

/// A query, read and checked as far as no resource is needed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// Half-open: points of grains that begin in it.
    pub(crate) from: Millis,
    pub(crate) to: Millis,
    pub(crate) interval: Interval,
    pub(crate) names: Vec<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) aggregations: Vec<Aggregation>,
    pub(crate) filter: Vec<Wanted>,
    pub(crate) top: usize,
    /// The aggregation to sort series by, and whether the highest comes first.
    pub(crate) order: Option<(Aggregation, bool)>,
    pub(crate) rollup: Vec<String>,
    /// A grain the metric does not have becomes the next longer one.
    pub(crate) adjust: bool,
    /// A dimension the metric does not have is an error.
    pub(crate) validate: bool,
    /// Which series there are, without points.
    pub(crate) metadata_only: bool,
}

/// The parameters of `Metrics - List`.
const LIST: [&str; 13] = [
    "api-version",
    "metricnames",
    "metricnamespace",
    "timespan",
    "interval",
    "aggregation",
    "$filter",
    "top",
    "orderby",
    "rollupby",
    "resulttype",
    "autoadjusttimegrain",
    "validatedimensions",
];
/// The parameters of `Metrics - Batch`, which has no dollar signs and no timespan.
const BATCH: [&str; 11] = [
    "api-version",
    "metricnames",
    "metricnamespace",
    "starttime",
    "endtime",
    "interval",
    "aggregation",
    "filter",
    "top",
    "orderby",
    "rollupby",
];

impl Query {
    /// Reads the parameters of `Metrics - List`.
    pub(crate) fn list(params: &Params, now: Millis) -> Result<Self, ApiError> {
        params.only(&LIST)?;
        let span = match params.get("timespan") {
            None => (now - HOUR, now),
            Some(text) => {
                let times = text.split_once('/').and_then(|(a, b)| Some((parse_time(a)?, parse_time(b)?)));
                times.ok_or_else(|| invalid("timespan", text))?
            }
        };
        let mut query = Self::read(params, span, "$filter")?;
        query.adjust = params.switch("autoadjusttimegrain", false)?;
        query.validate = params.switch("validatedimensions", true)?;
        query.metadata_only = match params.get("resulttype").map(str::to_lowercase).as_deref() {
            None | Some("data") => false,
            Some("metadata") => true,
            Some(other) => return Err(invalid("resultType", other)),
        };
        Ok(query)
    }

    /// Reads the parameters of `Metrics - Batch`.
    pub(crate) fn batch(params: &Params, now: Millis) -> Result<Self, ApiError> {
        params.only(&BATCH)?;
        for name in ["metricnamespace", "metricnames"] {
            if params.get(name).is_none() {
                return Err(ApiError::bad(format!("Query parameter '{name}' is required")));
            }
        }
        let time = |name| {
            params.get(name).map(|text| parse_time(text).ok_or_else(|| invalid(name, text))).transpose()
        };
        let span = match (time("starttime")?, time("endtime")?) {
            (None, None) => (now - HOUR, now),
            (Some(from), to) => (from, to.unwrap_or(now)),
            (None, Some(_)) => {
                return Err(ApiError::bad(
                    "Query parameter 'starttime' is required where there is 'endtime'",
                ));
            }
        };
        Self::read(params, span, "filter")
    }

    fn read(params: &Params, (from, to): (Millis, Millis), filter_name: &str) -> Result<Self, ApiError> {
        let names: Vec<String> =
            params.list("metricnames").into_iter().map(|name| name.replace("%2", ",")).collect();
        if names.len() > NAMES_MAX {
            let message =
                format!("Requested metrics count: {} bigger than allowed max: {NAMES_MAX}", names.len());
            return Err(ApiError::bad(message));
        }
        if from >= to {
            return Err(ApiError::bad("Start time must be before end time"));
        }
        let interval = match params.get("interval") {
            None => Interval::Grain(MINUTE),
            Some(full) if full.eq_ignore_ascii_case("FULL") => Interval::Full,
            Some(text) => Interval::Grain(parse_grain(text).ok_or_else(|| unsupported_grain(text, &[]))?),
        };
        if let Interval::Grain(length) = interval
            && (to - from) / length > POINTS_MAX
        {
            return Err(ApiError::bad(format!(
                "The timespan has more than {POINTS_MAX} points of the interval; ask for longer ones"
            )));
        }
        let mut aggregations = Vec::new();
        for name in params.list("aggregation") {
            let aggregation = Aggregation::parse(name).ok_or_else(|| invalid("aggregation", name))?;
            if !aggregations.contains(&aggregation) {
                aggregations.push(aggregation);
            }
        }
        let order = params.get("orderby").map(order).transpose()?;
        let filter = params.get(filter_name).map(filter::parse).transpose()?.unwrap_or_default();
        Ok(Self {
            from,
            to,
            interval,
            names,
            namespace: params.get("metricnamespace").map(str::to_owned),
            aggregations,
            filter,
            top: params.number("top")?.unwrap_or(TOP),
            order,
            rollup: params.list("rollupby").into_iter().map(str::to_owned).collect(),
            adjust: false,
            validate: true,
            metadata_only: false,
        })
    }

    /// Checks that the namespace is the resource's.
    pub(crate) fn check_namespace(&self, resource: &Resource) -> Result<(), ApiError> {
        match &self.namespace {
            Some(other) if !other.eq_ignore_ascii_case(resource.kind) => Err(ApiError::bad(format!(
                "Detect invalid value: {other} for query parameter: 'metricnamespace', the value must be: {}",
                resource.kind
            ))),
            _ => Ok(()),
        }
    }

    /// The metrics asked for; without names the first of the resource, as the vendor's API does.
    pub(crate) fn metrics<'a>(
        &self,
        resource: &'a Resource,
    ) -> Result<Vec<&'a (Metric, Vec<super::super::catalogue::Series>)>, ApiError> {
        if self.names.is_empty() {
            return Ok(resource.metrics.iter().take(1).collect());
        }
        let find = |name: &String| {
            resource.metric(name).ok_or_else(|| {
                let (provider, kind) = resource.kind.split_once('/').unwrap_or((resource.kind, ""));
                let valid: Vec<&str> = resource.metrics.iter().map(|(metric, _)| metric.name).collect();
                ApiError::bad(format!(
                    "Failed to find metric configuration for provider: {provider}, resource Type: {kind}, metric: {name}, Valid metrics: {}",
                    valid.join(",")
                ))
            })
        };
        self.names.iter().map(find).collect()
    }

    /// The grain all of these metrics have: the one asked for, or with `adjust` the next longer one.
    pub(crate) fn grain(&self, metrics: &[&Metric]) -> Result<Option<Millis>, ApiError> {
        let Interval::Grain(asked) = self.interval else { return Ok(None) };
        let finest = metrics.iter().map(|metric| metric.grain).max().unwrap_or(MINUTE);
        if asked >= finest {
            return Ok(Some(asked));
        }
        if self.adjust {
            return Ok(Some(finest));
        }
        let asked = GRAINS.iter().find(|(_, length)| *length == asked).map_or("", |(name, _)| name);
        let valid: Vec<&str> =
            GRAINS.iter().filter(|(_, length)| *length >= finest).map(|(name, _)| *name).collect();
        Err(unsupported_grain(asked, &valid))
    }

    /// Checks that a metric has the dimensions that are filtered or rolled up.
    pub(crate) fn check_dimensions(&self, metric: &Metric) -> Result<(), ApiError> {
        let asked = self.filter.iter().map(|wanted| &wanted.dimension).chain(&self.rollup);
        let unknown: Vec<&str> = asked
            .map(String::as_str)
            .filter(|name| !metric.dimensions.iter().any(|it| it.eq_ignore_ascii_case(name)))
            .collect();
        if unknown.is_empty() || !self.validate {
            return Ok(());
        }
        Err(ApiError::bad(format!(
            "Metric: {} does not support requested dimension combination: {}, supported ones are: {}",
            metric.name,
            unknown.join(",").to_lowercase(),
            metric.dimensions.join(",")
        )))
    }
}

fn unsupported_grain(asked: &str, valid: &[&str]) -> ApiError {
    let all = GRAINS.map(|(name, _)| name);
    let valid = if valid.is_empty() { &all[..] } else { valid };
    ApiError::bad(format!(
        "Detect invalid value: {asked} for query parameter: 'interval', valid values are: {}",
        valid.join(",")
    ))
}

fn order(text: &str) -> Result<(Aggregation, bool), ApiError> {
    let mut words = text.split_whitespace();
    let by = words.next().map(|word| if word.eq_ignore_ascii_case("sum") { "Total" } else { word });
    let descending = match words.next().map(str::to_lowercase).as_deref() {
        None | Some("asc") => Some(false),
        Some("desc") => Some(true),
        Some(_) => None,
    };
    let by = by.and_then(Aggregation::parse);
    by.zip(descending).filter(|_| words.next().is_none()).ok_or_else(|| invalid("orderby", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_000_020_000;

    #[test]
    fn defaults_are_an_hour_by_the_minute_and_ten_series() {
        let query = Query::list(&Params::default(), NOW).unwrap();
        assert_eq!((query.from, query.to, query.top), (NOW - HOUR, NOW, 10));
        assert_eq!((query.interval, query.validate), (Interval::Grain(MINUTE), true));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let twenty_one = vec!["A"; 21].join(",");
        let cases = [
            ("interval=PT30S", "PT30S"),
            ("interval=PT2M", "valid values are"),
            ("aggregation=Mean", "Mean"),
            ("timespan=PT1H", "timespan"),
            ("timespan=2026-11-18T11:00:00Z/2026-11-18T10:00:00Z", "before"),
            ("orderby=loud desc", "orderby"),
            ("top=many", "many"),
            ("filter=A eq 'a'", "filter"),
            ("AutoAdjustTimegrain=perhaps", "perhaps"),
        ];
        for (text, says) in cases {
            let error = Query::list(&Params::read(text), NOW).unwrap_err();
            assert!(error.message.contains(says), "{text}: {}", error.message);
        }
        Query::list(&Params::read(&format!("metricnames={twenty_one}")), NOW).unwrap_err();
        let batch = |text: &str| Query::batch(&Params::read(text), NOW);
        let good = "metricnamespace=N&metricnames=A";
        batch(good).unwrap();
        for extra in ["$filter=A eq 'a'", "timespan=a/b", "endtime=2026-11-18T10:00:00Z"] {
            batch(&format!("{good}&{extra}")).unwrap_err();
        }
        batch("metricnames=A").unwrap_err();
    }
}
