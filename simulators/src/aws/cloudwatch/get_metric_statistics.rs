//! GetMetricStatistics: one metric, with its unit.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html.

use super::CloudWatch;
use super::get_metric_data::period;
use super::query::{dimensions, int, required, text, texts, time};
use crate::aws::catalogue::key;
use crate::aws::error::ApiError;
use crate::aws::points::Point;
use crate::aws::statistic::Statistic;
use crate::aws::value::Value;
use crate::estate::Dice;

/// Points in one answer; a request for more is an error.
const POINTS_MAX: i64 = 1_440;

impl CloudWatch<'_> {
    pub(super) fn get_metric_statistics(&self, input: &Value) -> Result<Value, ApiError> {
        let namespace = required(text(input, "Namespace")?, "Namespace")?;
        let name = required(text(input, "MetricName")?, "MetricName")?;
        let start = required(time(input, "StartTime")?, "StartTime")?;
        let end = required(time(input, "EndTime")?, "EndTime")?;
        let period = period(required(int(input, "Period")?, "Period")?)?;
        let (plain, extended) = (texts(input, "Statistics")?, texts(input, "ExtendedStatistics")?);
        if start >= end {
            return Err(ApiError::invalid_combination(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        if plain.is_empty() == extended.is_empty() {
            return Err(ApiError::invalid_combination(
                "Exactly one of the parameters Statistics and ExtendedStatistics must be given.",
            ));
        }
        let asked = (end - start) / period;
        if asked > POINTS_MAX {
            return Err(ApiError::invalid_combination(format!(
                "You have requested up to {asked} datapoints, which exceeds the limit of {POINTS_MAX}. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )));
        }
        let statistics =
            |names: &[&str]| names.iter().map(|it| Statistic::parse(it)).collect::<Result<Vec<_>, _>>();
        let (plain_statistics, extended_statistics) = (statistics(&plain)?, statistics(&extended)?);
        let wanted = key(namespace, name, dimensions(input)?);
        let series = self.region.and_then(|region| self.catalogue.find(region, wanted));
        let unit = text(input, "Unit")?;
        let series = series.filter(|series| unit.is_none_or(|unit| unit == series.unit));
        let mut points =
            series.map_or_else(Vec::new, |series| self.view().points(series, start, end, period));
        // The vendor promises no order.
        points.sort_by_key(|point| Dice::new(1).bits(&point.at.to_string()));
        let unit = series.map_or("None", |series| series.unit);
        let of = |point: &Point, names: &[&str], statistics: &[Statistic]| {
            let values = names.iter().zip(statistics);
            values
                .filter_map(|(name, statistic)| {
                    Some(((*name).to_owned(), statistic.of(&point.samples)?.into()))
                })
                .collect::<Vec<(String, Value)>>()
        };
        let datapoints = points.iter().map(|point| {
            let mut members = vec![("Timestamp".to_owned(), Value::Time(point.at))];
            members.extend(of(point, &plain, &plain_statistics));
            members.push(("Unit".to_owned(), unit.into()));
            if !extended.is_empty() {
                let values = of(point, &extended, &extended_statistics);
                members.push(("ExtendedStatistics".to_owned(), Value::Map(values)));
            }
            Value::Map(members)
        });
        Ok(Value::map([("Label", name.into()), ("Datapoints", Value::List(datapoints.collect()))]))
    }
}
