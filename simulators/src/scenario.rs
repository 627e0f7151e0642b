//! What happens to the estate and to the providers, from when to when.

mod script;

use std::fmt;
use std::str::FromStr;

use crate::estate::{Cloud, Identity, Millis, Span};

/// A minute in milliseconds.
const MINUTE: Millis = 60_000;

/// A script that the estate and the simulators follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Hosts of checkout are hot everywhere from ten minutes before the origin; six minutes after it, us-east-1 browns out.
    FirstLight,
    /// Nothing happens.
    QuietDay,
    /// One EC2 instance and one host of search are hot for three minutes of every six.
    NoisyHost,
    /// A deploy breaks checkout in every cloud for half an hour: errors, slow answers, busy processors.
    DeployGoneWrong,
    /// The zone us-east-1b is gone for half an hour.
    AzLoss,
    /// us-east-1 browns out for forty minutes: its services and the provider's own monitoring.
    BrownOut,
    /// No cloud can be reached for twenty minutes; one's own rooms are fine.
    UplinkLoss,
}

/// The scenarios by name, with a line about each.
pub const SCENARIOS: [(&str, Scenario, &str); 7] = [
    ("first-light", Scenario::FirstLight, "checkout is hot in three clouds, then us-east-1 browns out"),
    ("quiet-day", Scenario::QuietDay, "nothing happens"),
    ("noisy-host", Scenario::NoisyHost, "two hosts of search go hot and cool again and again"),
    ("deploy-gone-wrong", Scenario::DeployGoneWrong, "a deploy breaks checkout in every cloud"),
    ("az-loss", Scenario::AzLoss, "the zone us-east-1b is gone"),
    ("brown-out", Scenario::BrownOut, "us-east-1 answers badly, and so does its monitoring"),
    ("uplink-loss", Scenario::UplinkLoss, "no cloud can be reached"),
];

/// No scenario has this name.
#[derive(Debug, thiserror::Error)]
#[error("no scenario {name:?}; there are {}", SCENARIOS.map(|(name, ..)| name).join(", "))]
pub struct UnknownScenario {
    name: String,
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = SCENARIOS.iter().find(|(known, ..)| *known == name);
        found.map(|(_, scenario, _)| *scenario).ok_or_else(|| UnknownScenario { name: name.to_owned() })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = SCENARIOS.iter().find(|(_, scenario, _)| scenario == self);
        f.write_str(found.map_or("", |(name, ..)| name))
    }
}

/// The quantities a scenario can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Busy processors of machines, databases and caches.
    Cpu,
    /// Memory in use.
    Memory,
    /// Requests, queries, calls and messages sent.
    Demand,
    /// Answers and calls that failed, and connections that failed.
    Errors,
    /// How long an answer, a call or an operation takes.
    Latency,
    /// Open connections.
    Connections,
    /// Messages waiting.
    Backlog,
    /// Age of the oldest message.
    OldestAge,
    /// Hosts of a load balancer that fail their check.
    UnhealthyHosts,
    /// Seconds a replica is behind.
    ReplicaLag,
    /// What nothing moves.
    Other,
}

/// How the provider's own monitoring does at a time, in one region.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trouble {
    /// Nobody can connect.
    pub unreachable: bool,
    /// Share of calls that are refused for being too many.
    pub throttled: f64,
    /// Share of calls that fail inside the provider.
    pub failing: f64,
    /// How much later data arrives than it should, in milliseconds.
    pub late_ms: Millis,
}

impl Scenario {
    /// Returns what happens to a quantity of a resource.
    pub fn spans(self, origin: Millis, who: &Identity, quantity: Quantity) -> Vec<Span> {
        script::spans(self, origin, who, quantity)
    }

    /// Returns when a machine is down.
    pub fn outages(self, origin: Millis, who: &Identity) -> Vec<(Millis, Millis)> {
        script::outages(self, origin, who)
    }

    /// Returns how the provider's monitoring does in a region at `t`.
    pub fn trouble(self, origin: Millis, cloud: Cloud, region: &str, t: Millis) -> Trouble {
        script::trouble(self, origin, cloud, region, t)
    }

    /// Returns when us-east-1 browns out, if it does.
    pub fn brown_out(self, origin: Millis) -> Option<(Millis, Millis)> {
        match self {
            Self::FirstLight => Some((origin + 6 * MINUTE, origin + 46 * MINUTE)),
            Self::BrownOut => Some((origin + 3 * MINUTE, origin + 43 * MINUTE)),
            _ => None,
        }
    }
}
