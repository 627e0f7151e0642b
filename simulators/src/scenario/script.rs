//! The scripts themselves: which resource does what, and when.

use super::{MINUTE, Quantity, Scenario, Trouble};
use crate::estate::{Change, Cloud, Identity, Millis, Place, Span};

/// Lasting: longer than any run.
const FOREVER: Millis = 10 * 365 * 24 * 60 * MINUTE;

/// The region that browns out.
const BROWN_REGION: &str = "us-east-1";
/// The zone that is lost.
const LOST_ZONE: &str = "us-east-1b";

fn span(from: Millis, to: Millis, change: Change) -> Vec<Span> {
    vec![Span { from, to, change }]
}

pub(super) fn spans(scenario: Scenario, origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
    match scenario {
        Scenario::QuietDay | Scenario::UplinkLoss => Vec::new(),
        Scenario::FirstLight => {
            let mut spans = brown_out(scenario, origin, who, quantity);
            if quantity == Quantity::Cpu && is_hot_at_first_light(who) {
                // Last, so that it holds through the brown-out.
                spans.extend(span(origin - 10 * MINUTE, origin + FOREVER, Change::Level(0.975)));
            }
            spans
        }
        Scenario::BrownOut => brown_out(scenario, origin, who, quantity),
        Scenario::NoisyHost => noisy_host(origin, who, quantity),
        Scenario::DeployGoneWrong => deploy(origin, who, quantity),
        Scenario::AzLoss => az_loss(origin, who, quantity),
    }
}

/// Whether a machine of checkout is one of the hot ones: the first of each region of the clouds, the first two rooms' first.
fn is_hot_at_first_light(who: &Identity) -> bool {
    is_machine(who) && who.service == "checkout" && who.ordinal == 0
}

fn is_machine(who: &Identity) -> bool {
    ["/ec2/", "/vm/", "/host/"].iter().any(|kind| who.id.contains(kind))
}

fn brown_out(scenario: Scenario, origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
    let Some((from, to)) = scenario.brown_out(origin).filter(|_| who.place.region() == BROWN_REGION) else {
        return Vec::new();
    };
    let change = match quantity {
        Quantity::Errors => Change::Times(45.0),
        Quantity::Latency => Change::Times(12.0),
        Quantity::Connections => Change::Times(1.9),
        Quantity::Backlog => Change::Grow(4.0),
        Quantity::OldestAge => Change::Grow(1.0),
        Quantity::UnhealthyHosts => Change::Level(2.0),
        Quantity::ReplicaLag => Change::Grow(0.5),
        // Four machines of five have their processors held up by what does not answer.
        Quantity::Cpu if who.ordinal % 5 != 4 => Change::Level(0.92),
        Quantity::Demand => Change::Times(0.6),
        Quantity::Cpu | Quantity::Memory | Quantity::Other => return Vec::new(),
    };
    span(from, to, change)
}

fn noisy_host(origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
    let noisy = is_machine(who)
        && who.service == "search"
        && who.ordinal == 0
        && matches!(who.place.region(), "us-east-1" | "room-a");
    if quantity != Quantity::Cpu || !noisy {
        return Vec::new();
    }
    let burst = |n: i64| Span {
        from: origin + (2 + 6 * n) * MINUTE,
        to: origin + (5 + 6 * n) * MINUTE,
        change: Change::Level(0.98),
    };
    (0..240).map(burst).collect()
}

fn deploy(origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
    if who.service != "checkout" {
        return Vec::new();
    }
    let change = match quantity {
        Quantity::Errors => Change::Times(60.0),
        Quantity::Latency => Change::Times(6.0),
        Quantity::Cpu => Change::Level(0.91),
        Quantity::Connections => Change::Times(2.5),
        Quantity::Backlog => Change::Grow(1.5),
        Quantity::OldestAge => Change::Grow(1.0),
        _ => return Vec::new(),
    };
    span(origin + 3 * MINUTE, origin + 33 * MINUTE, change)
}

fn az_loss(origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
    let Place::Aws { region: BROWN_REGION, zone, .. } = &who.place else { return Vec::new() };
    let change = match (zone.as_deref(), quantity) {
        (Some(LOST_ZONE), Quantity::Demand | Quantity::Connections) => Change::Times(0.0),
        // What is left of the region carries the load of the zone that is gone.
        (Some(_), Quantity::Cpu) => Change::Times(1.2),
        (None, Quantity::UnhealthyHosts) => Change::Level(4.0),
        (None, Quantity::Errors) => Change::Times(12.0),
        (None, Quantity::Latency) => Change::Times(1.8),
        _ => return Vec::new(),
    };
    span(origin + 3 * MINUTE, origin + 33 * MINUTE, change)
}

pub(super) fn outages(scenario: Scenario, origin: Millis, who: &Identity) -> Vec<(Millis, Millis)> {
    match scenario {
        Scenario::AzLoss if who.place.zone() == Some(LOST_ZONE) => {
            vec![(origin + 3 * MINUTE, origin + 33 * MINUTE)]
        }
        // One machine in four of the region fails its checks; none of the hot ones.
        Scenario::FirstLight | Scenario::BrownOut
            if who.place.region() == BROWN_REGION && who.ordinal % 4 == 3 =>
        {
            scenario.brown_out(origin).into_iter().map(|(from, to)| (from + 2 * MINUTE, to)).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn trouble(scenario: Scenario, origin: Millis, cloud: Cloud, region: &str, t: Millis) -> Trouble {
    if let Some((from, to)) = scenario.brown_out(origin)
        && cloud == Cloud::Aws
        && region == BROWN_REGION
        && (from..to).contains(&t)
    {
        return Trouble { throttled: 0.15, failing: 0.20, late_ms: 2 * MINUTE, ..Trouble::default() };
    }
    let cut = (origin + 3 * MINUTE..origin + 23 * MINUTE).contains(&t);
    Trouble {
        unreachable: scenario == Scenario::UplinkLoss && cloud != Cloud::Onprem && cut,
        ..Trouble::default()
    }
}
