//! Policies: one threshold rule over a canonical metric, whatever provider measures it.

mod compile;
mod condition;
mod criteria;
mod fit;
mod quantity;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{AlertClass, FailureDomain, LabelError, Labels, Matcher, Severity};

pub(crate) use compile::SOURCE;
pub use condition::{Comparison, Condition};
pub use criteria::Criteria;
pub use read::Policies;

use crate::alert::{Threshold, Watched};
use crate::template::Annotations;

/// The label that names the resource a series is about.
pub(crate) const RESOURCE_ID: &str = "resource_id";

/// The label that names the policy an alert comes from.
pub(crate) const ALERT_NAME: &str = "alertname";

/// A policy that was read and found valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Unique; the `alertname` of its alerts.
    pub name: String,
    /// The metric's name.
    pub metric: String,
    /// The selection: the metric, the conditions of `where`, and `resource_id!=""` for a policy about resources.
    pub matchers: Vec<Matcher>,
    /// The window each value is taken over.
    pub over: Duration,
    /// How the window, and the series of one group, become one value.
    pub aggregate: Aggregate,
    /// The labels that tell groups apart, in the order written.
    pub by: Vec<String>,
    /// When it fires and recovers, unless an override says otherwise.
    pub criteria: Criteria,
    /// What missing samples mean.
    pub no_data: NoData,
    /// The grace before missing samples mean that; `None` means max(5 m, 3 × period) of the source.
    pub no_data_after: Option<Duration>,
    /// Other criteria for some groups; the first that matches counts.
    pub overrides: Vec<Override>,
    /// The runbook that is proposed when it fires.
    pub respond: Option<String>,
    /// What kind of trouble it is about.
    pub class: AlertClass,
    /// Labels it puts on its alerts; part of their identity.
    pub labels: BTreeMap<String, String>,
    pub(crate) annotations: Annotations,
}

/// How the samples of a window become one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// The mean over time; over the group's series as the metric keeps its meaning: the mean, the sum, or the worst.
    #[default]
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean over time, summed over the group's series.
    Sum,
    /// The newest sample of each series; over the group's series as for the mean.
    Last,
    /// This percentile (1 to 99) over time; of several series the worst.
    Percentile(u8),
}

/// What missing samples mean once the grace is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoData {
    /// An alert of state `no_data`, under the same labels, so that it takes the same route.
    Alert,
    /// Nothing: what fires goes on firing. The default, because silence proves neither trouble nor its end.
    #[default]
    Hold,
    /// The end of what fires.
    Recover,
}

/// Criteria for the groups that its conditions select.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// All must accept the group's labels or its resource's descriptive labels.
    pub matchers: Vec<Matcher>,
    /// All of it: levels replace the policy's, `recover` and `for` are the policy's unless given.
    pub criteria: Criteria,
}

impl Policy {
    /// Whether each group is one resource; then every source is evaluated at its own pace.
    pub fn is_by_resource(&self) -> bool {
        self.by.iter().any(|label| label == RESOURCE_ID)
    }

    /// How wide the trouble of one group reaches: the narrowest place among the `by` labels.
    pub fn failure_domain(&self) -> FailureDomain {
        const PLACES: [(&str, FailureDomain); 4] = [
            (RESOURCE_ID, FailureDomain::Resource),
            ("cloud_availability_zone", FailureDomain::Zone),
            ("cloud_region", FailureDomain::Region),
            ("cloud_provider", FailureDomain::Provider),
        ];
        let narrowest = PLACES.iter().find(|(label, _)| self.by.iter().any(|by| by == label));
        narrowest.map_or(FailureDomain::Resource, |(_, domain)| *domain)
    }

    /// The criteria for a group with these labels, its resource's descriptive ones included.
    pub fn criteria_for(&self, labels: &Labels) -> &Criteria {
        let selects = |matchers: &[Matcher]| {
            matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
        };
        let first = self.overrides.iter().find(|other| selects(&other.matchers));
        first.map_or(&self.criteria, |other| &other.criteria)
    }

    /// The metric under its canonical name; of a raw one, the name as it is.
    pub(crate) fn metric_name(&self) -> String {
        fit::canonical(&self.metric).map_or_else(|| self.metric.clone(), |metric| metric.name().to_owned())
    }

    /// What an alert of this severity looks at, under these criteria; `period` as for [`Policy::expression`].
    pub(crate) fn watched(
        &self,
        group: &Labels,
        criteria: &Criteria,
        severity: Severity,
        period: Duration,
    ) -> Watched {
        let condition = criteria.level(severity);
        let unit = fit::canonical(&self.metric).map(|metric| metric.unit().to_string());
        Watched {
            metric: Some(self.metric_name()),
            threshold: Some(Threshold {
                level: severity,
                operator: condition.comparison.as_str().to_owned(),
                value: condition.threshold,
                unit: unit.unwrap_or_default(),
            }),
            expression: Some(self.expression_of(group, period)),
        }
    }

    /// The longest `for` any group may have.
    pub fn hold_for_max(&self) -> Duration {
        let overrides = self.overrides.iter().map(|other| other.criteria.hold_for());
        overrides.fold(self.criteria.hold_for(), Duration::max)
    }

    /// The identity labels of the alert of a group.
    pub fn identity(&self, group: &Labels) -> Labels {
        let mut identity = group.edit();
        identity.set(ALERT_NAME, &self.name);
        for (name, value) in &self.labels {
            identity.set(name, value);
        }
        identity.build()
    }

    /// The group an alert of this policy is about; `None` when the identity is not one this policy gives.
    pub fn group_of(&self, identity: &Labels) -> Option<Labels> {
        let pairs = self.by.iter().filter_map(|label| Some((label, identity.get(label)?)));
        let group: Result<Labels, LabelError> = Labels::from_pairs(pairs);
        group.ok().filter(|group| self.identity(group) == *identity)
    }

    /// Whether alerts of the other policy keep their identity under this one.
    pub(crate) fn has_identity_of(&self, other: &Self) -> bool {
        (&self.name, &self.by, &self.labels) == (&other.name, &other.by, &other.labels)
    }
}
