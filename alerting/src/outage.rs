//! Outages of providers, inferred from what we see ourselves. Pure.
//!
//! For each cell, a region of a provider, there are four classes of evidence:
//! - **breadth**: far more of the independent services there breach than usually do;
//! - **collectors**: our own calls to the provider there fail, are throttled, or bring late data;
//! - **controls**: everything elsewhere is as usual, and our own network is proven to work;
//! - **notice**: the provider says so.
//!
//! Two classes that agree make an outage suspected, the provider's notice with one of ours confirms it. What fails in every
//! cloud at once while our own rooms go on is our own uplink, and no provider is blamed; what fails wherever one service runs
//! is that service. A verdict carries what speaks for it and what speaks against it, in words and numbers.

use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{AlertClass, Labels, Timestamp, format_duration};
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::incident::Features;
use crate::policy::ALERT_NAME;

mod alert;
mod breadth;
mod collectors;
mod facts;
mod infer;
mod notice;
#[cfg(test)]
mod tests;
mod uplink;

pub use alert::OutageAlerts;
pub use facts::{Estate, OutageFacts, PartFacts, Trouble};
pub use infer::OutageInference;
pub use notice::HealthNotice;

/// The alert of a provider's outage.
pub(crate) const PROVIDER_OUTAGE: &str = "ProviderOutage";
/// The alert of our own way out.
pub(crate) const OWN_UPLINK: &str = "OwnUplink";
/// The names of outages' alerts, which no policy may take.
pub(crate) const VOICES: [&str; 2] = [PROVIDER_OUTAGE, OWN_UPLINK];

/// The provider of our own rooms.
const ONPREM: &str = "onprem";

/// Alerts of these classes are what an outage brings about. A full disk, a leaked key or a bill are not.
const BROUGHT_ABOUT: [AlertClass; 5] = [
    AlertClass::Availability,
    AlertClass::Latency,
    AlertClass::Errors,
    AlertClass::Saturation,
    AlertClass::DataProtection,
];

/// Rules about Isobar itself that fire when nothing outside can be reached.
const OF_UPLINK: [&str; 3] = ["source_down", "watermark_lag", "delivery_failing"];

/// When an outage began is known to so much: alerts that began this much before it are still explained by it.
const ONSET_SLACK: Duration = Duration::from_secs(2 * 60);

/// What is found to be out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is to blame.
    pub cause: Cause,
    /// What is out; absent for our own uplink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// How sure it is.
    pub level: Level,
    /// When it began, event time, as far as can be told.
    pub onset: Timestamp,
    /// When it was found, processing time.
    pub found_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
    /// What speaks against it, or could not be looked at.
    pub against: Vec<String>,
}

/// What an outage is blamed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The provider.
    Provider,
    /// Our own way out to all of them.
    OwnUplink,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Two independent classes of evidence agree.
    Suspected,
    /// The provider says so too.
    Confirmed,
}

impl Level {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
        }
    }
}

/// The classes of evidence; two of one class count once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceClass {
    /// How much of ours breaches.
    Breadth,
    /// How our own calls fare.
    Collectors,
    /// How everything else does.
    Controls,
    /// What the provider says.
    Notice,
}

/// One thing that speaks for a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its class.
    pub class: EvidenceClass,
    /// Since when.
    pub since: Timestamp,
    /// In words and numbers.
    pub detail: String,
}

