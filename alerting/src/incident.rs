//! Incidents: alerts that belong together, and why they do. Pure.
//!
//! Every open alert that fired is a member of exactly one incident. What correlates alerts is the resource they are about and
//! what is near it, the time they began, and what they say ([`Link`] and [`distance`] have the rule and its weights). People
//! may split and merge; what they did, correlation never undoes. An incident of a provider's outage takes what began in its
//! cell while it stands.
//!
//! State is a fold of [`IncidentRecord`]s; [`Incidents::correlate`] and its kin only say which records follow.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use isobar_normalizer::{Severity, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cell::Cell;
use crate::delivery::quoted_bytes;
use crate::outage::Verdict;

mod distance;
mod draft;
mod features;
mod fold;
mod index;
mod outages;
mod people;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;

pub use distance::Link;
pub use features::Features;
pub use fold::Incidents;
pub use people::IncidentError;
pub use timeline::{EntryKind, TimelineEntry, timeline};

/// Some alerts as one piece of trouble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Unique and stable: made of its first alert and the time it was opened.
    pub id: Arc<str>,
    /// In a line what it is about.
    pub title: String,
    /// Where it stands.
    pub state: IncidentState,
    /// The worst of its open members; when all are over, as it was last.
    pub severity: Severity,
    /// The cell that all its members are in, where there is one; of an outage, what is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// Why it is one incident: what opened it, and each merge and split since.
    pub reason: String,
    /// The outage it stands for; absent for alerts that merely belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Verdict>,
    /// When the first of its members began, event time; of an outage, its onset.
    pub starts_at: Timestamp,
    /// When the last of its members ended; absent while it is not resolved.
    pub ends_at: Option<Timestamp>,
    /// When it was last changed, processing time.
    pub updated_at: Timestamp,
    /// Who has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// The incident that its members went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Arc<str>>,
    /// Incidents that people split it from: correlation does not merge it with them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apart_from: BTreeSet<Arc<str>>,
}

/// An incident and its members.
///
/// In the journal it is the incident after a change, and of its members those that changed, so that an incident of ten
/// thousand alerts does not write all of them down with each that joins. What [`Incidents`] hands out has all members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// The incident.
    pub incident: Incident,
    /// By fingerprint: alerts that are or were in it.
    #[serde(with = "members")]
    pub members: BTreeMap<u64, Membership>,
    /// How many more were in it and have been over for so long that they are not remembered one by one. None in the
    /// journal, which has them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub forgotten: usize,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Nobody has taken it.
    Open,
    /// Somebody has.
    Acknowledged,
    /// All its members are over and have stayed so for a while, or it was merged into another one.
    Resolved,
}

impl IncidentState {
    /// The word the API and the journal use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert's part in an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// When it joined, processing time.
    pub joined_at: Timestamp,
    /// When the alert ended, event time; absent while it is open.
    pub left_at: Option<Timestamp>,
    /// Why it is in this incident, in words.
    pub reason: String,
    /// How bad the alert is.
    pub severity: Severity,
    /// Whether a person put it here; correlation leaves it where it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_person: bool,
    /// The incident it went to; it is no member here any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<Arc<str>>,
    /// What correlation sees of the alert.
    pub features: Features,
}

impl Membership {
    /// Whether the alert belongs to this incident now.
    pub fn is_here(&self) -> bool {
        self.moved_to.is_none()
    }

    /// As JSON it has at most so many bytes; found without writing it.
    fn bytes_max(&self) -> usize {
        /// More than what is of fixed length takes: names of fields, times, words for severity and class.
        const FIXED: usize = 640;
        /// Ten digits and a comma.
        const WORD: usize = 11;
        let Features {
            name,
            resource,
            kind,
            provider,
            account,
            region,
            zone,
            service,
            owner,
            host,
            workload,
            words,
            ..
        } = &self.features;
        let texts =
            [resource, kind, provider, account, region, zone, service, owner, host, workload, &self.moved_to];
        let texts = texts.into_iter().flatten().map(|text| &**text);
        let texts = texts.chain([&**name, self.reason.as_str()]);
        FIXED + texts.map(quoted_bytes).sum::<usize>() + WORD * words.len()
    }

