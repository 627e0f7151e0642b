//! GetMetricData.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html.

use std::collections::{BTreeMap, HashSet};

use super::CloudWatch;
use super::query::{dimensions, int, list, required, text, time};
use crate::aws::catalogue::{MINUTE, key};
use crate::aws::error::ApiError;
use crate::aws::page::Token;
use crate::aws::statistic::Statistic;
use crate::aws::value::Value;
use crate::estate::{AWS_ACCOUNT, Dice, Millis};
use crate::faults::Fault;

/// Queries in one call.
const QUERIES_MAX: usize = 500;
/// Points in one page, and what `MaxDatapoints` is when it is not given.
const POINTS_MAX: i64 = 100_800;
/// Points a second that may be asked for, by range and period and not by what is there: recent ones, older ones.
/// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html, GetMetricData (2023-05).
const POINTS_PER_SECOND: [f64; 2] = [180_000.0, 396_000.0];
/// What counts as recent. Same page.
const RECENT: Millis = 3 * 60 * MINUTE;
/// Of queries that fail on demand, one in so many does.
const SOME: usize = 5;

/// One query, checked.
struct Query<'a> {
    id: &'a str,
    label: &'a str,
    /// Its metric's [`key`].
    key: String,
    period: Millis,
    statistic: Statistic,
    unit: Option<&'a str>,
    returned: bool,
    foreign: bool,
}

/// What a call asks for beside its queries.
struct Range {
    start: Millis,
    end: Millis,
    ascending: bool,
    page: usize,
}

