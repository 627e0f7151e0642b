//! What outages are inferred from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::{Labels, Timestamp};

use super::{HealthNotice, Region};
use crate::incident::Features;

/// What is known at one moment.
#[derive(Clone, Copy, Debug)]
pub struct OutageFacts<'a> {
    /// What is watched, and where.
    pub estate: &'a Estate,
    /// Every open alert that fired.
    pub alerts: &'a [&'a Features],
    /// Every part of every source.
    pub parts: &'a [PartFacts],
    /// What providers say.
    pub notices: &'a [HealthNotice],
}

/// One part of a source: the provider's interface in one region, or a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFacts {
    /// Who is asked.
    pub provider: Arc<str>,
    /// Where; empty when the part is not of one region.
    pub region: Arc<str>,
    /// What is wrong with asking, and since when it is this that is wrong; absent while all is well or nothing was asked yet.
    pub trouble: Option<(Trouble, Timestamp)>,
    /// When an answer last came, whatever it said.
    pub last_answer: Option<Timestamp>,
}

/// How asking a provider goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// Nothing answers.
    Unreachable,
    /// It answers that it failed.
    Errors,
    /// It answers that we ask too much.
    Throttled,
    /// It answers, with data that comes much later than it should.
    Late,
    /// It answers that we may not: our own affair.
    Denied,
}

impl Trouble {
    /// In words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "do not get through",
            Self::Errors => "fail at the provider",
            Self::Throttled => "are throttled",
            Self::Late => "bring late data",
            Self::Denied => "are denied",
        }
    }
}

/// Resources of one unit, in one zone, of one type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) unit: Arc<str>,
    pub(super) zone: Option<Arc<str>>,
    pub(super) kind: Option<Arc<str>>,
}

/// What is watched: how many resources each unit has in each zone of each region. A unit is what fails on its own: a service,
/// or what one team looks after, or all of an account that nobody named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estate {
    pub(super) regions: BTreeMap<Region, BTreeMap<Place, usize>>,
    units: BTreeMap<Region, BTreeSet<Arc<str>>>,
}

impl Estate {
    /// Adds a resource, given the labels that describe it. One that is in no region cannot be out with one, and is passed
    /// over.
    pub fn add(&mut self, labels: &Labels) {
        let text = |name: &str| labels.get(name).map(Arc::from);
        let (Some(provider), Some(region)) = (text("cloud_provider"), text("cloud_region")) else { return };
        let named = ["service_name", "tag_owner"].iter().find_map(|name| text(name));
        let place = Place {
            unit: unit(named, None, text("cloud_account_id")),
            zone: text("cloud_availability_zone"),
            kind: text("resource_type"),
        };
        let region = (provider, region);
        self.units.entry(region.clone()).or_default().insert(Arc::clone(&place.unit));
        *self.regions.entry(region).or_default().entry(place).or_default() += 1;
    }

    /// The units of a region.
    pub(super) fn units(&self, region: &Region) -> &BTreeSet<Arc<str>> {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        self.units.get(region).unwrap_or(&NONE)
    }
}

/// What an alert counts as.
pub(super) fn unit_of(features: &Features) -> Arc<str> {
    unit(features.service.clone(), features.owner.clone(), features.account.clone())
}

fn unit(service: Option<Arc<str>>, owner: Option<Arc<str>>, account: Option<Arc<str>>) -> Arc<str> {
    service.or(owner).unwrap_or_else(|| format!("account {}", account.as_deref().unwrap_or("unknown")).into())
}