    /// Whether the alert belongs to this incident and is open.
    pub fn is_open(&self) -> bool {
        self.is_here() && self.left_at.is_none()
    }
}

/// So many bytes of members go into one record of the journal, which takes no payload of more than 1 MiB. The incident beside
/// them takes a few kilobytes.
const PART_BYTES: usize = 512 * 1024;

impl IncidentRecord {
    /// The records that hold it: each has the incident as it is after the change, and a part of the members. Applied one after
    /// the other they are as the whole.
    pub fn parts(&self) -> Vec<Cow<'_, Self>> {
        let mut ends = Vec::new();
        let mut size = 0;
        for (fingerprint, member) in &self.members {
            let written = member.bytes_max();
            if size > 0 && size + written > PART_BYTES {
                ends.push(*fingerprint);
                size = 0;
            }
            size += written;
        }
        if ends.is_empty() {
            return vec![Cow::Borrowed(self)];
        }
        let from = std::iter::once(Bound::Unbounded).chain(ends.iter().copied().map(Bound::Included));
        let to = ends.iter().copied().map(Bound::Excluded).chain([Bound::Unbounded]);
        let part = |range| {
            let members =
                self.members.range(range).map(|(fingerprint, member)| (*fingerprint, member.clone()));
            let (incident, members) = (self.incident.clone(), members.collect());
            Cow::Owned(Self { incident, members, forgotten: self.forgotten })
        };
        from.zip(to).map(part).collect()
    }

    /// The members, without those that went to another incident.
    pub fn present(&self) -> impl Iterator<Item = (u64, &Membership)> {
        self.members
            .iter()
            .filter(|(_, member)| member.is_here())
            .map(|(fingerprint, member)| (*fingerprint, member))
    }
}

impl Incident {
    /// Whether it is over.
    pub fn is_resolved(&self) -> bool {
        self.state == IncidentState::Resolved
    }

    /// Whether it stands for an outage that goes on.
    pub fn is_standing_outage(&self) -> bool {
        !self.is_resolved() && self.outage.as_ref().is_some_and(|outage| outage.ended_at.is_none())
    }

    /// Adds to the reason. What does not fit any more is in the journal, record by record.
    fn add_reason(&mut self, more: &str) {
        const REASON_MAX: usize = 4_000;
        if self.reason.len() + more.len() <= REASON_MAX {
            self.reason += "; ";
            self.reason += more;
        }
    }
}

/// Members as a list, each with its fingerprint in 16 hex digits.
mod members {
    use super::{BTreeMap, Deserialize, Deserializer, Membership, Serialize, Serializer};

    #[derive(Serialize)]
    struct Written<'a> {
        fingerprint: String,
        #[serde(flatten)]
        membership: &'a Membership,
    }

    #[derive(Deserialize)]
    struct Read {
        fingerprint: String,
        #[serde(flatten)]
        membership: Membership,
    }

    pub(super) fn serialize<S: Serializer>(
        members: &BTreeMap<u64, Membership>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let written = |(fingerprint, membership)| Written { fingerprint: hex(fingerprint), membership };
        serializer.collect_seq(members.iter().map(written))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u64, Membership>, D::Error> {
        let keyed = |read: Read| {
            let fingerprint = u64::from_str_radix(&read.fingerprint, 16).map_err(serde::de::Error::custom)?;
            Ok((fingerprint, read.membership))
        };
        Vec::<Read>::deserialize(deserializer)?.into_iter().map(keyed).collect()
    }

    fn hex(fingerprint: &u64) -> String {
        format!("{fingerprint:016x}")
    }
}
