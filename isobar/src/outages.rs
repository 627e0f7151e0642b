//! Looks whether a provider is out, or our own way to all of them, from what is watched and how collecting goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use isobar_alerting::{CentreHandle, Estate, OutageAlerts, OutageInference, PartFacts, Transition, Verdict};
use isobar_normalizer::{Labels, Provider};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::clock;
use crate::collect::{PartHealth, SourceStatuses};
use crate::resources::ResourceTable;
use crate::stages::Stages;

/// How often it is looked. Alerts and collections come by the minute; the group of a page waits for half of one.
const EVERY: Duration = Duration::from_secs(5);
/// What is watched changes with inventories, which are read every ten minutes.
const ESTATE_KEPT: Duration = Duration::from_secs(60);
/// How long what could not be written down waits.
const PAUSE: Duration = Duration::from_secs(1);
/// Its name among the stages.
const STAGE: &str = "outages";

/// The regions that a part sees.
type Regions = BTreeSet<(Provider, String)>;

/// What is looked at.
#[derive(Debug)]
pub struct Outages {
    /// What alerts there are, and where verdicts go.
    pub centre: CentreHandle,
    /// What is watched.
    pub resources: Arc<ResourceTable>,
    /// How collecting goes.
    pub statuses: Arc<SourceStatuses>,
    /// Where health sees it.
    pub stages: Arc<Stages>,
}

impl Outages {
    /// Looks again and again until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let outages = Arc::new(self);
        let centre = &outages.centre;
        outages.stages.started(STAGE, EVERY, clock::now());
        let incidents = centre.incidents().into_iter().map(|listed| listed.incident);
        let held = incidents.filter(|incident| !incident.is_resolved());
        let verdicts: Vec<Verdict> = held.filter_map(|incident| incident.outage).collect();
        let mut inference = OutageInference::restored(&verdicts);
        let mut voices = OutageAlerts::restored(&centre.alerts());
        // What an outage explains is not told: before anything else it has the alert that speaks for it.
        let missing = voices.catch_up(&verdicts, clock::now());
        if hold(centre, Vec::new(), missing, &stop).await.is_none() {
            return;
        }
        let mut estate: Option<(Instant, Arc<Estate>)> = None;
        loop {
            let watched = match estate.take().filter(|(read, _)| read.elapsed() < ESTATE_KEPT) {
                Some(known) => known,
                None => (Instant::now(), Arc::new(outages.estate().await)),
            };
            let (looking, watching) = (outages.clone(), watched.1.clone());
            estate = Some(watched);
            let looked = tokio::task::spawn_blocking(move || {
                let parts = looking.parts();
                looking.centre.look_for_outages(&inference, &watching, &parts)
            });
            let told;
            (inference, told) = match looked.await {
                Ok(looked) => looked,
                Err(error) => {
                    error!(%error, "looking for outages broke off");
                    return;
                }
            };
            let now = clock::now();
            let transitions = told.iter().filter_map(|verdict| voices.tell(verdict, now)).collect();
            if hold(centre, told, transitions, &stop).await.is_none() {
                return;
            }
            outages.stages.finished(STAGE, EVERY, clock::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// What is watched, and where.
    async fn estate(self: &Arc<Self>) -> Estate {
        let outages = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut estate = Estate::default();
            for resource in outages.resources.all() {
                if let Ok(labels) = Labels::from_pairs(resource.labels()) {
                    estate.add(&labels);
                }
            }
            estate
        });
        reading.await.unwrap_or_else(|error| {
            error!(%error, "reading what is watched broke off");
            Estate::default()
        })
    }

    /// Every part that asks a cloud's own interface, and what is collected in our own rooms.
    fn parts(&self) -> Vec<PartFacts> {
        let now = clock::now();
        let mut regions: BTreeMap<(Arc<str>, Arc<str>), Regions> = BTreeMap::new();
        for (place, parts) in self.resources.places() {
            for part in parts {
                let seen = regions.entry((place.source.clone(), part)).or_default();
                seen.insert((place.provider, place.region.clone()));
            }
        }
        let mut facts = Vec::new();
        for status in self.statuses.all() {
            let cloud = interface(status.kind);
            for part in status.parts(now) {
                let seen = regions.get(&(status.name.clone(), part.key.clone()));
                let provider = cloud.or_else(|| in_our_rooms(seen));
                facts.extend(provider.map(|provider| fact(provider, seen, &part)));
            }
        }
        facts
    }
}

