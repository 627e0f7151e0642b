//! The alarms of the account. Their state is a pure function of time: what the evaluations up to then make of the estate.

mod define;
mod evaluate;
mod words;

use std::sync::Arc;

use parking_lot::Mutex;

use super::catalogue::Catalogue;
use super::statistic::Statistic;
use crate::estate::{Estate, Millis};

pub(crate) use evaluate::Timeline;
pub(crate) use words::{compact_time, iso_time};

/// What the alarm over all instances asks.
pub(crate) const FLEET_QUERY: &str = "SELECT MAX(StatusCheckFailed) FROM SCHEMA(\"AWS/EC2\", InstanceId) GROUP BY InstanceId ORDER BY MAX() DESC";

/// What an alarm is in. Source: API_MetricAlarm.html, StateValue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Ok,
    Firing,
    InsufficientData,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Firing => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// How a value is compared. Source: API_MetricAlarm.html, ComparisonOperator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
}

/// What a period without data counts as. Source: API_MetricAlarm.html, TreatMissingData.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// `missing`: it counts as nothing.
    Absent,
    NotBreaching,
    Breaching,
}

/// One metric against a threshold.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// Its place in [`Catalogue::series`].
    pub(crate) series: usize,
    pub(crate) statistic_name: &'static str,
    pub(crate) statistic: Statistic,
    pub(crate) period: Millis,
    /// N: the periods looked at.
    pub(crate) periods: usize,
    /// M: how many of them must breach.
    pub(crate) to_alarm: usize,
    pub(crate) threshold: f64,
    pub(crate) operator: Operator,
    pub(crate) missing: Missing,
}

/// What an alarm looks at.
#[derive(Debug, Clone)]
pub(crate) enum Watches {
    /// One metric.
    Metric(Condition),
    /// Other alarms, by their place in [`Alarms::all`]: any of them in ALARM.
    Any(Vec<usize>),
    /// One metric of every instance, by a query; the alarms of the single instances, which are its contributors.
    Fleet(Vec<usize>),
}

/// Why and when a state began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transition {
    pub(crate) at: Millis,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) reason: String,
    /// JSON, as `StateReasonData` holds it.
    pub(crate) data: Option<String>,
}

/// One alarm.
#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) region: &'static str,
    pub(crate) description: String,
    /// The topic it tells.
    pub(crate) topic: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) configured: Millis,
    pub(crate) watches: Watches,
}

/// All alarms, in a stable order, and what is known of their past.
#[derive(Debug)]
pub(crate) struct Alarms {
    pub(crate) all: Vec<Alarm>,
    catalogue: Arc<Catalogue>,
    begins: Millis,
    timelines: Vec<Mutex<Timeline>>,
}

impl Alarms {
    pub(crate) fn new(estate: &Estate, catalogue: Arc<Catalogue>) -> Self {
        let all = define::all(estate, &catalogue);
        let timelines = all.iter().map(|_| Mutex::new(Timeline::new(estate.begins()))).collect();
        Self { all, catalogue, begins: estate.begins(), timelines }
    }

    /// The series an alarm of one metric watches.
    pub(crate) fn series(&self, condition: &Condition) -> &super::catalogue::Series {
        &self.catalogue.series[condition.series]
    }

    /// The alarms of a region, with their place.
    pub(crate) fn of_region<'a>(
        &'a self,
        region: Option<&'a str>,
    ) -> impl Iterator<Item = (usize, &'a Alarm)> {
        self.all.iter().enumerate().filter(move |(_, alarm)| region == Some(alarm.region))
    }

    /// Finds an alarm of a region by name.
    pub(crate) fn find<'a>(&'a self, region: Option<&'a str>, name: &str) -> Option<(usize, &'a Alarm)> {
        self.of_region(region).find(|(_, alarm)| alarm.name == name)
    }

    /// The transitions of an alarm until `now`, oldest first; at least the one of its creation.
    pub(crate) fn transitions(&self, index: usize, now: Millis) -> Vec<Transition> {
        let known = match &self.all[index].watches {
            Watches::Metric(condition) => {
                let mut timeline = self.timelines[index].lock();
                timeline.extend(condition, self.series(condition), self.begins, now);
                timeline.until(now)
            }
            Watches::Any(parts) | Watches::Fleet(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| (self.all[*part].arn.as_str(), self.transitions(*part, now)))
                    .collect();
                evaluate::any(&parts, self.begins)
            }
        };
        debug_assert!(!known.is_empty(), "an alarm has a state from its creation on");
        known
    }

    /// The state of an alarm at `now`.
    pub(crate) fn state(&self, index: usize, now: Millis) -> Transition {
        self.transitions(index, now).pop().expect("an alarm has a state from its creation on")
    }
}

#[cfg(test)]
mod tests;
