//! Which messages of two tellings of the same stretch are the same, which are another, and which are in one only.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};

use super::message::{ReplayedMessage, ToldAlert};
use crate::delivery::{Direction, IntegrationId};

/// Messages that say the same within this time are the same: timers ring late, and lateness adds up between two messages.
const SAME_WITHIN: Duration = Duration::from_secs(5);
/// A message about one of the same alerts within this time is the same one changed: the default of `group_interval`.
const CHANGED_WITHIN: Duration = Duration::from_secs(5 * 60);

/// What one receiver was told then, and would be told now.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverDifference {
    /// Its name.
    pub receiver: Arc<str>,
    /// Messages then.
    pub then: usize,
    /// Messages now.
    pub now: usize,
    /// Messages that say the same at the same time.
    pub same: usize,
    /// Told now only, in order.
    pub added: Vec<ReplayedMessage>,
    /// Told then only, in order.
    pub removed: Vec<ReplayedMessage>,
    /// Told then and now, at another time or about other alerts as well; in the order of now.
    pub changed: Vec<Changed>,
}

/// A message that would be another.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// As it was.
    pub then: ReplayedMessage,
    /// As it would be.
    pub now: ReplayedMessage,
}

/// What differs, by receiver.
pub(super) fn of(then: &[ReplayedMessage], now: &[ReplayedMessage]) -> Vec<ReceiverDifference> {
    let mut left_then: Vec<Option<&ReplayedMessage>> = then.iter().map(Some).collect();
    let mut left_now: Vec<Option<&ReplayedMessage>> = now.iter().map(Some).collect();
    let times: Vec<Timestamp> = then.iter().map(|message| message.at).collect();
    let same = pair_same(&times, &mut left_then, &mut left_now);
    let changed = pair_changed(&times, &mut left_then, &mut left_now);

    let mut receivers: BTreeMap<Arc<str>, ReceiverDifference> = BTreeMap::new();
    for message in then {
        entry(&mut receivers, &message.way.receiver).then += 1;
    }
    for message in now {
        entry(&mut receivers, &message.way.receiver).now += 1;
    }
    for message in same {
        entry(&mut receivers, &message.way.receiver).same += 1;
    }
    for change in changed {
        entry(&mut receivers, &change.now.way.receiver.clone()).changed.push(change);
    }
    for message in left_then.into_iter().flatten() {
        entry(&mut receivers, &message.way.receiver).removed.push(message.clone());
    }
    for message in left_now.into_iter().flatten() {
        entry(&mut receivers, &message.way.receiver).added.push(message.clone());
    }
    receivers.into_values().collect()
}

fn entry<'a>(
    receivers: &'a mut BTreeMap<Arc<str>, ReceiverDifference>,
    receiver: &Arc<str>,
) -> &'a mut ReceiverDifference {
    receivers.entry(Arc::clone(receiver)).or_insert_with(|| ReceiverDifference {
        receiver: Arc::clone(receiver),
        then: 0,
        now: 0,
        same: 0,
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
    })
}

/// Takes out the pairs that say the same; returns one of each.
fn pair_same<'a>(
    times: &[Timestamp],
    then: &mut [Option<&'a ReplayedMessage>],
    now: &mut [Option<&'a ReplayedMessage>],
) -> Vec<&'a ReplayedMessage> {
    let content = |message: &'a ReplayedMessage| -> (&'a IntegrationId, &'a Labels, &'a [ToldAlert]) {
        (&message.way, &message.group_labels, &message.alerts)
    };
    let mut known: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (index, message) in then.iter().enumerate() {
        if let Some(message) = message {
            known.entry(content(message)).or_default().push_back(index);
        }
    }
    let mut same = Vec::new();
    for place in now.iter_mut() {
        let Some(message) = *place else { continue };
        let Some(candidates) = known.get_mut(&content(message)) else { continue };
        let found = nearest(candidates, times, then, message.at, SAME_WITHIN);
        if let Some(index) = found.and_then(|found| candidates.remove(found)) {
            then[index] = None;
            *place = None;
            same.push(message);
        }
    }
    same
}

/// Takes out the pairs that are about one of the same alerts, each with the nearest in time.
fn pair_changed(
    times: &[Timestamp],
    then: &mut [Option<&ReplayedMessage>],
    now: &mut [Option<&ReplayedMessage>],
) -> Vec<Changed> {
    let mut known: HashMap<(&IntegrationId, u64, Direction), VecDeque<usize>> = HashMap::new();
    for (index, message) in then.iter().enumerate() {
        let Some(message) = message else { continue };
        for alert in &message.alerts {
            let about = (&message.way, alert.fingerprint, alert.direction);
            known.entry(about).or_default().push_back(index);
        }
    }
    let mut changed = Vec::new();
    for place in now.iter_mut() {
        let Some(message) = *place else { continue };
        let about = message.alerts.iter().map(|alert| (&message.way, alert.fingerprint, alert.direction));
        let candidates = about.filter_map(|about| {
            let candidates = known.get(&about)?;
            nearest(candidates, times, then, message.at, CHANGED_WITHIN).map(|found| candidates[found])
        });
        let distance = |index: &usize| (apart(times[*index], message.at), *index);
        if let Some(former) = candidates.min_by_key(distance).and_then(|index| then[index].take()) {
            *place = None;
            changed.push(Changed { then: former.clone(), now: message.clone() });
        }
    }
    changed
}

/// The place of the candidate nearest in time that is not taken, within a distance; of two the earlier.
fn nearest(
    candidates: &VecDeque<usize>,
    times: &[Timestamp],
    left: &[Option<&ReplayedMessage>],
    at: Timestamp,
    within: Duration,
) -> Option<usize> {
    let first = candidates.partition_point(|index| times[*index] < at.minus(within));
    let near = candidates.iter().enumerate().skip(first);
    let near = near.take_while(|(_, index)| times[**index] <= at.plus(within));
    let near = near.filter(|(_, index)| left[**index].is_some());
    near.min_by_key(|(place, index)| (apart(times[**index], at), *place)).map(|(place, _)| place)
}

/// How far two moments are from each other.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}
