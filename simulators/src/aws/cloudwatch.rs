//! The operations of CloudWatch, whatever the protocol.

mod alarm_history;
mod describe_alarms;
mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod query;

use super::Asked;
use super::alarms::Alarms;
use super::bill::Meter;
use super::catalogue::Catalogue;
use super::error::ApiError;
use super::points::View;
use super::quota::Quotas;
use super::value::Value;
use crate::estate::Estate;
use crate::faults::Fault;

/// The service's name in Smithy RPC v2 and in `X-Amz-Target`.
pub(super) const SERVICE: &str = "GraniteServiceVersion20100801";
/// The service's name in a signature.
pub(super) const SIGNED_AS: &str = "monitoring";

/// The operations, and how often a second each may be asked in one region.
/// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html (2023-05).
const OPERATIONS: [(&str, f64); 7] = [
    ("DescribeAlarmContributors", 9.0),
    ("DescribeAlarmHistory", 3.0),
    ("DescribeAlarms", 9.0),
    ("GetMetricData", 50.0),
    ("GetMetricStatistics", 400.0),
    ("ListMetrics", 25.0),
    // Not on the page; the same as the alarms it describes.
    ("ListTagsForResource", 9.0),
];

/// What the operations answer from.
pub(super) struct CloudWatch<'a> {
    pub(super) estate: &'a Estate,
    pub(super) catalogue: &'a Catalogue,
    pub(super) alarms: &'a Alarms,
    pub(super) quotas: &'a Quotas,
    pub(super) meter: &'a Meter,
    pub(super) asked: &'a Asked,
    /// One of the estate's regions, as the catalogue spells it; none for a region with nothing in it.
    pub(super) region: Option<&'static str>,
}

impl CloudWatch<'_> {
    /// Answers one operation.
    pub(super) fn answer(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        let Some((_, per_second)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
            return Err(ApiError::unknown_operation(operation));
        };
        let now = self.asked.now;
        if self.asked.has(Fault::Throttled)
            || !self.quotas.take(operation, &self.asked.call.region, *per_second, 1.0, now)
        {
            return Err(ApiError::throttled());
        }
        if self.asked.has(Fault::Failing) {
            return Err(ApiError::internal());
        }
        let output = match operation {
            "ListMetrics" => self.list_metrics(input)?,
            "GetMetricData" => return self.get_metric_data(input),
            "GetMetricStatistics" => self.get_metric_statistics(input)?,
            "DescribeAlarms" => self.describe_alarms(input)?,
            "DescribeAlarmHistory" => self.describe_alarm_history(input)?,
            "DescribeAlarmContributors" => self.describe_alarm_contributors(input)?,
            _ => self.list_tags(input)?,
        };
        self.meter.count(operation, &[]);
        Ok(output)
    }

    fn view(&self) -> View {
        View { now: self.asked.now, late_ms: self.asked.late_ms, begins: self.estate.begins() }
    }
}

#[cfg(test)]
mod tests;
