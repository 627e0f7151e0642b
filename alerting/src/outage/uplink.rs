//! Our own way out: every cloud silent at once while our own rooms go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::collectors::is_chronic;
use super::facts::{PartFacts, Trouble};
use super::{Evidence, EvidenceClass, ONPREM};

/// Clouds that must be silent: one alone may be down itself.
const CLOUDS_MIN: usize = 2;
/// Parts of each that must not answer, or all it has where those are fewer.
const PARTS_MIN: usize = 2;
/// Nothing outside may have answered for so long: clouds are asked every minute, and by then what failed for a moment answers
/// again.
const LASTS: Duration = Duration::from_secs(60);

/// That nothing outside answers.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    pub(super) since: Timestamp,
    pub(super) evidence: Vec<Evidence>,
    pub(super) against: Vec<String>,
}

/// Looks whether every cloud is silent and has been for a while. What has been silent for hours is broken or gone, and tells
/// nothing of now.
pub(super) fn silence(parts: &[PartFacts], now: Timestamp) -> Option<Silence> {
    let mut clouds: BTreeMap<&Arc<str>, Vec<&PartFacts>> = BTreeMap::new();
    let mut rooms = Vec::new();
    for part in parts.iter().filter(|part| !part.provider.is_empty() && !is_chronic(part, now)) {
        if &*part.provider == ONPREM {
            rooms.push(part);
        } else {
            clouds.entry(&part.provider).or_default().push(part);
        }
    }
    if clouds.len() < CLOUDS_MIN {
        return None;
    }
    let silent: Option<Vec<Timestamp>> = clouds.values().map(|parts| silent_since(parts)).collect();
    let silent = silent?;
    let (since, all_since) = (silent.iter().min().copied()?, silent.iter().max().copied()?);
    if now.since(all_since) < LASTS {
        return None;
    }
    let outside = || clouds.values().flatten();
    let detail = format!(
        "{} of {} calls to all {} clouds do not get through, and none has since {all_since}",
        outside().filter(|part| unreachable_since(part).is_some()).count(),
        outside().count(),
        clouds.len()
    );
    let mut silence = Silence {
        since,
        evidence: vec![Evidence { class: EvidenceClass::Collectors, since, detail }],
        against: Vec::new(),
    };
    let has_answered = |part: &&&PartFacts| part.last_answer.is_some_and(|at| at > all_since);
    let going_on = rooms.iter().filter(has_answered).count();
    if rooms.is_empty() {
        silence.against.push("there is no source of our own to compare with".to_owned());
    } else if going_on * 2 >= rooms.len() {
        let detail = format!("{going_on} of {} sources in our own rooms go on", rooms.len());
        silence.evidence.push(Evidence { class: EvidenceClass::Controls, since, detail });
    } else {
        silence.against.push(format!("only {going_on} of {} sources in our own rooms go on", rooms.len()));
    }
    Some(silence)
}

/// Since when a cloud is silent: since the first of the failures that nothing there has answered after.
fn silent_since(parts: &[&PartFacts]) -> Option<Timestamp> {
    let answered = parts.iter().filter_map(|part| part.last_answer).max();
    let failing = parts.iter().filter_map(|part| unreachable_since(part));
    let silent: Vec<Timestamp> = failing.map(|since| answered.map_or(since, |at| since.max(at))).collect();
    let is_silent = silent.len() >= PARTS_MIN.min(parts.len());
    silent.into_iter().min().filter(|_| is_silent)
}

fn unreachable_since(part: &PartFacts) -> Option<Timestamp> {
    part.trouble.filter(|(trouble, _)| *trouble == Trouble::Unreachable).map(|(_, since)| since)
}
