//! How far apart two alerts are, and how to say why they are not.

use std::time::Duration;

use isobar_normalizer::{Timestamp, format_duration};

use super::features::{Features, wide_hash};

/// Alerts that began further apart than this have nothing to do with each other; the window begins anew with every alert
/// that joins. ServiceNow and Flashduty take ten minutes too.
pub(super) const WINDOW: Duration = Duration::from_secs(10 * 60);

/// What the whole window between two beginnings counts.
const TIME: f64 = 0.3;
/// What each step between the two places counts.
const HOP: f64 = 0.2;
/// What it counts that two alerts say nothing alike.
const UNLIKE: f64 = 0.4;

/// Alerts nearer than this belong together. With the weights above:
/// - the same resource, host or workload: always within the window;
/// - the same service of one region: within three quarters of the window when they say little alike (a fifth);
/// - no more than zone or region and class: at about the same time, and only when they say a third alike;
/// - no more than the service or the owner: when they say half alike, as one rule does of two regions.
pub(super) const NEAR: f64 = 0.75;

/// An alert that is as near as this to two incidents makes them one: the same resource, or one step away and half alike.
pub(super) const VERY_NEAR: f64 = 0.4;

/// What two alerts have in common of where they are, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The resource itself.
    Resource,
    /// The machine or node it runs on.
    Host,
    /// The Kubernetes workload.
    Workload,
    /// The service, in one region.
    ServiceInRegion,
    /// The zone, and the kind of trouble.
    ZoneAndClass,
    /// The region, and the kind of trouble.
    RegionAndClass,
    /// The service, wherever it runs.
    Service,
    /// Who looks after it, in one region.
    OwnerInRegion,
    /// The rule, in one account.
    RuleInAccount,
}

impl Link {
    pub(super) const ALL: [Self; 9] = [
        Self::Resource,
        Self::Host,
        Self::Workload,
        Self::ServiceInRegion,
        Self::ZoneAndClass,
        Self::RegionAndClass,
        Self::Service,
        Self::OwnerInRegion,
        Self::RuleInAccount,
    ];

    /// Steps between the two places.
    fn hops(self) -> u8 {
        match self {
            Self::Resource => 0,
            Self::Host | Self::Workload | Self::ServiceInRegion => 1,
            _ => 2,
        }
    }

    /// What an alert has of this, if it has it. Two alerts are linked when theirs are equal.
    fn of(self, features: &Features) -> Option<[&str; 3]> {
        fn text(value: &Option<std::sync::Arc<str>>) -> Option<&str> {
            value.as_deref()
        }
        let provider = || text(&features.provider);
        let region = || text(&features.region);
        let class = features.class.as_str();
        Some(match self {
            Self::Resource => [text(&features.resource)?, "", ""],
            Self::Host => [text(&features.host)?, "", ""],
            Self::Workload => [text(&features.workload)?, "", ""],
            Self::ServiceInRegion => [provider()?, region()?, text(&features.service)?],
            Self::ZoneAndClass => [provider()?, text(&features.zone)?, class],
            Self::RegionAndClass => [provider()?, region()?, class],
            Self::Service => [text(&features.service)?, "", ""],
            Self::OwnerInRegion => [provider()?, region()?, text(&features.owner)?],
            Self::RuleInAccount => {
                [provider().unwrap_or_default(), text(&features.account).unwrap_or_default(), &features.name]
            }
        })
    }

    /// The hash under which alerts with this link to the given one are found, if it has the link.
    pub(super) fn key(self, features: &Features) -> Option<u64> {
        self.of(features).map(|[a, b, c]| wide_hash(&[self.name(), a, b, c]))
    }

    /// No two alerts are nearer than this by the link.
    pub(super) fn least(self) -> f64 {
        HOP * f64::from(self.hops())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Host => "host",
            Self::Workload => "workload",
            Self::ServiceInRegion => "service and region",
            Self::ZoneAndClass => "zone and class",
            Self::RegionAndClass => "region and class",
            Self::Service => "service",
            Self::OwnerInRegion => "owner and region",
            Self::RuleInAccount => "rule and account",
        }
    }

    /// The nearest link of two alerts.
    fn nearest(a: &Features, b: &Features) -> Option<Self> {
        let is_linked = |link: &Self| link.of(a).is_some_and(|place| link.of(b) == Some(place));
        Self::ALL.into_iter().find(is_linked)
    }
}