impl CloudWatch<'_> {
    pub(super) fn get_metric_data(&self, input: &Value) -> Result<Value, ApiError> {
        let queries = queries(input)?;
        let range = range(input)?;
        let now = self.asked.now;
        let estimated: f64 =
            queries.iter().map(|query| ((range.end - range.start) as f64 / query.period as f64).ceil()).sum();
        let old = range.start < now - RECENT;
        let (name, rate) =
            [("points", POINTS_PER_SECOND[0]), ("old points", POINTS_PER_SECOND[1])][usize::from(old)];
        if !self.quotas.take(name, &self.asked.call.region, rate, estimated, now) {
            return Err(ApiError::throttled());
        }
        let question = format!(
            "GetMetricData {:?} {} {} {} {}",
            queries.iter().map(|query| (query.id, &query.key, query.period)).collect::<Vec<_>>(),
            range.start,
            range.end,
            range.ascending,
            range.page
        );
        // A later page continues what was seen when the first one was asked for.
        let (as_of, skip) = match text(input, "NextToken")? {
            None => (now, 0),
            Some(token) => {
                let token = Token::read(token, &question, 2);
                let token = token.ok_or_else(|| ApiError::next_token("The NextToken is invalid."))?;
                (token.numbers[0], usize::try_from(token.numbers[1]).unwrap_or(0))
            }
        };
        let (results, next) = self.results(&queries, &range, as_of, skip);
        let next = if self.asked.has(Fault::EndlessPages) { Some(next.unwrap_or(skip)) } else { next };
        let token = next.map(|next| Token { numbers: vec![as_of, next as i64] }.write(&question));
        self.meter.count("GetMetricData", &statistics_by_metric(&queries));
        Ok(Value::map([
            ("MetricDataResults", results.into()),
            ("Messages", Vec::<Value>::new().into()),
            ("NextToken", token.into()),
        ]))
    }

    /// The results of one page that begins after `skip` points, and how many points to skip for the next.
    fn results(
        &self,
        queries: &[Query<'_>],
        range: &Range,
        as_of: Millis,
        skip: usize,
    ) -> (Vec<Value>, Option<usize>) {
        let mut results = Vec::new();
        let (mut passed, end) = (0, skip + range.page);
        let mut more = false;
        for (index, query) in queries.iter().enumerate().filter(|(_, query)| query.returned) {
            if let Some(code) = self.refusal(query, index) {
                results.push(result(query, &[], code, self.asked.faults.as_slice()));
                continue;
            }
            let points = self.points(query, range, as_of);
            let (first, last) = (passed, passed + points.len());
            passed = last;
            // An Id whose points lie on other pages only is on those; one without points is on the first.
            let here = &points[skip.clamp(first, last) - first..end.clamp(first, last) - first];
            more |= last > end;
            if !here.is_empty() || points.is_empty() && skip == 0 {
                let code = if last > end { "PartialData" } else { "Complete" };
                results.push(result(query, here, code, &self.asked.faults));
            }
        }
        (results, more.then_some(end))
    }

    /// Why a query gets no data, if it is one of those.
    fn refusal(&self, query: &Query<'_>, index: usize) -> Option<&'static str> {
        let chosen = index.is_multiple_of(SOME);
        if query.foreign || chosen && self.asked.has(Fault::SomeForbidden) {
            return Some("Forbidden");
        }
        (chosen && self.asked.has(Fault::SomeFailing)).then_some("InternalError")
    }

    fn points(&self, query: &Query<'_>, range: &Range, as_of: Millis) -> Vec<(Millis, f64)> {
        let found = self.region.and_then(|region| self.catalogue.find(region, query.key.clone()));
        let Some(series) = found.filter(|series| query.unit.is_none_or(|unit| unit == series.unit)) else {
            return Vec::new();
        };
        let mut view = self.view();
        view.now = as_of;
        let points = view.points(series, range.start, range.end, query.period);
        let mut points: Vec<(Millis, f64)> =
            points.iter().filter_map(|point| Some((point.at, query.statistic.of(&point.samples)?))).collect();
        if !range.ascending {
            points.reverse();
        }
        points
    }
}

fn range(input: &Value) -> Result<Range, ApiError> {
    let start = required(time(input, "StartTime")?, "StartTime")?;
    let end = required(time(input, "EndTime")?, "EndTime")?;
    if start >= end {
        return Err(ApiError::validation("The parameter StartTime must be less than the parameter EndTime."));
    }
    let ascending = match text(input, "ScanBy")? {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => {
            return Err(ApiError::validation(format!(
                "The value {other} for parameter ScanBy is not supported."
            )));
        }
    };
    let page = int(input, "MaxDatapoints")?.unwrap_or(POINTS_MAX);
    if !(1..=POINTS_MAX).contains(&page) {
        return Err(ApiError::validation(format!(
            "The parameter MaxDatapoints must be between 1 and {POINTS_MAX}."
        )));
    }
    Ok(Range { start, end, ascending, page: usize::try_from(page).unwrap_or(1) })
}

fn queries(input: &Value) -> Result<Vec<Query<'_>>, ApiError> {
    let items = list(input, "MetricDataQueries")?;
    if items.is_empty() {
        return Err(ApiError::missing("The parameter MetricDataQueries is required."));
    }
    if items.len() > QUERIES_MAX {
        return Err(ApiError::validation(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
        )));
    }
    let mut ids = HashSet::new();
    let mut queries = Vec::with_capacity(items.len());
    for item in items {
        let query = query(item)?;
        if !ids.insert(query.id) {
            return Err(ApiError::validation(format!(
                "The values for parameter id in MetricDataQueries are not unique: {}.",
                query.id
            )));
        }
        queries.push(query);
    }
    if !queries.iter().any(|query| query.returned) {
        return Err(ApiError::validation("At least one query must have ReturnData true."));
    }
    Ok(queries)
}