/// Kinds of sources that ask a provider's interface, and whose that is; the others ask machines.
const INTERFACES: [(&str, Provider); 2] = [("azure_monitor", Provider::Azure), ("cloudwatch", Provider::Aws)];

/// Whose interface a kind of source asks.
fn interface(kind: &str) -> Option<Provider> {
    INTERFACES.iter().find(|(of, _)| *of == kind).map(|(_, provider)| *provider)
}

/// Our own rooms, for what sees nothing else. What scrapes a machine in a cloud says of the machine, and nothing of the
/// cloud's interface.
fn in_our_rooms(seen: Option<&Regions>) -> Option<Provider> {
    let is_ours = |(provider, _): &(Provider, String)| *provider == Provider::Onprem;
    seen.is_some_and(|seen| seen.iter().all(is_ours)).then_some(Provider::Onprem)
}

fn fact(provider: Provider, seen: Option<&Regions>, part: &PartHealth) -> PartFacts {
    let mut regions = seen.into_iter().flatten().map(|(_, region)| region.as_str());
    let region = match (regions.next(), regions.next()) {
        (Some(only), None) => only,
        _ => "",
    };
    PartFacts {
        provider: provider.as_str().into(),
        region: region.into(),
        trouble: part.reach.trouble,
        last_answer: part.reach.last_answer,
    }
}

/// Hands verdicts and alerts over until they are taken: the inference holds them already. `None` when stopped.
async fn hold(
    centre: &CentreHandle,
    verdicts: Vec<Verdict>,
    transitions: Vec<Transition>,
    stop: &CancellationToken,
) -> Option<()> {
    if verdicts.is_empty() && transitions.is_empty() {
        return Some(());
    }
    loop {
        match centre.hold_outages(verdicts.clone(), transitions.clone()).await {
            Ok(()) => return Some(()),
            Err(error) => warn!(%error, "what is known of outages was not taken; it is handed in again"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Timestamp;

    use super::*;

    fn part() -> PartHealth {
        PartHealth {
            key: "1/us-east-1".into(),
            health: crate::collect::SourceHealth::Up,
            reason: None,
            reach: Default::default(),
            last_success: None,
            samples: 0,
            next: Timestamp::from_millis(2),
        }
    }

    /// A kind that is not among them is never evidence against its provider.
    #[test]
    fn every_kind_of_source_asks_a_known_interface_or_machines() {
        for kind in isobar_collectors::KINDS {
            let asks_machines = kind.name() == "prometheus";
            assert_ne!(interface(kind.name()).is_some(), asks_machines, "{}", kind.name());
        }
        let exists = |name: &str| isobar_collectors::KINDS.iter().any(|kind| kind.name() == name);
        assert!(INTERFACES.iter().all(|(name, _)| exists(name)));
    }

    #[test]
    fn a_part_is_of_the_one_region_it_sees() {
        let seen =
            |regions: &[&str]| regions.iter().map(|region| (Provider::Aws, (*region).to_owned())).collect();
        let region = |seen: Option<&Regions>| fact(Provider::Aws, seen, &part()).region;
        assert_eq!(&*region(Some(&seen(&["us-east-1"]))), "us-east-1");
        assert_eq!(&*region(Some(&seen(&["us-east-1", "eu-west-1"]))), "");
        assert_eq!(&*region(None), "");
    }

    #[test]
    fn what_scrapes_our_own_rooms_alone_tells_of_them() {
        let seen = |providers: &[Provider]| {
            providers.iter().map(|one| (*one, "room-a".to_owned())).collect::<BTreeSet<_>>()
        };
        assert_eq!(in_our_rooms(Some(&seen(&[Provider::Onprem]))), Some(Provider::Onprem));
        assert_eq!(in_our_rooms(Some(&seen(&[Provider::Onprem, Provider::Aws]))), None);
        assert_eq!(in_our_rooms(None), None);
    }
}