/// How two alerts that belong together do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) distance: f64,
    link: Link,
    apart: Duration,
    similarity: f64,
}

/// How near two alerts are; `None` when nothing links them or they began too far apart.
///
/// `distance = TIME · |Δt| / WINDOW + HOP · hops + UNLIKE · (1 − Jaccard)`: from 0 for the same resource at the same time
/// with the same words.
pub(super) fn near(a: &Features, b: &Features) -> Option<Near> {
    let apart = between(a.starts_at, b.starts_at);
    if apart > WINDOW {
        return None;
    }
    let link = Link::nearest(a, b)?;
    let similarity = a.similarity(b);
    let waited = apart.as_secs_f64() / WINDOW.as_secs_f64();
    let distance = TIME * waited + link.least() + UNLIKE * (1.0 - similarity);
    (distance <= NEAR).then_some(Near { distance, link, apart, similarity })
}

fn between(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

impl Near {
    /// Why an alert belongs to this one, in words.
    pub(super) fn reason(&self, to: &Features) -> String {
        let apart = match Duration::from_secs(self.apart.as_secs()) {
            Duration::ZERO => "at the same time".to_owned(),
            apart => format!("within {}", format_duration(apart)),
        };
        format!(
            "same {} as {}, began {apart}, {:.0} % alike (distance {:.2} of {NEAR})",
            self.link.name(),
            described(to),
            self.similarity * 100.0,
            self.distance,
        )
    }
}

/// `HighCpu on web-01`.
pub(super) fn described(features: &Features) -> String {
    let about = features.resource.as_deref().map(|id| id.rsplit(':').next().unwrap_or(id));
    match about.or(features.host.as_deref()).or(features.service.as_deref()) {
        Some(about) => format!("{} on {about}", features.name),
        None => features.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::fixture::{START, alert};

    fn features(identity: &str, seconds: u64) -> Features {
        let at = START.plus(Duration::from_secs(seconds));
        Features::of(&alert(identity, AlertState::Firing, Severity::Error, at))
    }

    /// `None`, or how they are linked.
    fn check(a: (&str, u64), b: (&str, u64), expected: Option<Link>) {
        let (a, b) = (features(a.0, a.1), features(b.0, b.1));
        assert_eq!(near(&a, &b).map(|near| near.link), expected, "{} and {}", a.name, b.name);
        assert_eq!(near(&a, &b), near(&b, &a));
    }

    #[test]
    fn place_time_and_words_bring_alerts_together() {
        let cpu = "alertname=HighCpu resource_id=aws:1:us-east-1:compute.instance:i-1 service_name=shop";
        let slow = "alertname=LatencyHigh resource_id=aws:1:us-east-1:lb.application:front service_name=shop";
        let memory = "alertname=MemoryFull resource_id=aws:1:us-east-1:compute.instance:i-1";
        let other = "alertname=QueueStuck resource_id=aws:1:us-east-1:queue:orders service_name=mail";
        let abroad = "alertname=HighCpu resource_id=azure:2:westeurope:compute.instance:vm service_name=shop";
        check((cpu, 0), (memory, 590), Some(Link::Resource));
        check((cpu, 0), (memory, 601), None);
        check((cpu, 0), (slow, 60), Some(Link::ServiceInRegion));
        check((cpu, 0), (other, 0), None);
        check((cpu, 0), (abroad, 60), Some(Link::Service));
    }

    #[test]
    fn the_reason_says_what_was_weighed() {
        let a = features("alertname=HighCpu resource_id=aws:1:us-east-1:compute.instance:i-1", 0);
        let b = features("alertname=HighCpu resource_id=aws:1:us-east-1:compute.instance:i-2", 90);
        let reason = near(&a, &b).unwrap().reason(&a);
        assert_eq!(
            reason,
            "same region and class as HighCpu on i-1, began within 1m30s, 100 % alike (distance 0.45 of 0.75)"
        );
    }
}
