//! Other policies over the same stretch: the evaluator over the series that are still kept, on the recording's clock.

use std::collections::BTreeSet;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::recording::{Input, Recording, unreadable};
use super::{IsOver, ReplayError};
use crate::alert::Alert;
use crate::evaluate::{Evaluator, RuleQuery};
use crate::event::{KIND_ALERT, Transition};
use crate::policy::Policy;

/// Sources are looked at so many times in a stretch, within these bounds: a running evaluator looks whenever data comes.
const LOOKS: u32 = 2_000;
const LOOK_MIN: Duration = Duration::from_secs(1);

/// Series as they could be asked for at moments of the past.
pub trait PastSeries: Send + Sync {
    /// Answers as of `now`: no source has come further than it could have by then. It answers the same however often it is
    /// asked, as long as nothing of the past is written.
    fn at(&self, now: Timestamp) -> Box<dyn RuleQuery + '_>;
}

/// Puts what these policies say in the place of what policies said then. Alerts about Isobar itself, those of
/// outages, those that others sent, providers' alarms and what was folded with one stay as they were recorded. `interval` is that of [`Evaluator::new`].
///
/// # Errors
/// A record that cannot be read, or it takes too long.
pub async fn reevaluate(
    mut recording: Recording,
    policies: Vec<Policy>,
    series: &dyn PastSeries,
    interval: Duration,
    is_over: IsOver<'_>,
) -> Result<Recording, ReplayError> {
    let mut inputs = Vec::with_capacity(recording.inputs.len());
    for input in std::mem::take(&mut recording.inputs) {
        let transition = read(&input)?;
        inputs.push((input, transition));
    }
    // A fold is made of both kinds; taking it apart would tell of neither as it was.
    let alerts = inputs.iter().filter_map(|(_, transition)| transition.as_ref().map(|one| &one.alert));
    let kept = alerts.chain(recording.past.alerts()).filter(|alert| !is_of_policy(alert));
    let kept: BTreeSet<u64> = kept.map(Alert::fingerprint).collect();
    let is_kept = |alert: &Alert| kept.contains(&alert.fingerprint());
    inputs.retain(|(_, transition)| transition.as_ref().is_none_or(|one| is_kept(&one.alert)));

    let mut evaluator = Evaluator::new(policies, interval);
    let standing: Vec<Alert> = recording.past.alerts().filter(|alert| !is_kept(alert)).cloned().collect();
    let mut now = recording.from;
    let mut said = evaluator.restore(&standing, now);
    let look = (recording.to.since(now) / LOOKS).clamp(LOOK_MIN, interval.max(LOOK_MIN));
    while now < recording.to {
        if is_over() {
            return Err(ReplayError::TookTooLong);
        }
        said.extend(evaluator.tick(&*series.at(now), now).await);
        now = now.plus(look);
    }
    let mut merged: Vec<Input> = inputs.into_iter().map(|(input, _)| input).collect();
    for transition in said.into_iter().filter(|transition| !is_kept(&transition.alert)) {
        let payload = serde_json::to_vec(&transition).map_err(|error| unreadable(KIND_ALERT, &error))?;
        merged.push(Input { at: transition.decided_at, kind: KIND_ALERT.to_owned(), payload });
    }
    merged.sort_by_key(|input| input.at);
    recording.inputs = merged;
    Ok(recording)
}

fn read(input: &Input) -> Result<Option<Transition>, ReplayError> {
    if input.kind != KIND_ALERT {
        return Ok(None);
    }
    let read = serde_json::from_slice(&input.payload).map_err(|error| unreadable(&input.kind, &error))?;
    Ok(Some(read))
}

/// Whether a policy alone says it.
fn is_of_policy(alert: &Alert) -> bool {
    alert.is_judged() && alert.native.is_empty() && alert.members.is_empty()
}