fn query(item: &Value) -> Result<Query<'_>, ApiError> {
    let id = required(text(item, "Id")?, "MetricDataQueries.Id")?;
    let mut letters = id.chars();
    let well_formed = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !well_formed || id.len() > 255 {
        return Err(ApiError::validation(format!(
            "The value {id} for parameter id is not matching the pattern ^[a-z][A-Za-z0-9_]*$."
        )));
    }
    let Some(stat) = item.get("MetricStat") else {
        return Err(ApiError::validation(match item.get("Expression") {
            // The estate has no expressions: a simulator that guessed would answer wrong.
            Some(_) => format!("Query {id}: these simulators evaluate no expressions; ask for MetricStat."),
            None => format!("Query {id} must have MetricStat or Expression."),
        }));
    };
    if item.get("Expression").is_some() {
        return Err(ApiError::validation(format!(
            "Query {id} must have only one of MetricStat and Expression."
        )));
    }
    let metric = required(stat.get("Metric"), "MetricStat.Metric")?;
    let namespace = required(text(metric, "Namespace")?, "Metric.Namespace")?;
    let name = required(text(metric, "MetricName")?, "Metric.MetricName")?;
    let period_s = required(int(stat, "Period")?, "MetricStat.Period")?;
    Ok(Query {
        id,
        label: text(item, "Label")?.unwrap_or(name),
        key: key(namespace, name, dimensions(metric)?),
        period: period(period_s)?,
        statistic: Statistic::parse(required(text(stat, "Stat")?, "MetricStat.Stat")?)?,
        unit: text(stat, "Unit")?,
        returned: item.get("ReturnData").and_then(Value::bool).unwrap_or(true),
        foreign: text(item, "AccountId")?.is_some_and(|account| account != AWS_ACCOUNT),
    })
}

/// Checks a period in seconds; returns milliseconds.
pub(super) fn period(seconds: i64) -> Result<Millis, ApiError> {
    let allowed = matches!(seconds, 1 | 5 | 10 | 20 | 30)
        || seconds > 0 && seconds % 60 == 0 && seconds <= 86_400 * 455;
    if !allowed {
        return Err(ApiError::validation(format!(
            "The value {seconds} for parameter Period is not valid: it must be 1, 5, 10, 20, 30, or a multiple of 60."
        )));
    }
    Ok(seconds * 1_000)
}

/// How many statistics are asked of each metric, which is what is billed.
fn statistics_by_metric(queries: &[Query<'_>]) -> Vec<usize> {
    let mut metrics: BTreeMap<&str, usize> = BTreeMap::new();
    for query in queries {
        *metrics.entry(&query.key).or_default() += 1;
    }
    metrics.into_values().collect()
}

fn result(query: &Query<'_>, points: &[(Millis, f64)], code: &str, faults: &[Fault]) -> Value {
    let points = spoiled(points.to_vec(), faults);
    let values = points.iter().map(|(_, value)| match faults.contains(&Fault::WrongType) {
        true => Value::from(value.to_string()),
        false => Value::from(*value),
    });
    let message = match code {
        "Forbidden" => Some(vec![Value::map([
            ("Code", "Forbidden".into()),
            ("Value", "You do not have access to the metrics of this account.".into()),
        ])]),
        _ => None,
    };
    Value::map([
        ("Id", query.id.into()),
        ("Label", query.label.into()),
        ("Timestamps", points.iter().map(|(at, _)| Value::Time(*at)).collect::<Vec<_>>().into()),
        ("Values", values.collect::<Vec<_>>().into()),
        ("StatusCode", code.into()),
        ("Messages", message.into()),
    ])
}

/// Applies the faults that are about values.
fn spoiled(mut points: Vec<(Millis, f64)>, faults: &[Fault]) -> Vec<(Millis, f64)> {
    for fault in faults {
        match fault {
            Fault::Duplicates => points = points.into_iter().flat_map(|point| [point, point]).collect(),
            Fault::OutOfOrder => {
                points.sort_by_key(|(at, _)| Dice::new(0).bits(&at.to_string()));
            }
            Fault::Future => {
                if let Some(newest) = points.iter_mut().max_by_key(|(at, _)| *at) {
                    newest.0 += 24 * 60 * MINUTE;
                }
            }
            Fault::NotANumber => points.iter_mut().for_each(|point| point.1 = f64::NAN),
            Fault::Infinite => points.iter_mut().for_each(|point| point.1 = f64::INFINITY),
            _ => {}
        }
    }
    points
}
