//! What the calls would cost, by prices of the simulators' own.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// US dollars for a thousand metrics requested by GetMetricData; no free tier.
/// Source: aws.amazon.com/cloudwatch/pricing, "API requests" and "GetMetricData", us-east-1, as of 2026-11.
const METRIC_USD: f64 = 0.01 / 1_000.0;
/// US dollars for a thousand requests of the other metered operations, after the free ones. Same page.
const REQUEST_USD: f64 = 0.01 / 1_000.0;
/// Requests a month that cost nothing, all metered operations but GetMetricData together. Same page.
const FREE_REQUESTS: u64 = 1_000_000;
/// Statistics of one metric in one call that count as one metric requested. Same page.
const STATISTICS_PER_METRIC: usize = 5;
/// Operations billed by request. Same page.
const BY_REQUEST: [&str; 5] = [
    "ListMetrics",
    "GetMetricStatistics",
    "DescribeAlarms",
    "DescribeAlarmHistory",
    "DescribeAlarmContributors",
];

/// What one operation cost so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Billed {
    /// Calls that were answered.
    pub calls: u64,
    /// Metrics requested by GetMetricData, requests of others; 0 for what is not metered.
    pub units: u64,
    /// US dollars for a unit.
    pub unit_usd: f64,
}

/// What was asked so far, and what it cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// By operation, for example `GetMetricData`.
    pub operations: BTreeMap<String, Billed>,
}

impl Bill {
    /// Returns the cost in US dollars as if nothing were free.
    pub fn list_usd(&self) -> f64 {
        self.operations.values().map(|billed| billed.units as f64 * billed.unit_usd).sum()
    }

    /// Returns the cost in US dollars when this is the first use in the month.
    pub fn usd(&self) -> f64 {
        let metrics = self.operations.get("GetMetricData").map_or(0, |billed| billed.units);
        let others: u64 = self
            .operations
            .iter()
            .filter(|(operation, _)| *operation != "GetMetricData")
            .map(|(_, billed)| billed.units)
            .sum();
        metrics as f64 * METRIC_USD + others.saturating_sub(FREE_REQUESTS) as f64 * REQUEST_USD
    }
}

/// Counts calls.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bill: Mutex<Bill>,
}

impl Meter {
    /// Counts one answered call; `statistics` are those of each metric that GetMetricData was asked for.
    pub(crate) fn count(&self, operation: &str, statistics: &[usize]) {
        let (units, unit_usd) = if operation == "GetMetricData" {
            (statistics.iter().map(|n| n.div_ceil(STATISTICS_PER_METRIC) as u64).sum(), METRIC_USD)
        } else if BY_REQUEST.contains(&operation) {
            (1, REQUEST_USD)
        } else {
            (0, 0.0)
        };
        let mut bill = self.bill.lock();
        let billed = bill.operations.entry(operation.to_owned()).or_default();
        billed.calls += 1;
        billed.units += units;
        billed.unit_usd = unit_usd;
    }

    pub(crate) fn bill(&self) -> Bill {
        self.bill.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_statistics_of_a_metric_are_one_and_six_are_two() {
        let meter = Meter::default();
        meter.count("GetMetricData", &[1, 5, 6]);
        meter.count("DescribeAlarms", &[]);
        meter.count("GetResources", &[]);
        let bill = meter.bill();
        assert_eq!(bill.operations["GetMetricData"], Billed { calls: 1, units: 4, unit_usd: METRIC_USD });
        assert_eq!(bill.operations["DescribeAlarms"].units, 1);
        assert_eq!(bill.operations["GetResources"].units, 0);
        assert!((bill.list_usd() - 0.000_05).abs() < 1e-12);
        assert!((bill.usd() - 0.000_04).abs() < 1e-12, "the first million requests are free");
    }
}
