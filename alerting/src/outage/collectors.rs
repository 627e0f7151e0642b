//! How our own calls to a provider fare in one region.

use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::facts::{PartFacts, Trouble};
use super::{Evidence, EvidenceClass, ONPREM, Region};

/// One call that fails may have met a machine that was restarted; one that still fails so much later did not.
const LASTS: Duration = Duration::from_secs(20);
/// What has failed for so long is broken or misconfigured, and tells nothing of now.
const CHRONIC: Duration = Duration::from_secs(6 * 3600);
/// Of the parts of another region so many may fail for calls there to be fine.
const FINE_MAX: f64 = 0.5;

/// What calls to one region say, for the provider's fault and against it.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    pub(super) evidence: Option<Evidence>,
    pub(super) against: Vec<String>,
}

/// Reads the parts of one region beside those of everywhere else. The network is doubtful when other providers were not
/// reached of late either.
pub(super) fn calls(
    region: &Region,
    parts: &[PartFacts],
    is_network_doubtful: bool,
    now: Timestamp,
) -> Calls {
    let here = || parts.iter().filter(|part| is_in(part, region));
    let mut calls = Calls::default();
    let mut bad: Vec<(Trouble, Timestamp)> = Vec::new();
    for (trouble, since) in here().filter(|part| !is_chronic(part, now)).filter_map(|part| part.trouble) {
        match trouble {
            Trouble::Denied => calls.against.push("our own access to it is denied".to_owned()),
            Trouble::Unreachable if !is_network_proven(region, parts, since) => {
                calls.against.push("its interface does not answer, and nothing outside has since".to_owned());
            }
            Trouble::Unreachable if is_network_doubtful => {
                calls
                    .against
                    .push("other clouds do not always answer either: that may be our own network".to_owned());
            }
            Trouble::Throttled if is_throttled_elsewhere(region, parts) => {
                calls
                    .against
                    .push("we are throttled in its other regions too: that may be our own quota".to_owned());
            }
            trouble => bad.push((trouble, since)),
        }
    }
    calls.against.sort_unstable();
    calls.against.dedup();
    let Some(since) = bad.iter().map(|(_, since)| *since).min() else { return calls };
    if bad.len() > 1 || now.since(since) >= LASTS {
        let mut kinds: Vec<&str> = bad.iter().map(|(trouble, _)| trouble.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let detail = format!("{} of our {} calls there {}", bad.len(), here().count(), kinds.join(" or "));
        calls.evidence = Some(Evidence { class: EvidenceClass::Collectors, since, detail });
    }
    calls
}

/// Whether the interface in this region is not reached.
pub(super) fn is_unreachable(region: &Region, parts: &[PartFacts], now: Timestamp) -> bool {
    let is_unreachable = |(trouble, _)| trouble == Trouble::Unreachable;
    let is_here = |part: &&PartFacts| is_in(part, region) && !is_chronic(part, now);
    parts.iter().filter(is_here).any(|part| part.trouble.is_some_and(is_unreachable))
}

/// Whether asking has gone wrong in the same way for so long that it tells nothing of now.
pub(super) fn is_chronic(part: &PartFacts, now: Timestamp) -> bool {
    part.trouble.is_some_and(|(_, since)| now.since(since) >= CHRONIC)
}

fn is_in(part: &PartFacts, region: &Region) -> bool {
    (&part.provider, &part.region) == (&region.0, &region.1)
}

/// Whether another provider on the other side of our uplink has answered since.
pub(super) fn is_network_proven(region: &Region, parts: &[PartFacts], since: Timestamp) -> bool {
    let outside = |part: &&PartFacts| part.provider != region.0 && &*part.provider != ONPREM;
    parts.iter().filter(outside).any(|part| part.last_answer.is_some_and(|at| at > since))
}

fn is_throttled_elsewhere(region: &Region, parts: &[PartFacts]) -> bool {
    let elsewhere = || parts.iter().filter(|part| part.provider == region.0 && part.region != region.1);
    let throttled = elsewhere().filter(|part| matches!(part.trouble, Some((Trouble::Throttled, _)))).count();
    throttled > 0 && throttled as f64 >= FINE_MAX * elsewhere().count() as f64
}