impl Verdict {
    /// The name of its alert.
    pub fn name(&self) -> &'static str {
        match self.cause {
            Cause::Provider => PROVIDER_OUTAGE,
            Cause::OwnUplink => OWN_UPLINK,
        }
    }

    /// The identity of its alert: what is out, however sure that is and whichever zone.
    pub fn identity(&self) -> Labels {
        let mut identity = Labels::empty().edit();
        identity.set(ALERT_NAME, self.name());
        if let Some(cell) = &self.cell {
            identity.set("cloud_provider", &*cell.provider).set("cloud_region", &*cell.region);
            identity.set("cloud_service", cell.service.as_deref().unwrap_or_default());
        }
        identity.build()
    }

    /// `Outage of aws us-east-1 suspected: 40 alerts`.
    pub fn title(&self, members: usize) -> String {
        let what = match (self.cause, &self.cell) {
            (Cause::Provider, Some(cell)) => format!("Outage of {cell} {}", self.level.as_str()),
            _ => "Our own uplink: no cloud can be reached".to_owned(),
        };
        // Its own alert is no trouble more.
        let others = members.saturating_sub(1);
        if others == 1 { format!("{what}: 1 alert") } else { format!("{what}: {others} alerts") }
    }

    /// What speaks for it, in one line.
    pub fn evidence(&self) -> String {
        self.evidence.iter().map(|evidence| evidence.detail.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Whether it is about what the other is about, found once or again, and in whichever zone.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        self.cause == other.cause && self.identity() == other.identity()
    }

    /// Whether this is the verdict's own alert.
    pub(crate) fn is_voice(&self, features: &Features) -> bool {
        let of_cell = |cell: &Cell| {
            features.provider.as_ref() == Some(&cell.provider)
                && features.region.as_ref() == Some(&cell.region)
        };
        &*features.name == self.name() && self.cell.as_ref().is_none_or(of_cell)
    }

    /// Why an alert is part of this, in words; `None` for one that is not.
    pub(crate) fn explains(&self, features: &Features) -> Option<String> {
        if self.ended_at.is_none() && self.is_voice(features) {
            return Some("says that it is so".to_owned());
        }
        self.speaks_for(features).then(|| self.since(features))
    }

    /// Whether an alert is part of this and is not this outage's own: nobody needs to be told of it.
    pub(crate) fn speaks_for(&self, features: &Features) -> bool {
        if self.ended_at.is_some()
            || is_voice(&features.name)
            || features.starts_at < self.onset.minus(ONSET_SLACK)
        {
            return false;
        }
        let is_brought_about = BROUGHT_ABOUT.contains(&features.class);
        match (self.cause, &self.cell) {
            (Cause::Provider, None) => false,
            (Cause::Provider, Some(cell)) => {
                let is_in_zone = |zone| features.zone.as_ref().is_none_or(|of| of == zone);
                is_brought_about
                    && features.provider.as_ref() == Some(&cell.provider)
                    && features.region.as_ref() == Some(&cell.region)
                    && cell.service.as_ref().is_none_or(|kind| features.kind.as_ref() == Some(kind))
                    && cell.zone.as_ref().is_none_or(is_in_zone)
            }
            (Cause::OwnUplink, _) => {
                let is_abroad = features.provider.as_deref().is_some_and(|provider| provider != ONPREM);
                (is_abroad && is_brought_about) || OF_UPLINK.contains(&&*features.name)
            }
        }
    }

    /// Whether anything in these regions could be part of it.
    pub(crate) fn may_explain<'a>(&self, regions: impl Iterator<Item = Option<&'a Cell>>) -> bool {
        let Some(cell) = &self.cell else { return true };
        let mut regions = regions.flatten();
        regions.any(|region| (&region.provider, &region.region) == (&cell.provider, &cell.region))
    }

    fn since(&self, features: &Features) -> String {
        let what = match &self.cell {
            Some(cell) => format!("the outage of {cell}"),
            None => "the loss of our uplink".to_owned(),
        };
        let class = features.class;
        match features.starts_at.since(self.onset).as_secs() {
            0 => format!("{class}, began with {what}"),
            after => format!("{class}, began {} after {what}", format_duration(Duration::from_secs(after))),
        }
    }
}

/// Whether an alert of this name is a verdict's.
pub(crate) fn is_voice(name: &str) -> bool {
    VOICES.contains(&name)
}

/// A region of a provider, as a key.
type Region = (Arc<str>, Arc<str>);
