//! Our own way out: every cloud silent at once while our own rooms go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::facts::{PartFacts, Trouble};
use super::{Evidence, EvidenceClass, ONPREM};

/// Clouds that must be silent: one alone may be down itself.
const CLOUDS_MIN: usize = 2;
/// Parts of each that must not answer, or all it has where those are fewer.
const PARTS_MIN: usize = 2;

/// That nothing outside answers.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    pub(super) since: Timestamp,
    pub(super) evidence: Vec<Evidence>,
    pub(super) against: Vec<String>,
}

/// Looks whether every cloud is silent: none has answered since the last of them fell silent.
pub(super) fn silence(parts: &[PartFacts]) -> Option<Silence> {
    let mut clouds: BTreeMap<&Arc<str>, Vec<&PartFacts>> = BTreeMap::new();
    let (rooms, outside): (Vec<&PartFacts>, Vec<&PartFacts>) =
        parts.iter().partition(|part| &*part.provider == ONPREM);
    for part in outside.iter().filter(|part| !part.provider.is_empty()) {
        clouds.entry(&part.provider).or_default().push(part);
    }
    if clouds.len() < CLOUDS_MIN {
        return None;
    }
    let mut first = None;
    let mut last = None;
    for parts in clouds.values() {
        let silent: Vec<Timestamp> = parts.iter().filter_map(|part| silent_since(part)).collect();
        if silent.len() < PARTS_MIN.min(parts.len()) {
            return None;
        }
        let since = silent.iter().min().copied();
        first = first.into_iter().chain(since).min();
        last = last.into_iter().chain(since).max();
    }
    let (since, all_since) = (first?, last?);
    let has_answered = |part: &&PartFacts| part.last_success.is_some_and(|at| at > all_since);
    if outside.iter().any(has_answered) {
        return None;
    }
    let silent = outside.iter().filter(|part| silent_since(part).is_some()).count();
    let detail = format!(
        "{silent} of {} calls to all {} clouds do not get through, and none has since {all_since}",
        outside.len(),
        clouds.len()
    );
    let mut silence = Silence {
        since,
        evidence: vec![Evidence { class: EvidenceClass::Collectors, since, detail }],
        against: Vec::new(),
    };
    let going_on = rooms.iter().filter(|part| has_answered(part)).count();
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

fn silent_since(part: &PartFacts) -> Option<Timestamp> {
    part.trouble.filter(|(trouble, _)| *trouble == Trouble::Unreachable).map(|(_, since)| since)
}
